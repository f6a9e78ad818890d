"""A folder of the repository becomes objects of a workspace; what cannot is told by file."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.templates import CORPUS

from reconciler.databricks import WorkspaceObject, canonical, clashes, objects
from reconciler.databricks import notebooks as module
from reconciler.databricks.notebooks import NOTEBOOK_LIMIT
from reconciler.errors import Fault

PYTHON = b"# Databricks notebook source\nprint(1)\n"


def write(root: Path, files: dict[str, bytes | str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(root: Path, to: str = "/Shared/bikeshare") -> tuple[list[WorkspaceObject], list[Fault]]:
    return objects(root, "notebooks/", to, "environments/dev.yaml:9:5")


def ipynb(**over: object) -> str:
    return json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **over})


def test_a_header_makes_a_notebook_and_a_notebook_loses_its_extension(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "notebooks/prep.py": PYTHON,
            "notebooks/deep/q.sql": "-- Databricks notebook source\nselect 1",
            "notebooks/s.scala": b"\xef\xbb\xbf// Databricks notebook source\r\n1",
            "notebooks/r.R": "# Databricks notebook source\n",
            "notebooks/j.ipynb": ipynb(metadata={"kernelspec": {"language": "scala"}}),
            "notebooks/lib.py": "def f(): ...\n# Databricks notebook source\n",
            "notebooks/other.sql": "# Databricks notebook source\n",
            "notebooks/data.csv": b"\xff\x00",
            "notebooks/.hidden.py": PYTHON,
            "notebooks/.git/x.py": PYTHON,
            "notebooks/__pycache__/x.pyc": b"",
        },
    )
    found, faults = read(tmp_path)
    assert faults == []
    assert [(each.path, each.kind, each.language, each.format) for each in found] == [
        ("/Shared/bikeshare/data.csv", "file", "", "AUTO"),
        ("/Shared/bikeshare/deep/q", "notebook", "SQL", "SOURCE"),
        ("/Shared/bikeshare/j", "notebook", "SCALA", "JUPYTER"),
        ("/Shared/bikeshare/lib.py", "file", "", "AUTO"),
        ("/Shared/bikeshare/other.sql", "file", "", "AUTO"),
        ("/Shared/bikeshare/prep", "notebook", "PYTHON", "SOURCE"),
        ("/Shared/bikeshare/r", "notebook", "R", "SOURCE"),
        ("/Shared/bikeshare/s", "notebook", "SCALA", "SOURCE"),
    ]
    by_file = {each.file: each for each in found}
    assert by_file["notebooks/prep.py"].content == PYTHON
    assert by_file["notebooks/prep.py"].origin == "notebooks/prep.py:1:1"
    assert by_file["notebooks/data.csv"].content == b"\xff\x00"
    assert by_file["notebooks/s.scala"].content.startswith(b"// Databricks"), (
        "a byte order mark would hide the header"
    )


def test_the_workspaces_alias_is_the_same_folder(tmp_path: Path) -> None:
    write(tmp_path, {"notebooks/a.py": PYTHON})
    assert read(tmp_path, "/Workspace/Shared/x/")[0][0].path == "/Shared/x/a"


def test_two_files_on_one_path_are_a_fault_that_names_both(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "notebooks/a.py": PYTHON,
            "notebooks/a.ipynb": ipynb(),
            "notebooks/b.py": PYTHON,
            "notebooks/b/c.txt": "",
        },
    )
    _, faults = read(tmp_path)
    told = sorted(map(str, faults))
    assert len(told) == 2
    assert "notebooks/a.ipynb" in told[0] and "notebooks/a.py" in told[0] and "/Shared/bikeshare/a" in told[0]
    assert told[1].startswith("notebooks/b.py:1:1:") and "notebooks/b/c.txt" in told[1]


def test_two_entries_on_one_path_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path, {"one/a.py": PYTHON, "two/a.py": PYTHON, "three/A.py": PYTHON})
    found = [each for source in ("one", "two", "three") for each in objects(tmp_path, source, "/Shared/x")[0]]
    (fault,) = clashes(found)
    assert "one/a.py" in fault.message and "two/a.py" in fault.message


@pytest.mark.parametrize("name", ["big.py", "big.ipynb"])
def test_a_notebook_over_the_limit_is_named_and_a_file_of_that_size_is_taken(
    tmp_path: Path, name: str
) -> None:
    write(
        tmp_path,
        {
            f"notebooks/{name}": PYTHON + b"#" * (12 * 1024 * 1024),
            "notebooks/big.csv": b"0" * (NOTEBOOK_LIMIT + 1),
        },
    )
    found, (fault,) = read(tmp_path)
    assert fault.place == f"notebooks/{name}"
    assert "12,582,950 bytes" in fault.message and "10,485,760" in fault.message
    assert [each.path for each in found] == ["/Shared/bikeshare/big.csv"]


def test_a_file_over_its_own_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_LIMIT", 10)
    write(tmp_path, {"notebooks/big.csv": b"0" * 11})
    assert read(tmp_path)[1][0].place == "notebooks/big.csv"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{"cells": [\n1,\n}', ":3:1", "no JSON"),
        ("[]", ":1:1", "no JSON object"),
        (ipynb(nbformat=3), ":1:1", "nbformat"),
        (ipynb(cells={}), ":1:1", "cells"),
        (ipynb(metadata={"language_info": {"name": "fortran"}}), ":1:1", "'fortran'"),
        ("[" * 100_000, "", "nests too deep"),
    ],
)
def test_a_broken_jupyter_notebook_is_named_with_its_line(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    write(tmp_path, {"notebooks/n.ipynb": text, "notebooks/ok.py": PYTHON})
    found, (fault,) = read(tmp_path)
    assert fault.place == f"notebooks/n.ipynb{place}"
    assert words in fault.message and fault.hint
    assert [each.path for each in found] == ["/Shared/bikeshare/ok"]


def test_a_notebook_that_is_no_text_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"notebooks/n.py": PYTHON + b"\xff"})
    assert read(tmp_path)[1][0].place == "notebooks/n.py:3"


def test_links_that_lead_out_are_faults_and_links_within_are_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": "x", "notebooks/a.py": PYTHON})
    (tmp_path / "notebooks/out.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "notebooks/gone.txt").symlink_to(tmp_path / "notebooks/none")
    (tmp_path / "notebooks/same.py").symlink_to("a.py")
    (tmp_path / "notebooks/loop").symlink_to(".")
    found, faults = read(tmp_path)
    assert sorted(fault.place for fault in faults) == [
        "notebooks/gone.txt",
        "notebooks/loop",
        "notebooks/out.txt",
    ]
    assert [each.path for each in found] == ["/Shared/bikeshare/a", "/Shared/bikeshare/same"]


@pytest.mark.parametrize(
    "to", ["/Repos/me/x", "/Workspace/Repos/x", "/Volumes/a/b", "/dbfs/x", "/", "/Workspace", "relative"]
)
def test_roots_that_are_no_folder_of_ours_are_refused_at_the_entry(tmp_path: Path, to: str) -> None:
    write(tmp_path, {"notebooks/a.py": PYTHON})
    found, (fault,) = read(tmp_path, to)
    assert not found
    assert fault.place == "environments/dev.yaml:9:5" and fault.hint


@pytest.mark.parametrize("name", [b"a\x01.txt", b"a\xff.txt", b" a.txt", b"a .py"])
def test_names_that_a_workspace_cannot_have_are_faults(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(PYTHON)
    _, (fault,) = read(tmp_path)
    assert fault.place.startswith("notebooks/")
    str(fault).encode()


def test_a_folder_that_is_missing_or_outside_is_a_fault_at_the_entry(tmp_path: Path) -> None:
    inner = tmp_path / "repo"
    inner.mkdir()
    assert objects(inner, "none", "/Shared/x", "e.yaml:1:1")[1][0].message == "There is no folder none."
    assert "out of the repository" in objects(inner, "../", "/Shared/x", "e.yaml:1:1")[1][0].message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.binary(max_size=60),
    suffix=st.sampled_from([".py", ".sql", ".ipynb", ".r", ".txt"]),
    head=st.booleans(),
)
def test_any_bytes_are_read_or_told(tmp_path: Path, content: bytes, suffix: str, head: bool) -> None:
    write(tmp_path, {f"notebooks/x{suffix}": PYTHON + content if head else content})
    found, faults = read(tmp_path)
    (tmp_path / f"notebooks/x{suffix}").unlink()
    assert len(found) + len(faults) == 1
    assert all(fault.place.startswith("notebooks/x") for fault in faults)


@pytest.mark.skipif(CORPUS is None, reason="RECONCILER_CORPUS is not set: there are no notebooks of others")
def test_real_notebooks_read_and_their_canonical_form_is_stable() -> None:
    """One pair of the corpus truly clashes: a notebook and a file of one name without extension."""
    assert CORPUS is not None
    found, faults = objects(CORPUS, "notebooks", "/Shared/x")
    assert [fault.place.rpartition("/")[2] for fault in faults] == ["3-stream-producer-primer.scala:1:1"]
    assert sum(each.kind == "notebook" for each in found) > 50
    for each in found:
        told = each.canonical()
        assert canonical(each.kind, each.language, each.format, told) == told
        if each.format == "SOURCE":
            assert told.count(b"COMMAND ----------") == each.content.count(b"COMMAND ----------")
