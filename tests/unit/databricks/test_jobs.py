"""Job files in the form of bundles: what is sent, and every fault by file, line and column, nothing called."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.databricks import Job, Library, WorkspaceObject, jobs
from reconciler.errors import Fault

BUILT = "bikeshare-0.1.0+0123456789ab-py3-none-any.whl"


def notebook(path: str, file: str) -> WorkspaceObject:
    return WorkspaceObject(path, "notebook", "PYTHON", "SOURCE", file, b"", "sha256:", f"{file}:1:1")


def plain_file(path: str, file: str) -> WorkspaceObject:
    return WorkspaceObject(path, "file", "", "AUTO", file, b"", "sha256:", file)


def library(name: str, source: str = "model", folder: str = "/Shared/bikeshare/libs") -> Library:
    distribution = name.split("-")[0] if name.endswith(".whl") else ""
    return Library(f"{folder}/{name}", name, distribution, b"", "", "", "sha256:", source, "e.yaml:1:1")


OBJECTS = [
    notebook("/Shared/bikeshare/prep", "notebooks/prep.py"),
    notebook("/Shared/bikeshare/score", "notebooks/score.py"),
    plain_file("/Shared/bikeshare/main.py", "notebooks/main.py"),
    plain_file("/Shared/bikeshare/requirements.txt", "notebooks/requirements.txt"),
]
LIBRARIES = [library(BUILT), library("spark.jar", "dist/spark.jar")]

JOB = """\
resources:
  jobs:
    score:
      name: Score bikes
      tasks:
        - task_key: prep
          job_cluster_key: main
          notebook_task:
            notebook_path: /Shared/bikeshare/prep
        - task_key: score
          depends_on:
            - task_key: prep
          job_cluster_key: main
          notebook_task:
            notebook_path: ../notebooks/score.py
            base_parameters:
              day: "1"
          libraries:
            - whl: /Workspace/Shared/bikeshare/libs/bikeshare-*.whl
      job_clusters:
        - job_cluster_key: main
          new_cluster:
            spark_version: 16.4.x-scala2.12
            num_workers: 1
      schedule:
        quartz_cron_expression: 0 0 6 * * ?
        timezone_id: UTC
      permissions:
        - level: CAN_VIEW
          group_name: users
"""


def read(root: Path, *texts: str, libraries: list[Library] | None = None) -> tuple[list[Job], list[Fault]]:
    files = [f"jobs/{number}.yaml" for number in range(len(texts))]
    (root / "jobs").mkdir(exist_ok=True)
    for file, text in zip(files, texts, strict=True):
        (root / file).write_text(text)
    found = LIBRARIES if libraries is None else libraries
    return jobs(
        root,
        files,
        found,
        OBJECTS,
        folders=["/Workspace/Shared/bikeshare/"],
        places=["e.yaml:1:1"] * len(files),
    )


def told(root: Path, text: str) -> list[str]:
    return [str(fault) for fault in sorted(read(root, text)[1])]


def one(root: Path, text: str) -> str:
    faults = told(root, text)
    assert len(faults) == 1, faults
    return faults[0]


def place(text: str, mark: str) -> str:
    """`jobs/0.yaml:line:column` of the first place where the mark stands."""
    at = text.index(mark)
    return f"jobs/0.yaml:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def job(
    tasks: str = "- {task_key: a, notebook_task: {notebook_path: /Shared/bikeshare/prep}}", more: str = ""
) -> str:
    indent = "\n        "
    return (
        f"resources:\n  jobs:\n    j:\n      tasks:{indent}{tasks.strip().replace(chr(10), indent)}\n{more}"
    )


def test_a_job_becomes_what_the_api_takes(tmp_path: Path) -> None:
    (found,), faults = read(tmp_path, JOB)
    assert faults == []
    assert (found.key, found.name, found.origin) == ("score", "Score bikes", "jobs/0.yaml:4:7")
    assert found.permissions == [{"permission_level": "CAN_VIEW", "group_name": "users"}]
    assert "permissions" not in found.settings
    prep, score = found.settings["tasks"]
    assert prep["notebook_task"] == {"notebook_path": "/Shared/bikeshare/prep"}
    assert score["notebook_task"] == {
        "notebook_path": "/Shared/bikeshare/score",
        "base_parameters": {"day": "1"},
    }
    assert score["libraries"] == [{"whl": f"/Workspace/Shared/bikeshare/libs/{BUILT}"}]
    assert found.settings["schedule"] == {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}
    assert found.uses == (
        "/Shared/bikeshare/libs/" + BUILT,
        "/Shared/bikeshare/prep",
        "/Shared/bikeshare/score",
    )


def test_fields_that_nobody_knows_yet_pass_through_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    (found,), faults = read(tmp_path, job(more="      new_field: {a: [1, null]}\n      schedule:\n"))
    assert faults == []
    assert found.settings["new_field"] == {"a": [1, None]}
    assert "schedule" not in found.settings
    assert (found.name, found.settings["name"], found.permissions) == ("j", "j", None)


def test_one_file_may_hold_several_jobs(tmp_path: Path) -> None:
    found, faults = read(
        tmp_path, JOB + "    other:\n      tasks: [{task_key: a, pipeline_task: {pipeline_id: x}}]\n"
    )
    assert faults == []
    assert [each.key for each in found] == ["score", "other"]


@pytest.mark.parametrize(
    ("mark", "hint"),
    [
        ("${var.node}", "job's parameter"),
        ("${resources.pipelines.x.id}", "path or id"),
        ("${bundle.target}", "environment"),
        ("${workspace.file_path}/a", "/Shared/bikeshare"),
        ("${anything", "Write the value itself"),
    ],
)
def test_values_of_the_bundles_own_tool_are_refused_by_name(tmp_path: Path, mark: str, hint: str) -> None:
    text = JOB.replace("Score bikes", mark)
    fault = one(tmp_path, text)
    assert fault.startswith(f"{place(text, mark)}: `{mark.removesuffix('/a')}`")
    assert hint in fault


def test_a_reference_in_a_key_is_refused_too(tmp_path: Path) -> None:
    text = JOB.replace("day:", '"${var.day}":')
    assert one(tmp_path, text).startswith(place(text, '"${var.day}"'))


def test_dynamic_values_of_the_jobs_api_are_kept(tmp_path: Path) -> None:
    (found,), faults = read(tmp_path, JOB.replace('"1"', '"{{job.start_time.iso_date}}"'))
    assert faults == []
    assert found.settings["tasks"][1]["notebook_task"]["base_parameters"] == {
        "day": "{{job.start_time.iso_date}}"
    }


@pytest.mark.parametrize(
    "section", ["targets", "variables", "bundle", "include", "artifacts", "sync", "workspace"]
)
def test_sections_of_the_bundles_own_tool_are_refused_by_name(tmp_path: Path, section: str) -> None:
    fault = one(tmp_path, JOB + f"{section}: {{}}\n")
    assert fault.startswith(
        f"jobs/0.yaml:{JOB.count(chr(10)) + 1}:1: `{section}` belongs to the bundle's own tool"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("resurces: {}\n", "Did you mean `resources`?"),
        (
            "resources:\n  pipelines: {}\n  jobs: {a: {tasks: [{task_key: a, sql_task: {}}]}}\n",
            "`resources.pipelines`",
        ),
        ("resources: {jobs: []}\n", "must be a map of jobs"),
        ("resources: {jobs: {a: 1}}\n", "The job 'a' must be a map, not a number"),
        ("{}\n", "no `resources`"),
        ("resources:\n\tjobs: x\n", "tab cannot indent"),
        ("resources: {jobs: {a: {tasks: [{task_key: x, task_key: y, sql_task: {}}]}}}\n", "said twice"),
        (JOB + "      lifecycle: {prevent_destroy: true}\n", "policy.protect"),
    ],
)
def test_a_file_that_is_no_job_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    faults = told(tmp_path, text)
    assert any(words in fault for fault in faults), faults
    assert all(re.match(r"jobs/0\.yaml:\d+:\d+: ", fault) for fault in faults)


def test_files_that_are_missing_or_outside_are_told_at_their_entry(tmp_path: Path) -> None:
    _, faults = jobs(tmp_path, ["jobs/none.yaml", "../x.yaml"], [], [], places=["e.yaml:1:1", "e.yaml:2:1"])
    assert [(fault.place, fault.message) for fault in faults] == [
        ("e.yaml:1:1", "There is no file jobs/none.yaml."),
        ("e.yaml:2:1", "../x.yaml leads out of the repository."),
    ]


def test_keys_and_names_of_jobs_are_unique_over_all_files(tmp_path: Path) -> None:
    _, faults = read(tmp_path, JOB, JOB, job().replace("    j:", "    other:"))
    assert sorted(fault.message.split(" is there")[0] for fault in faults) == [
        "The key 'score'",
        "The name 'Score bikes'",
    ]
    assert all(fault.place == "jobs/1.yaml:4:7" and "jobs/0.yaml:4:7" in fault.message for fault in faults)


# Tasks


def task(key: str, *needs: str) -> str:
    waits = ", ".join(f"{{task_key: {need}}}" for need in needs)
    return f"- {{task_key: {key}, depends_on: [{waits}], notebook_task: {{notebook_path: /Shared/bikeshare/prep}}}}"


def test_a_circle_of_tasks_is_told_with_its_path(tmp_path: Path) -> None:
    text = job("\n".join([task("a", "c"), task("b", "a"), task("c", "b"), task("d", "a"), task("e", "e")]))
    faults = told(tmp_path, text)
    assert [fault.split(": ", 1)[1] for fault in faults] == [
        "Tasks wait for each other: a → c → b → a. Take one `depends_on` out.",
        "Tasks wait for each other: e → e. Take one `depends_on` out.",
    ]
    assert faults[0].startswith(place(text, "[{task_key: c}]"))


def test_a_thousand_tasks_in_a_row_are_no_circle_and_one_more_is_too_many(tmp_path: Path) -> None:
    chain = [task("t0"), *(task(f"t{number}", f"t{number - 1}") for number in range(1, 1001))]
    assert "at most 1000 items" in one(tmp_path, job("\n".join(chain)))


@pytest.mark.parametrize(
    ("tasks", "mark", "words"),
    [
        (
            task("a", "score") + "\n" + task("scores"),
            "score}",
            "waits for 'score', which the job does not have. Did you mean `scores`?",
        ),
        (task("a") + "\n" + task("a"), None, "`task_key` 'a' is there twice"),
        (
            "- {task_key: a, job_cluster_key: main, sql_task: {}}",
            "main",
            "the job cluster 'main', which the job does not have",
        ),
        (
            "- {task_key: a, environment_key: e, spark_python_task: {python_file: /Shared/bikeshare/main.py}}",
            "e, spark",
            "the environment 'e'",
        ),
        (
            "- {task_key: a, libraries: [{pypi: {package: x}}], notebook_task: {notebook_path: /Shared/bikeshare/prep}}",
            "[{pypi",
            "takes no `libraries`",
        ),
        (
            "- {task_key: a, existing_cluster_id: x, new_cluster: {a: b}, sql_task: {}}",
            "x, new",
            "not on both",
        ),
        ("- {task_key: a}", "{task_key", "does one thing"),
        ("- {task_key: a, sql_task: {}, dbt_task: {}}", "{task_key", "sql_task, dbt_task"),
        ("- {task_key: a b, sql_task: {}}", "a b", "`tasks[0].task_key` is 'a b'"),
        ("- {sql_task: {}}", "{sql", "`tasks[0].task_key` is missing"),
        ("- {task_key: a, notebook_task: {}}", "{}", "notebook_path` is missing"),
        ("- {task_key: a, max_retries: '3', sql_task: {}}", "'3'", "must be a whole number, not text"),
        ("- {task_key: a, run_if: MAYBE, sql_task: {}}", "MAYBE", "ALL_SUCCESS"),
        ("- {task_key: 7, sql_task: {}}", "7", "must be text, not a number. Put it in quotes"),
        (
            "- {task_key: a, existing_cluster_id: x, sql_task: {}, libraries: [{whl: dbfs:/a.whl, jar: dbfs:/b.jar}]}",
            "{whl",
            "names one library",
        ),
        (
            "- {task_key: a, for_each_task: {inputs: '[1]', task: {task_key: b, job_cluster_key: none, sql_task: {}}}}",
            "none, sql",
            "job cluster 'none'",
        ),
    ],
)
def test_a_wrong_task_is_told_at_its_place(tmp_path: Path, tasks: str, mark: str | None, words: str) -> None:
    text = job(tasks)
    fault = one(tmp_path, text)
    assert words in fault
    if mark:
        assert fault.startswith(f"{place(text, mark)}: "), (fault, place(text, mark))


def test_a_task_without_compute_runs_serverless_with_an_environment(tmp_path: Path) -> None:
    more = f"      environments: [{{environment_key: e, spec: {{environment_version: '2', dependencies: [numpy, ./dist/{BUILT.split('+')[0]}-py3-none-any.whl]}}}}]\n"
    (found,), faults = read(
        tmp_path,
        job(
            "- {task_key: a, environment_key: e, spark_python_task: {python_file: ../notebooks/main.py}}",
            more,
        ),
    )
    assert faults == []
    assert found.settings["tasks"][0]["spark_python_task"] == {
        "python_file": "/Workspace/Shared/bikeshare/main.py"
    }
    assert found.settings["environments"][0]["spec"]["dependencies"] == [
        "numpy",
        f"/Workspace/Shared/bikeshare/libs/{BUILT}",
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("name: " + "é" * 2049, "at most 4096 bytes"),
        ("name: ''", "at least 1 character"),
        ("max_concurrent_runs: 1001", "less than or equal to 1000"),
        ("tags: {a: 1}", "`tags.a` must be text"),
        ("schedule: {quartz_cron_expression: 0 6 * * *, timezone_id: UTC}", "no Quartz expression"),
        ("schedule: {quartz_cron_expression: 0 0 6 * * *, timezone_id: UTC}", "must have `?`"),
        ("schedule: {quartz_cron_expression: '0 0 6 ? * MON-FRI'}", "`schedule.timezone_id` is missing"),
        ("parameters: [{name: a, default: ''}, {name: a, default: b}]", "`name` 'a' is there twice"),
        (
            "job_clusters: [{job_cluster_key: a}, {job_cluster_key: a}]",
            "`job_cluster_key` 'a' is there twice",
        ),
        ("permissions: [{level: CAN_DO, group_name: users}]", "CAN_VIEW"),
        ("permissions: [{level: CAN_VIEW}]", "names one of user_name"),
        (
            "permissions: [{level: CAN_VIEW, group: users, group_name: x}]",
            "`permissions[0].group` is not known",
        ),
        ("environments: {}", "must be a list, not a map"),
    ],
)
def test_a_wrong_field_is_told_at_its_place(tmp_path: Path, more: str, words: str) -> None:
    fault = one(tmp_path, job(more=f"      {more}\n"))
    assert words in fault
    assert fault.startswith("jobs/0.yaml:6:")


# What a job names


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


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    text = JOB.replace(
        "task_key: prep\n          job_cluster_key: main", "task_key: prep\n          job_cluster_key: mian"
    )
    text = (
        text.replace("UTC", "${var.zone}")
        .replace("../notebooks/score.py", "/Shared/bikeshare/none")
        .replace("CAN_VIEW", "NONE")
    )
    _, faults = read(tmp_path, text, "resources: {}\n")
    assert len(faults) == 6, "the misspelt cluster is there twice"
    assert {fault.place.split(":")[0] for fault in faults} == {"jobs/0.yaml", "jobs/1.yaml"}


WORDS = st.sampled_from([
    "a", "", "${var.x}", "/Shared/bikeshare/prep", "../notebooks/score.py", "*.whl", "[", "/Workspace/Shared/bikeshare/libs/[a", "ALL_DONE", "0 0 6 * * ?", "\ud7ff",
])  # fmt: skip
FIELDS = st.sampled_from([
    "task_key", "depends_on", "notebook_task", "notebook_path", "libraries", "whl", "jar", "requirements", "for_each_task", "task", "tasks",
    "job_clusters", "job_cluster_key", "environments", "environment_key", "spec", "dependencies", "schedule", "quartz_cron_expression",
    "permissions", "level", "group_name", "name", "parameters", "git_source", "new_cluster", "lifecycle", "sql_task", "file", "path", "tags",
])  # fmt: skip
TREES = st.recursive(
    WORDS | st.integers(-1, 3) | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    fields=st.dictionaries(FIELDS, TREES),
    tasks=st.lists(st.dictionaries(FIELDS, TREES, max_size=4), max_size=3),
)
def test_any_tree_is_a_job_or_told(tmp_path: Path, fields: dict[str, Any], tasks: list[Any]) -> None:
    found, faults = read(
        tmp_path, json.dumps({"resources": {"jobs": {"j": {"tasks": tasks, **fields}}}}, ensure_ascii=False)
    )
    assert len(found) <= 1
    assert all(re.match(r"jobs/0\.yaml:\d+:\d+$", fault.place) for fault in faults)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40), st.integers(0, len(JOB)))
def test_any_text_is_read_or_told(tmp_path: Path, noise: str, at: int) -> None:
    (tmp_path / "x.yaml").write_bytes((JOB[:at] + noise + JOB[at:]).encode("utf-8", "surrogatepass"))
    found, faults = jobs(tmp_path, ["x.yaml"], LIBRARIES, OBJECTS, folders=["/Shared/bikeshare"])
    assert found or faults
