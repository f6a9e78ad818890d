"""What jobs use: their notebooks and libraries are those that the environment puts there, or nobody's of ours."""

from pathlib import Path

import pytest
from support.jobfiles import BUILT, JOB, LIBRARIES, job, library, one, place, read


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "/Shared/bikeshare/scor",
            "There is no notebook /Shared/bikeshare/scor among what this environment puts there. Did you mean `/Shared/bikeshare/score`?",
        ),
        ("/Workspace/Shared/bikeshare/score.py", "Did you mean `/Shared/bikeshare/score`?"),
        ("/Shared/bikeshare/main.py", "is a file, not a notebook"),
        (
            "./score.py",
            "No notebook jobs/score.py is among what this environment puts there. Did you mean `notebooks/score.py`?",
        ),
        ("../../score.py", "leads out of the repository"),
        ("../notebooks/main.py", "notebooks/main.py is a file, not a notebook"),
    ],
)
def test_a_notebook_that_is_not_there_is_told_at_its_place(tmp_path: Path, path: str, words: str) -> None:
    text = JOB.replace("../notebooks/score.py", path)
    fault = one(tmp_path, text)
    assert fault.startswith(f"{place(text, path)}: ")
    assert words in fault


@pytest.mark.parametrize(
    "path", ["/Shared/elsewhere/x", "/Users/me@example.org/x", "/Shared/bikeshare2/x", "/Shared/bikeshare"]
)
def test_what_is_not_in_our_folders_is_left_alone(tmp_path: Path, path: str) -> None:
    (found,), faults = read(tmp_path, JOB.replace("../notebooks/score.py", path))
    assert faults == []
    assert found.settings["tasks"][1]["notebook_task"]["notebook_path"] == path
    assert path not in found.uses


def test_a_notebook_of_a_git_repository_that_the_job_names_is_none_of_ours(tmp_path: Path) -> None:
    more = "      git_source: {git_url: 'https://example.org/x', git_provider: gitHub, git_branch: main}\n"
    text = job("- {task_key: a, notebook_task: {notebook_path: notebooks/x}}", more)
    (found,), faults = read(tmp_path, text)
    assert faults == []
    assert found.settings["tasks"][0]["notebook_task"]["notebook_path"] == "notebooks/x"


@pytest.mark.parametrize(
    ("value", "points_to"),
    [
        (
            "whl: /Workspace/Shared/bikeshare/libs/bikeshare-*.whl",
            f"/Workspace/Shared/bikeshare/libs/{BUILT}",
        ),
        ("whl: /Shared/bikeshare/libs/*.whl", f"/Workspace/Shared/bikeshare/libs/{BUILT}"),
        (
            "whl: /Workspace/Shared/bikeshare/libs/bikeshare-0.1.0-py3-none-any.whl",
            f"/Workspace/Shared/bikeshare/libs/{BUILT}",
        ),
        ("whl: ../model/dist/*.whl", f"/Workspace/Shared/bikeshare/libs/{BUILT}"),
        ("whl: ./dist/bikeshare-*.whl", f"/Workspace/Shared/bikeshare/libs/{BUILT}"),
        ("jar: ../dist/spark.jar", "/Workspace/Shared/bikeshare/libs/spark.jar"),
        ("requirements: ../notebooks/requirements.txt", "/Workspace/Shared/bikeshare/requirements.txt"),
        ("whl: dbfs:/libs/x.whl", "dbfs:/libs/x.whl"),
        ("whl: /Volumes/a/b/c/x-1.0-py3-none-any.whl", "/Volumes/a/b/c/x-1.0-py3-none-any.whl"),
    ],
)
def test_a_library_is_pointed_at_the_file_of_this_version(tmp_path: Path, value: str, points_to: str) -> None:
    (found,), faults = read(
        tmp_path, JOB.replace("whl: /Workspace/Shared/bikeshare/libs/bikeshare-*.whl", value)
    )
    assert faults == []
    kind = value.split(":")[0]
    assert found.settings["tasks"][1]["libraries"] == [{kind: points_to}]


def test_a_new_version_of_the_library_points_the_job_to_it(tmp_path: Path) -> None:
    newer = BUILT.replace("0123456789ab", "ba9876543210")
    (before,), _ = read(tmp_path, JOB)
    (after,), _ = read(tmp_path, JOB, libraries=[library(newer)])
    assert after.settings["tasks"][1]["libraries"] == [{"whl": f"/Workspace/Shared/bikeshare/libs/{newer}"}]
    assert before.settings != after.settings


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("/Workspace/Shared/bikeshare/libs/bikesharing-*.whl", "No library of this environment fits"),
        (
            "/Workspace/Shared/bikeshare/libs/bikeshare-0.2.0-py3-none-any.whl",
            "No library of this environment fits",
        ),
        ("/Workspace/Shared/bikeshare/none.whl", "No library of this environment fits"),
        ("/Workspace/Shared/elsewhere/*.whl", "brings none there"),
        ("./dist/other-*.whl", f"It brings: {BUILT}, spark.jar."),
    ],
)
def test_a_library_that_nothing_brings_is_told(tmp_path: Path, value: str, words: str) -> None:
    text = JOB.replace("/Workspace/Shared/bikeshare/libs/bikeshare-*.whl", value)
    fault = one(tmp_path, text)
    assert fault.startswith(f"{place(text, value)}: ")
    assert words in fault


def test_a_pattern_that_fits_several_libraries_is_told(tmp_path: Path) -> None:
    _, (fault,) = read(
        tmp_path, JOB.replace("bikeshare-*", "*"), libraries=[*LIBRARIES, library("x-1.0-py3-none-any.whl")]
    )
    assert "fits several libraries" in fault.message and "x-1.0" in fault.message
