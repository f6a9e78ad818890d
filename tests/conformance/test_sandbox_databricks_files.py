"""DBFS and volumes through the real SDK: the same bytes as plain files in the sandbox's folder."""

from __future__ import annotations

import base64
import io
import random
from pathlib import Path

import pytest
import requests
from azure.identity import DefaultAzureCredential
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists, ResourceConflict
from support.databricks import RESOURCE_ID, Workspace, headers
from support.sandbox import Sandbox

BLOCK = 1024 * 1024


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


def folder(workspace: Workspace) -> Path:
    return workspace.sandbox.state / "databricks" / workspace.host


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_blocks_make_a_file(workspace: Workspace) -> None:
    """Opened, filled in blocks, read back in blocks; Spark finds it as a plain file."""
    content = noise(BLOCK * 2 + 17)
    dbfs = workspace.admin.dbfs
    with dbfs.open("/models/a.bin", write=True) as opened:
        opened.write(content)
    assert (folder(workspace) / "dbfs" / "models" / "a.bin").read_bytes() == content
    with dbfs.open("dbfs:/models/a.bin", read=True) as opened:
        assert opened.read() == content
    status = dbfs.get_status("dbfs:/models/a.bin")
    assert (status.path, status.is_dir, status.file_size) == ("/models/a.bin", False, len(content))
    with pytest.raises(ResourceAlreadyExists):
        dbfs.open("/models/a.bin", write=True)


def test_what_spark_wrote_is_listed(workspace: Workspace) -> None:
    """A file that came into the folder by itself is as good as one that was sent."""
    place = folder(workspace) / "dbfs" / "out"
    place.mkdir(parents=True)
    (place / "part-0.json").write_text("{}")
    found = list(workspace.admin.dbfs.list("/out"))
    assert [(one.path, one.file_size) for one in found] == [("/out/part-0.json", 2)]


def test_times_are_those_of_the_world(workspace: Workspace) -> None:
    workspace.sandbox.advance("P10D")
    now = workspace.sandbox.control("GET", "clock")["now"]
    workspace.admin.dbfs.put("/a.txt", contents=base64.b64encode(b"a").decode())
    modified = workspace.admin.dbfs.get_status("/a.txt").modification_time or 0
    assert abs(modified / 1000 - _seconds(now)) < 60


def test_the_limits_of_a_block(workspace: Workspace) -> None:
    """1 MB each way; a form carries more."""
    dbfs = workspace.admin.dbfs
    more = base64.b64encode(noise(BLOCK + 1)).decode()
    assert workspace.refused("POST", "dbfs/put", json={"path": "/a", "contents": more}) == (
        400,
        "MAX_BLOCK_SIZE_EXCEEDED",
    )
    handle = dbfs.create("/a").handle
    assert workspace.refused("POST", "dbfs/add-block", json={"handle": handle, "data": more}) == (
        400,
        "MAX_BLOCK_SIZE_EXCEEDED",
    )
    content = noise(BLOCK + 1) + bytes(range(256)) + b"\r\n--\r\n"
    form = {"path": (None, "/b"), "contents": ("b.bin", content)}
    assert workspace.raw("POST", "dbfs/put", files=form).status_code == 200
    assert (folder(workspace) / "dbfs" / "b").read_bytes() == content
    assert workspace.refused("GET", f"dbfs/read?path=/b&length={BLOCK + 1}") == (
        400,
        "MAX_READ_SIZE_EXCEEDED",
    )
    assert workspace.raw("GET", "dbfs/read?path=/b&offset=99999999").json() == {"bytes_read": 0, "data": ""}
    part = workspace.raw("GET", "dbfs/read?path=/b&offset=5&length=7").json()
    assert base64.b64decode(part["data"]) == content[5:12]


def test_folders_moves_and_deletes(workspace: Workspace) -> None:
    """A folder that is not empty goes only recursively; what is not there is deleted without a fault."""
    dbfs = workspace.admin.dbfs
    dbfs.mkdirs("/a/b")
    dbfs.put("/a/b/c.txt", contents=base64.b64encode(b"c").decode())
    assert workspace.refused("POST", "dbfs/delete", json={"path": "/a"}) == (400, "IO_ERROR")
    assert workspace.refused("POST", "dbfs/mkdirs", json={"path": "/a/b/c.txt"}) == (
        400,
        "RESOURCE_ALREADY_EXISTS",
    )
    assert workspace.refused("GET", "dbfs/read?path=/a") == (400, "INVALID_PARAMETER_VALUE")
    dbfs.move("/a/b/c.txt", "/a/d.txt")
    assert [one.path for one in dbfs.list("/a")] == ["/a/b", "/a/d.txt"]
    with pytest.raises(ResourceAlreadyExists):
        dbfs.move("/a/b", "/a/d.txt")
    with pytest.raises(NotFound):
        dbfs.move("/nothing", "/there")
    dbfs.delete("/a", recursive=True)
    dbfs.delete("/a")
    for call in (dbfs.get_status, lambda path: list(dbfs.list(path))):
        with pytest.raises(NotFound, match="No file or directory exists on path"):
            call("/a")


def test_no_path_leads_out_of_the_folder(workspace: Workspace) -> None:
    """Neither by `..` nor by a link that a notebook made."""
    for path in ("/../x", "/a/../../x", "relative", "dbfs:x", "dbfs:/../../world.db"):
        assert workspace.refused("GET", f"dbfs/get-status?path={path}") == (400, "INVALID_PARAMETER_VALUE")
    root = folder(workspace) / "dbfs"
    root.mkdir(parents=True, exist_ok=True)
    (root / "way-out").symlink_to(workspace.sandbox.state)
    for path in ("/way-out", "/way-out/world.db"):
        assert workspace.refused("GET", f"dbfs/get-status?path={path}") == (400, "INVALID_PARAMETER_VALUE")
    volume = workspace.raw("GET", "fs/files/Volumes/a/b/c/%2E%2E/%2E%2E/%2E%2E/%2E%2E/world.db")
    assert (volume.status_code, volume.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_data_sets_are_read_only(workspace: Workspace) -> None:
    """They are the same in every workspace."""
    place = workspace.sandbox.state / "databricks-datasets" / "tests"
    place.mkdir(parents=True, exist_ok=True)
    (place / "a.csv").write_text("1,2")
    dbfs = workspace.admin.dbfs
    assert "/databricks-datasets" in [one.path for one in dbfs.list("/")]
    assert dbfs.get_status("/databricks-datasets/bikeSharing/data-001/hour.csv").is_dir is False
    assert dbfs.read("dbfs:/databricks-datasets/tests/a.csv").bytes_read == 3
    for call in (dbfs.delete, dbfs.mkdirs, dbfs.create):
        with pytest.raises(PermissionDenied):
            call("/databricks-datasets/tests/a.csv")
    assert (place / "a.csv").exists()


def test_volumes(workspace: Workspace) -> None:
    """Uploaded, read whole and in part, listed in pages, deleted; DBFS shows them too."""
    files, base = workspace.admin.files, "/Volumes/main/default/bikes"
    content = noise(1000)
    files.upload(f"{base}/libs/a b.whl", io.BytesIO(content))
    with pytest.raises(ResourceConflict):
        files.upload(f"{base}/libs/a b.whl", io.BytesIO(b""), overwrite=False)
    assert (folder(workspace) / "Volumes/main/default/bikes/libs/a b.whl").read_bytes() == content
    downloaded = files.download(f"{base}/libs/a b.whl").contents
    assert downloaded is not None
    assert downloaded.read() == content
    assert files.get_metadata(f"{base}/libs/a b.whl").content_length == 1000
    own = headers(DefaultAzureCredential(), RESOURCE_ID)
    url = f"https://{workspace.host}/api/2.0/fs/files{base}/libs/a%20b.whl"
    part = requests.get(url, headers={**own, "Range": "bytes=10-19"}, timeout=30)
    assert (part.status_code, part.content) == (206, content[10:20])
    files.create_directory(f"{base}/out/deep")
    assert [one.path for one in workspace.admin.dbfs.list(f"dbfs:{base}")] == [f"{base}/libs", f"{base}/out"]
    listed = list(files.list_directory_contents(base, page_size=1))
    assert [(one.name, one.is_directory) for one in listed] == [("libs", True), ("out", True)]
    assert workspace.refused("DELETE", f"fs/directories{base}/out")[0] == 400
    files.delete_directory(f"{base}/out/deep")
    files.delete(f"{base}/libs/a b.whl")
    for call in (files.get_metadata, files.delete, files.get_directory_metadata):
        with pytest.raises(NotFound):
            call(f"{base}/libs/a b.whl")
    assert workspace.refused("PUT", "fs/files/Volumes/main/x.txt", data=b"")[0] == 400


def test_an_empty_world_has_no_files(workspace: Workspace) -> None:
    """A reset takes the folders of all workspaces with it."""
    workspace.admin.dbfs.mkdirs("/a")
    assert folder(workspace).exists()
    workspace.sandbox.reset()
    assert not folder(workspace).exists()


def _seconds(text: str) -> float:
    from sandbox.clock import parse_iso

    return parse_iso(text).timestamp()
