"""Paths of a workspace and where they lie here: no path leads out of its folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.kernel.channel import Channel
from sandbox.kernel.errors import ExecutionError
from sandbox.kernel.filesystem import FileSystem
from sandbox.kernel.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        folders = [tmp_path / name for name in ("dbfs", "volumes", "datasets", "scratch")]
        for folder in folders:
            folder.mkdir()
        dbfs, volumes, datasets, scratch = folders
        yield Paths(Channel(ours), dbfs, volumes, datasets, scratch, lambda c, h, w: tmp_path / h / c)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("dbfs:/a/b", "dbfs/a/b"),
        ("/a/b", "dbfs/a/b"),
        ("dbfs:/Volumes/c/s/v/x", "volumes/c/s/v/x"),
        ("/databricks-datasets/x", "datasets/x"),
        ("/databricks-datasets-mine/x", "dbfs/databricks-datasets-mine/x"),
        ("abfss://c@acc.dfs.core.windows.net/a/b", "acc.dfs.core.windows.net/c/a/b"),
        ("abfss://c@acc.dfs.core.windows.net", "acc.dfs.core.windows.net/c"),
        ("file:/dbfs/a", "dbfs/a"),
        ("dbfs:/../../etc", "dbfs/etc"),
        ("abfss://c@acc.dfs.core.windows.net/../../x", "acc.dfs.core.windows.net/c/x"),
    ],
)
def test_a_path_has_its_place(paths: Paths, tmp_path: Path, path: str, place: str) -> None:
    assert paths.of(path) == tmp_path / place


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_no_path_leads_out(paths: Paths, tmp_path: Path, text: str) -> None:
    """Whatever is written behind the scheme."""
    for path in (f"dbfs:/{text}", f"dbfs:/Volumes/{text}"):
        if not path.startswith("dbfs:/Workspace/"):
            assert paths.of(path).resolve().is_relative_to(tmp_path.resolve())


def test_files_are_written_moved_and_removed(paths: Paths) -> None:
    """As `dbutils.fs` does; what is refused names the path."""
    said: list[str] = []
    fs = FileSystem(paths, said.append)
    assert fs.put("/a/one.txt", "hello") and said == ["Wrote 5 bytes.\n"]
    assert (fs.head("dbfs:/a/one.txt"), fs.head("/a/one.txt", 2)) == ("hello", "he")
    with pytest.raises(ExecutionError, match=r"FileAlreadyExistsException: dbfs:/a/one\.txt"):
        fs.put("/a/one.txt", "again")
    fs.cp("/a/one.txt", "/b/two.txt")
    fs.mv("/b", "/c", recurse=True)
    assert [(one.path, one.size) for one in fs.ls("/c")] == [("dbfs:/c/two.txt", 5)]
    assert [one.name for one in fs.ls("/")] == ["Volumes/", "a/", "c/", "databricks-datasets/"]
    with pytest.raises(ExecutionError, match="recurse"):
        fs.rm("/a")
    assert (fs.rm("/a", True), fs.rm("/a", True)) == (True, False)
    with pytest.raises(ExecutionError, match="No such file or directory dbfs:/a"):
        fs.ls("/a")
