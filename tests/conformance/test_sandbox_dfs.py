"""The dfs endpoint: the same data as over blobs, in the words and codes of Data Lake Storage."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from support.arm import ME, Arm
from support.sandbox import ROOT, Sandbox

CLI = ROOT / ".venv-az" / "bin" / "python"
ACCOUNT = "Microsoft.Storage/storageAccounts/bikesdata"
BODY: dict[str, Any] = {
    "location": "westeurope",
    "sku": {"name": "Standard_LRS"},
    "kind": "StorageV2",
    "properties": {"isHnsEnabled": True},
}
URL = "https://bikesdata.dfs.core.windows.net"
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    made = Arm(sandbox, "2023-05-01")
    made.put(ACCOUNT, BODY)
    return made


def grant(arm: Arm, role: str) -> None:
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"roleDefinitionId": definition, "principalId": ME, "principalType": "ServicePrincipal"}
    place = (
        f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000aa"
    )
    assert arm.call("PUT", place, {"properties": body}, "2022-04-01").status_code == 201


class Lake:
    """Raw calls with a token; the file system `raw` is there."""

    def __init__(self, arm: Arm) -> None:
        grant(arm, CONTRIBUTOR)
        token = DefaultAzureCredential().get_token("https://storage.azure.com/.default").token
        self.headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"}
        self.root = arm.sandbox.state / "storage" / "bikesdata" / "raw"
        assert self.call("PUT", "raw?resource=filesystem").status_code == 201

    def call(self, method: str, path: str, data: bytes = b"", **headers: str) -> requests.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method, f"{URL}/{path}", data=data or None, headers={**self.headers, **sent}, timeout=10
        )

    def code(self, method: str, path: str, data: bytes = b"", **headers: str) -> tuple[int, str]:
        answer = self.call(method, path, data, **headers)
        return answer.status_code, answer.headers.get("x-ms-error-code", "")

    def write(self, path: str, content: bytes) -> None:
        assert self.call("PUT", f"raw/{path}?resource=file").status_code == 201
        assert self.call("PATCH", f"raw/{path}?action=append&position=0", content).status_code == 202
        answer = self.call("PATCH", f"raw/{path}?action=flush&position={len(content)}")
        assert answer.status_code == 200, answer.text

    def names(self, query: str = "recursive=true") -> list[str]:
        answer = self.call("GET", f"raw?resource=filesystem&{query}")
        return [one["name"] for one in answer.json()["paths"]]


@pytest.fixture
def lake(arm: Arm) -> Lake:
    return Lake(arm)


@pytest.mark.skipif(
    not CLI.exists(), reason="the Azure CLI's environment holds the SDK: `make test` makes it"
)
def test_the_unmodified_sdk_works(arm: Arm) -> None:
    """What a person's own script does, by account key."""
    key = arm.call("POST", f"{ACCOUNT}/listKeys").json()["keys"][0]["value"]
    script = ROOT / "tests" / "support" / "datalake.py"
    ran = subprocess.run(
        [str(CLI), str(script), "bikesdata", key],
        env=arm.sandbox.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "file systems": ["raw"],
        "directory": {"hdi_isfolder": "true", "team": "data"},
        "range": "1,2",
        "properties": [{"seen": "yes"}, "text/csv"],
        "big": 300_000,
        "paths": [["day", True, 0], ["day/big.bin", False, 300_000], ["day/one.csv", False, 8]],
        "pages": [2, 1],
        "flat": ["day"],
        "moved": "a,b\n1,2\n",
        "after": ["night/big.bin", "night/two.csv"],
        "owner": "$superuser",
        "exists": [False, True],
        "read what is gone": [404, "BlobNotFound"],
        "list what is gone": [404, "PathNotFound"],
        "make it twice": [409, "ContainerAlreadyExists"],
        "flush too much": [400, "InvalidFlushPosition"],
        "acl": [501, "NotImplemented"],
        "left": [],
        "file systems left": [],
    }


def test_files_are_the_same_data_on_all_ways(lake: Lake, arm: Arm) -> None:
    """Written over dfs, read as a blob and as a file; what another process writes is listed."""
    lake.write("out/a.csv", b"x,y\n")
    assert (lake.root / "out" / "a.csv").read_bytes() == b"x,y\n"
    client = BlobServiceClient(
        "https://bikesdata.blob.core.windows.net", credential=DefaultAzureCredential(), retry_total=0
    )
    assert client.get_blob_client("raw", "out/a.csv").download_blob().readall() == b"x,y\n"
    (lake.root / "out" / "part-0").write_bytes(b"by spark")
    (lake.root / "out" / ".part-0.crc").write_bytes(b"crc")
    assert lake.names() == ["out", "out/a.csv", "out/part-0"]
    assert lake.call("GET", "raw/out/part-0", range="bytes=3-20").content == b"spark"
    head = lake.call("HEAD", "raw/out/part-0")
    assert (head.headers["x-ms-resource-type"], head.headers["Content-Length"]) == ("file", "8")
    assert lake.call("HEAD", "raw/out").headers["x-ms-resource-type"] == "directory"


def test_nothing_is_seen_before_it_is_flushed(lake: Lake) -> None:
    """A reader must not meet half a file; pieces may come in any order and must fit."""
    lake.write("a", b"old")
    assert lake.call("PATCH", "raw/a?action=append&position=6", b"ghi").status_code == 202
    assert lake.call("PATCH", "raw/a?action=append&position=3", b"def").status_code == 202
    assert lake.call("GET", "raw/a").content == b"old"
    assert lake.code("PATCH", "raw/a?action=flush&position=7") == (400, "InvalidFlushPosition")
    assert lake.call("PATCH", "raw/a?action=flush&position=9").status_code == 200
    assert lake.call("GET", "raw/a").content == b"olddefghi"
    assert lake.call("PUT", "raw/a?resource=file").status_code == 201
    assert lake.call("HEAD", "raw/a").headers["Content-Length"] == "0", "a creation empties the file"


def test_lists_go_on_where_they_ended(lake: Lake) -> None:
    """`x-ms-continuation` leads through all of them, once each."""
    for name in ("a", "b/c", "b/d", "e"):
        lake.write(name, b"1")
    seen, token = [], ""
    while True:
        answer = lake.call("GET", f"raw?resource=filesystem&recursive=true&maxResults=2&continuation={token}")
        seen += [one["name"] for one in answer.json()["paths"]]
        token = answer.headers.get("x-ms-continuation", "")
        if not token:
            break
    assert seen == ["a", "b", "b/c", "b/d", "e"]
    assert lake.names("recursive=false") == ["a", "b", "e"]
    assert lake.names("recursive=true&directory=b") == ["b/c", "b/d"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "none?resource=filesystem&recursive=true", {}, (404, "FilesystemNotFound")),
        ("PUT", "raw?resource=filesystem", {}, (409, "FilesystemAlreadyExists")),
        ("PUT", "Bad--Name?resource=filesystem", {}, (400, "InvalidResourceName")),
        ("GET", "raw?resource=filesystem", {}, (400, "MissingRequiredQueryParameter")),
        ("GET", "raw?resource=filesystem&recursive=true&directory=no", {}, (404, "PathNotFound")),
        ("HEAD", "raw/no", {}, (404, "PathNotFound")),
        ("DELETE", "raw/no", {}, (404, "PathNotFound")),
        ("PATCH", "raw/no?action=append&position=0", {}, (404, "PathNotFound")),
        ("PATCH", "raw/d/f?action=append&position=x", {}, (400, "InvalidQueryParameterValue")),
        ("PUT", "raw/d/f?resource=file", {"If_None_Match": "*"}, (409, "PathAlreadyExists")),
        ("PUT", "raw/d/f?resource=file", {"If_Match": '"0x1"'}, (412, "ConditionNotMet")),
        ("PUT", "raw/d/f/g?resource=file", {}, (409, "PathConflict")),
        ("PUT", "raw/d?resource=file", {}, (409, "PathConflict")),
        ("PUT", "raw/d/f?resource=directory", {}, (409, "PathConflict")),
        ("GET", "raw/d", {}, (409, "PathConflict")),
        ("GET", "raw/d/f", {"range": "bytes=5-"}, (416, "InvalidRange")),
        ("DELETE", "raw/d", {}, (409, "DirectoryNotEmpty")),
        ("PUT", "raw/x", {"x_ms_rename_source": "/raw/no"}, (404, "SourcePathNotFound")),
        ("PUT", "raw/d/d", {"x_ms_rename_source": "/raw/d"}, (409, "InvalidRenameSourcePath")),
        ("PUT", "raw/n/d", {"x_ms_rename_source": "/raw/d"}, (404, "RenameDestinationParentPathNotFound")),
        ("PUT", "raw/e", {"x_ms_rename_source": "/raw/d/f"}, (409, "InvalidSourceOrDestinationResourceType")),
        ("PUT", "raw/..%2F..%2Fx?resource=file", {}, (400, "InvalidResourceName")),
        ("PATCH", "raw/d?action=setAccessControl", {}, (501, "NotImplemented")),
    ],
)
def test_what_is_refused_has_the_service_s_code(
    lake: Lake, method: str, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Programs branch on these codes."""
    lake.write("d/f", b"abc")
    lake.call("PUT", "raw/e?resource=directory")
    assert lake.code(method, path, **headers) == expected
    assert (lake.root / "d" / "f").read_bytes() == b"abc", "what was refused changed nothing"


def test_a_directory_moves_and_goes_with_all_it_holds(lake: Lake) -> None:
    """Metadata travels too; a recursive delete leaves nothing."""
    lake.call("PUT", "raw/d?resource=directory")
    lake.write("d/f", b"abc")
    lake.call("PATCH", "raw/d/f?action=setProperties", x_ms_properties="team=ZGF0YQ==")
    moved = lake.call("PUT", "raw/e", x_ms_rename_source="/raw/d")
    assert moved.status_code == 201, moved.text
    assert lake.call("HEAD", "raw/e/f").headers["x-ms-properties"] == "team=ZGF0YQ=="
    assert lake.names() == ["e", "e/f"]
    assert lake.call("DELETE", "raw/e?recursive=true").status_code == 200
    assert lake.names() == []
    assert lake.call("DELETE", "raw?resource=filesystem").status_code == 202
    assert not lake.root.exists()


def test_a_reader_reads_and_does_not_write(arm: Arm) -> None:
    """Data roles count here too, and without a token nothing is told."""
    Lake(arm).write("a", b"1")
    place = (
        f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000aa"
    )
    arm.call("DELETE", place, version="2022-04-01")
    grant(arm, READER)
    token = DefaultAzureCredential().get_token("https://storage.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"}
    assert requests.get(f"{URL}/raw/a", headers=headers, timeout=10).content == b"1"
    for method, path in (("PUT", "b?resource=file"), ("DELETE", "a"), ("PATCH", "a?action=flush&position=1")):
        answer = requests.request(method, f"{URL}/raw/{path}", headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            403,
            "AuthorizationPermissionMismatch",
        )
    unsigned = requests.get(f"{URL}/raw/a", headers={"x-ms-version": "2023-11-03"}, timeout=10)
    assert (unsigned.status_code, unsigned.headers["x-ms-error-code"]) == (401, "NoAuthenticationInformation")


def test_a_flat_account_answers_too(arm: Arm) -> None:
    """Hadoop's driver tells from this 400 that directories are not real there."""
    flat = {**BODY, "properties": {}}
    arm.call("DELETE", ACCOUNT)
    arm.put(ACCOUNT, flat)
    lake = Lake(arm)
    answer = lake.call("HEAD", "raw?resource=filesystem")
    assert answer.headers["x-ms-namespace-enabled"] == "false"
    assert lake.code("HEAD", "raw//?action=getAccessControl") == (400, "HierarchicalNamespaceNotEnabled")
    lake.write("d/f", b"abc")
    assert lake.call("PUT", "raw/e/g", x_ms_rename_source="/raw/d/f").status_code == 201
    assert Path(lake.root / "e" / "g").read_bytes() == b"abc"
