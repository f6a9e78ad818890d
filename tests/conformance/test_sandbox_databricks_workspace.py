"""A workspace's tree through the real SDK: folders, notebooks, files, their forms, limits and permissions."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.workspace import (
    ExportFormat,
    ImportFormat,
    Language,
    ObjectType,
    WorkspaceObjectAccessControlRequest,
    WorkspaceObjectPermissionLevel,
)
from support.databricks import Workspace
from support.sandbox import Sandbox

HEADER = "# Databricks notebook source"
SOURCE = f"{HEADER}\nprint(1)"


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def notebook(workspace: Workspace, path: str, text: str = SOURCE, *, overwrite: bool = False) -> None:
    workspace.admin.workspace.import_(
        path,
        content=encoded(text),
        format=ImportFormat.SOURCE,
        language=Language.PYTHON,
        overwrite=overwrite,
    )


def test_a_new_workspace_has_its_folders(workspace: Workspace) -> None:
    """Also a home for who signed in; they cannot be deleted."""
    client = workspace.admin
    me = client.current_user.me().user_name
    assert [one.path for one in client.workspace.list("/")] == ["/Repos", "/Shared", "/Users"]
    assert [one.path for one in client.workspace.list("/Users")] == [f"/Users/{me}"]
    assert list(client.workspace.list("/Shared")) == []
    assert workspace.refused("POST", "workspace/delete", json={"path": "/Shared", "recursive": True}) == (
        400,
        "DIRECTORY_PROTECTED",
    )


def test_a_notebook_is_kept_as_source(workspace: Workspace) -> None:
    """The export begins with the header and has no newline at its end, whatever was sent."""
    notebook(workspace, "/Shared/prep", "print(1)\n\n\n")
    client = workspace.admin.workspace
    status = client.get_status("/Shared/prep")
    assert (status.object_type, status.language, status.size) == (
        ObjectType.NOTEBOOK,
        Language.PYTHON,
        len(SOURCE),
    )
    exported = client.export("/Shared/prep")
    assert (base64.b64decode(exported.content or ""), exported.file_type) == (SOURCE.encode(), "py")
    assert client.download("/Shared/prep", format=ExportFormat.SOURCE).read() == SOURCE.encode()


def test_each_write_is_seen_in_the_listing(workspace: Workspace) -> None:
    """`modified_at` grows with each write, also of the same content; the id and `created_at` stay."""
    client = workspace.admin.workspace
    seen = []
    for _ in range(3):
        notebook(workspace, "/Shared/prep", overwrite=True)
        seen += list(client.list("/Shared"))
    stamps = [one.modified_at or 0 for one in seen]
    assert stamps[0] < stamps[1] < stamps[2]
    assert len({(one.object_id, one.created_at) for one in seen}) == 1
    assert list(client.list("/Shared", notebooks_modified_after=stamps[2])) == []
    assert len(list(client.list("/Shared", notebooks_modified_after=stamps[1]))) == 1


def test_a_listing_may_lack_what_is_documented_for_files_only(workspace: Workspace) -> None:
    """The switch takes `modified_at` and `size` from notebooks and leaves them to files."""
    notebook(workspace, "/Shared/prep")
    workspace.admin.workspace.upload("/Shared/a.txt", b"abc", format=ImportFormat.AUTO)
    workspace.sandbox.control("POST", "databricks/listing", {"notebooks": False})
    file, prep = workspace.raw("GET", "workspace/list?path=/Shared").json()["objects"]
    assert {"modified_at", "size"} <= file.keys()
    assert not {"modified_at", "size"} & prep.keys()
    assert "created_at" in prep


def test_a_list_is_of_one_folder(workspace: Workspace) -> None:
    """Of a single object it lists itself; the spelling with `/Workspace` is answered as it was asked."""
    client = workspace.admin.workspace
    client.mkdirs("/Shared/a/b")
    client.mkdirs("/Shared/a/b")
    notebook(workspace, "/Shared/a/b/deep")
    notebook(workspace, "/Shared/a/top")
    assert [one.path for one in client.list("/Shared/a")] == ["/Shared/a/b", "/Shared/a/top"]
    assert [one.path for one in client.list("/Shared/a/top")] == ["/Shared/a/top"]
    assert [one.path for one in client.list("/Workspace/Shared/a/")] == [
        "/Workspace/Shared/a/b",
        "/Workspace/Shared/a/top",
    ]
    assert {one.path for one in client.list("/Shared", recursive=True)} == {
        "/Shared/a/top",
        "/Shared/a/b/deep",
    }


def test_auto_takes_header_and_extension_for_a_notebook(workspace: Workspace) -> None:
    """A notebook loses its extension; everything else stays a file, byte for byte."""
    client = workspace.admin.workspace
    content = bytes(range(256)) * 3
    for name, sent in (("n.py", SOURCE.encode()), ("lib.py", b"x = 1\r\n"), ("data.bin", content)):
        client.upload(f"/Shared/{name}", sent, format=ImportFormat.AUTO)
    jupyter = b'{"cells": [{"cell_type": "code", "source": ["print(1)"]}], "metadata": {}}'
    client.upload("/Shared/j.ipynb", jupyter, format=ImportFormat.AUTO)
    found = {one.path: one.object_type for one in client.list("/Shared")}
    assert found == {
        "/Shared/data.bin": ObjectType.FILE,
        "/Shared/j": ObjectType.NOTEBOOK,
        "/Shared/lib.py": ObjectType.FILE,
        "/Shared/n": ObjectType.NOTEBOOK,
    }
    assert client.download("/Shared/data.bin", format=ExportFormat.AUTO).read() == content
    assert client.download("/Shared/lib.py", format=ExportFormat.AUTO).read() == b"x = 1\r\n"
    assert client.download("/Shared/j", format=ExportFormat.AUTO).read() == SOURCE.encode()


def test_jupyter_goes_in_and_comes_out(workspace: Workspace) -> None:
    """What is exported as Jupyter and imported again is the same notebook."""
    text = f"{HEADER}\n# MAGIC %md\n# MAGIC # Title\n\n# COMMAND ----------\n\nprint(1)"
    notebook(workspace, "/Shared/a", text)
    client = workspace.admin.workspace
    jupyter = client.export("/Shared/a", format=ExportFormat.JUPYTER)
    assert jupyter.file_type == "ipynb"
    client.import_("/Shared/b", content=jupyter.content, format=ImportFormat.JUPYTER)
    assert base64.b64decode(client.export("/Shared/b").content or "").decode() == text


def test_workspace_files_go_whole(workspace: Workspace) -> None:
    """The route that command-line tools use: raw bytes, no limit of 10 MB, 409 when the file is there."""
    content = b"z" * (10 * 1024 * 1024 + 1)
    path = "workspace-files/import-file/Shared%2Fbig.whl"
    assert workspace.raw("POST", path, data=content).status_code == 200
    assert workspace.refused("POST", path, data=b"x") == (409, "ALREADY_EXISTS")
    assert workspace.raw("POST", f"{path}?overwrite=true", data=content).status_code == 200
    assert workspace.raw("GET", "workspace-files/Shared/big.whl").content == content
    assert workspace.refused("GET", "workspace/export?path=/Shared/big.whl") == (
        400,
        "MAX_NOTEBOOK_SIZE_EXCEEDED",
    )
    workspace.raw("POST", "workspace-files/import-file/Shared/n.py", data=SOURCE.encode())
    assert workspace.admin.workspace.get_status("/Shared/n").object_type == ObjectType.NOTEBOOK
    again = workspace.refused("POST", "workspace-files/import-file/Shared/n.py", data=SOURCE.encode())
    assert again == (400, "RESOURCE_ALREADY_EXISTS")
    assert workspace.raw("DELETE", "workspace-files/Shared/big.whl").status_code == 200
    assert workspace.refused("GET", "workspace-files/Shared/big.whl")[0] == 404


@pytest.mark.parametrize(
    ("change", "expected", "message"),
    [
        (
            {"path": "/Shared/none/x"},
            (404, "RESOURCE_DOES_NOT_EXIST"),
            "The parent folder (/Shared/none) does",
        ),
        ({"path": "/Shared/there"}, (400, "RESOURCE_ALREADY_EXISTS"), "Path (/Shared/there) already exists."),
        (
            {"path": "/Shared/lib.py", "overwrite": True},
            (400, "INVALID_PARAMETER_VALUE"),
            "node type [notebook]",
        ),
        ({"path": "/Shared", "overwrite": True}, (400, "INVALID_PARAMETER_VALUE"), "node type [directory]"),
        ({"path": "/Shared/lib.py/x"}, (400, "INVALID_PARAMETER_VALUE"), "is no folder"),
        ({"path": "relative"}, (400, "INVALID_PARAMETER_VALUE"), "must be absolute"),
        ({"path": "/Shared/../x"}, (400, "INVALID_PARAMETER_VALUE"), "'..'"),
        ({"language": None}, (400, "INVALID_PARAMETER_VALUE"), "needs a language"),
        ({"format": "DBC"}, (501, "NOT_IMPLEMENTED"), "DBC"),
        ({"format": "TEXT"}, (400, "INVALID_PARAMETER_VALUE"), "Invalid format"),
        ({"format": "JUPYTER"}, (400, "INVALID_PARAMETER_VALUE"), "no valid Jupyter"),
        ({"content": "%%%"}, (400, "INVALID_PARAMETER_VALUE"), "base64"),
        ({"content": encoded(b"\xff\xfe")}, (400, "INVALID_PARAMETER_VALUE"), "UTF-8"),
        ({"path": None}, (400, "INVALID_PARAMETER_VALUE"), "path"),
    ],
)
def test_imports_that_the_service_refuses(
    workspace: Workspace, change: dict[str, Any], expected: tuple[int, str], message: str
) -> None:
    """Each with its code, and nothing is written."""
    notebook(workspace, "/Shared/there")
    workspace.admin.workspace.upload("/Shared/lib.py", b"x", format=ImportFormat.AUTO)
    asked = {"path": "/Shared/new", "content": encoded(SOURCE), "format": "SOURCE", "language": "PYTHON"}
    body = {key: value for key, value in {**asked, **change}.items() if value is not None}
    answer = workspace.raw("POST", "workspace/import", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == expected
    assert message in answer.json()["message"]
    assert [one.path for one in workspace.admin.workspace.list("/Shared")] == [
        "/Shared/lib.py",
        "/Shared/there",
    ]


def test_ten_megabytes_are_the_most(workspace: Workspace) -> None:
    """One byte more is refused, as a form and as JSON."""
    limit = 10 * 1024 * 1024
    client = workspace.admin.workspace
    client.upload("/Shared/fits.txt", b"x" * limit, format=ImportFormat.AUTO)
    with pytest.raises(BadRequest, match="exceeded max size") as refused:
        client.upload("/Shared/more.txt", b"x" * (limit + 1), format=ImportFormat.AUTO)
    assert refused.value.error_code == "MAX_NOTEBOOK_SIZE_EXCEEDED"
    body = {"path": "/Shared/n", "language": "PYTHON", "content": encoded(b"x" * (limit + 1))}
    assert workspace.refused("POST", "workspace/import", json=body) == (400, "MAX_NOTEBOOK_SIZE_EXCEEDED")


def test_folders_go_only_when_empty_or_whole(workspace: Workspace) -> None:
    """And what never was there is a 404 to every call."""
    client = workspace.admin.workspace
    client.mkdirs("/Shared/a/b")
    notebook(workspace, "/Shared/a/b/n")
    notebook(workspace, "/Shared/a-similar-name")
    with pytest.raises(BadRequest) as refused:
        client.delete("/Shared/a")
    assert refused.value.error_code == "DIRECTORY_NOT_EMPTY"
    client.delete("/Shared/a", recursive=True)
    assert [one.path for one in client.list("/Shared")] == ["/Shared/a-similar-name"]
    for call in (client.get_status, client.export, client.delete, lambda path: list(client.list(path))):
        with pytest.raises(NotFound, match=r"Path \(/Shared/a\) doesn't exist"):
            call("/Shared/a")
    with pytest.raises(ResourceAlreadyExists):
        client.mkdirs("/Shared/a-similar-name/x")


def test_what_is_not_played_says_so(workspace: Workspace) -> None:
    assert workspace.refused("GET", "instance-pools/list") == (501, "NOT_IMPLEMENTED")
    assert workspace.refused("GET", "workspace/export?path=/Shared&format=DBC") == (501, "NOT_IMPLEMENTED")


def test_permissions_come_from_the_folders_above(workspace: Workspace) -> None:
    """PUT replaces, PATCH adds, what comes from above says from where, and what is deleted is forgotten."""
    admin, stranger = workspace.admin, workspace.stranger("reader")
    made = admin.service_principals.create(application_id=stranger._client_id, display_name="reader")
    name = made.application_id
    admin.workspace.mkdirs("/project/inner")
    notebook(workspace, "/project/inner/n")
    folder = str(admin.workspace.get_status("/project").object_id)
    number = str(admin.workspace.get_status("/project/inner/n").object_id)
    grant = WorkspaceObjectAccessControlRequest(
        service_principal_name=name, permission_level=WorkspaceObjectPermissionLevel.CAN_READ
    )
    users = WorkspaceObjectAccessControlRequest(
        group_name="users", permission_level=WorkspaceObjectPermissionLevel.CAN_RUN
    )
    admin.workspace.update_permissions("directories", folder, access_control_list=[users])
    admin.workspace.set_permissions("directories", folder, access_control_list=[grant])
    shown = admin.workspace.get_permissions("notebooks", number)
    assert (shown.object_id, shown.object_type) == (f"/notebooks/{number}", "notebook")
    found = {
        (entry.service_principal_name or entry.group_name): [
            (level.permission_level.value, level.inherited, level.inherited_from_object)
            for level in entry.all_permissions or []
            if level.permission_level
        ]
        for entry in shown.access_control_list or []
    }
    root = found["admins"][0][2]
    assert found == {
        name: [("CAN_READ", True, [f"/directories/{folder}"])],
        "admins": [("CAN_MANAGE", True, root)],
    }
    reader = workspace.client(stranger)
    assert reader.workspace.export("/project/inner/n").content
    with pytest.raises(PermissionDenied):
        reader.workspace.delete("/project/inner/n")
    with pytest.raises(PermissionDenied):
        reader.workspace.set_permissions("notebooks", number, access_control_list=[grant])
    edit = {"access_control_list": [{"service_principal_name": name, "permission_level": "CAN_MANAGE"}]}
    assert workspace.raw("PATCH", f"permissions/notebooks/{number}", json=edit).status_code == 200
    reader.workspace.delete("/project/inner/n")
    assert workspace.refused("GET", f"permissions/notebooks/{number}") == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_job_has_exactly_one_owner(workspace: Workspace) -> None:
    """Its creator, until another is named; admins manage every job; who views may not grant."""
    admin, stranger = workspace.admin, workspace.stranger("operator")
    name = admin.service_principals.create(application_id=stranger._client_id).application_id or ""
    cluster = {"spark_version": "15.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1}
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/n"}, "new_cluster": cluster}
    body = {"name": "nightly", "tasks": [task]}
    number = workspace.raw("POST", "jobs/create", json=body).json()["job_id"]
    path = f"permissions/jobs/{number}"

    def held() -> dict[str, str]:
        entries = workspace.raw("GET", path).json()["access_control_list"]
        return {
            next(
                value for key, value in entry.items() if key.endswith("_name") and key != "display_name"
            ): entry["all_permissions"][0]["permission_level"]
            for entry in entries
        }

    me = admin.current_user.me().user_name or ""
    assert held() == {me: "IS_OWNER", "admins": "CAN_MANAGE"}
    viewer = {"service_principal_name": name, "permission_level": "CAN_VIEW"}
    assert workspace.refused("PUT", path, json={"access_control_list": [viewer]}) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    assert workspace.raw("PATCH", path, json={"access_control_list": [viewer]}).status_code == 200
    assert held() == {me: "IS_OWNER", name: "CAN_VIEW", "admins": "CAN_MANAGE"}
    with pytest.raises(PermissionDenied):
        workspace.client(stranger).permissions.update("jobs", str(number))
    owner = {"service_principal_name": name, "permission_level": "IS_OWNER"}
    assert workspace.raw("PATCH", path, json={"access_control_list": [owner]}).status_code == 200
    assert held() == {name: "IS_OWNER", "admins": "CAN_MANAGE"}
    assert workspace.client(stranger).permissions.update("jobs", str(number)).object_type == "job"


def test_bad_permissions_are_refused(workspace: Workspace) -> None:
    """Nobody's name, and a level of another kind of object."""
    number = workspace.admin.workspace.get_status("/Shared").object_id
    path = f"permissions/directories/{number}"
    for entry, expected in (
        ({"group_name": "nobody", "permission_level": "CAN_READ"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ({"group_name": "users", "permission_level": "CAN_VIEW"}, (400, "INVALID_PARAMETER_VALUE")),
        ({"permission_level": "CAN_READ"}, (400, "INVALID_PARAMETER_VALUE")),
    ):
        assert workspace.refused("PUT", path, json={"access_control_list": [entry]}) == expected
    levels = workspace.raw("GET", f"{path}/permissionLevels").json()["permission_levels"]
    assert [one["permission_level"] for one in levels] == ["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"]


def test_who_has_no_right_sees_nothing(workspace: Workspace) -> None:
    """A folder of somebody else is neither listed nor read; /Shared is everybody's."""
    admin, stranger = workspace.admin, workspace.stranger("outsider")
    admin.service_principals.create(application_id=stranger._client_id)
    admin.workspace.mkdirs("/private")
    client = workspace.client(stranger)
    with pytest.raises(PermissionDenied):
        client.workspace.get_status("/private")
    with pytest.raises(PermissionDenied):
        client.workspace.mkdirs("/private/x")
    client.workspace.mkdirs("/Shared/mine")
    client.workspace.mkdirs(f"/Users/{stranger._client_id}/own")
    assert [one.path for one in client.workspace.list("/Shared")] == ["/Shared/mine"]
