"""Files and directories: create, append, flush, read, status, rename, delete."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.dfs import shapes
from sandbox.services.storage import blobs, containers, rules, staged
from sandbox.world import World

Document = dict[str, Any]


def _put(world: World, request: Request) -> Response:
    if "x-ms-rename-source" in request.headers:
        return _rename(world, request)
    resource = request.query.get("resource")
    if resource not in ("file", "directory"):
        raise shapes.not_played(request)
    account, container, name = _place(world, request, "write blob")
    before = blobs.get(world, account["name"], container, name)
    _check_new(request, before)
    if before and before["directory"] != (resource == "directory"):
        raise shapes.conflict()
    staged.forget(world, account["name"], container, name)
    if resource == "directory":
        entry = blobs.make_directory(world, account["name"], container, name, shapes.kept(request))
    else:
        entry = blobs.put(world, account["name"], container, name, b"", shapes.kept(request))
    return Response(201, None, shapes.tags(entry))


def _rename(world: World, request: Request) -> Response:
    account, container, name = _place(world, request, "move blob")
    before = blobs.get(world, account["name"], container, name)
    _check_new(request, before)
    sent = unquote(request.headers["x-ms-rename-source"].partition("?")[0])
    source, _, old = sent.strip("/").partition("/")
    rules.permit(world, request, "move blob", source)
    containers.find(world, account, source)
    found = blobs.get(world, account["name"], source, old) if old else None
    if found is None:
        raise CloudError(404, "SourcePathNotFound", "The source path for a rename operation does not exist.")
    if source == container and f"{name}/".startswith(f"{old}/"):
        raise CloudError(
            409,
            "InvalidRenameSourcePath",
            "The source directory cannot be the same as the destination directory, nor can the destination "
            "be a subdirectory of the source directory.",
        )
    _check_parent(world, account, container, name)
    if before and before["directory"] != found["directory"]:
        raise CloudError(
            409,
            "InvalidSourceOrDestinationResourceType",
            "The source and destination resource type must be identical.",
        )
    if before and before["directory"]:
        _check_empty(world, account, container, name)
    staged.forget(world, account["name"], container, name)
    entry = blobs.rename(world, account["name"], (source, old), (container, name))
    return Response(201, None, shapes.tags(entry))


def _check_parent(world: World, account: Document, container: str, name: str) -> None:
    parent = name.rpartition("/")[0]
    if not parent or not rules.hierarchical(account):
        return
    above = blobs.get(world, account["name"], container, parent)
    if above is None or not above["directory"]:
        message = "The parent directory of the destination path does not exist."
        raise CloudError(404, "RenameDestinationParentPathNotFound", message)


def _patch(world: World, request: Request) -> Response:
    plays = {"append": _append, "flush": _flush, "setProperties": _set_properties}
    play = plays.get(request.query.get("action", ""))
    if play is None:
        raise shapes.not_played(request)
    return play(world, request)


def _append(world: World, request: Request) -> Response:
    account, container, entry = _found(world, request, "write blob")
    _check_file(entry)
    position = _position(request)
    staged.append(world, account["name"], container, entry["name"], position, request.body)
    shown = {"x-ms-request-server-encrypted": "true"}
    if request.query.get("flush") == "true":
        end = position + len(request.body)
        flushed = staged.flush(world, account["name"], container, entry, end)
        return Response(202, None, {**shown, **shapes.tags(flushed)})
    return Response(202, None, shown)


def _flush(world: World, request: Request) -> Response:
    account, container, entry = _found(world, request, "write blob")
    _check_file(entry)
    _check_conditions(request, entry)
    flushed = staged.flush(world, account["name"], container, entry, _position(request))
    named = shapes.kept(request)
    if named:
        headers = {**flushed["headers"], **named}
        flushed = blobs.describe(world, account["name"], container, entry["name"], headers)
    return Response(200, None, shapes.tags(flushed))


def _set_properties(world: World, request: Request) -> Response:
    account, container, entry = _found(world, request, "write blob")
    changed = blobs.describe(world, account["name"], container, entry["name"], shapes.kept(request))
    return Response(200, None, shapes.tags(changed))


def _read(world: World, request: Request) -> Response:
    account, container, entry = _found(world, request, "read blob")
    _check_file(entry)
    _check_conditions(request, entry)
    size, headers = entry["size"], shapes.status(entry)
    first, last, status = 0, size - 1, 200
    asked = request.headers.get("x-ms-range") or request.headers.get("range")
    if asked and (found := re.fullmatch(r"bytes=(\d+)-(\d*)", asked)):
        first, last, status = int(found[1]), min(int(found[2] or size), size - 1), 206
        if first >= size:
            raise CloudError(416, "InvalidRange", "The range specified is invalid for the current size.")
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    content = blobs.read(world, account["name"], container, entry["name"], first, last - first + 1)
    return Response(status, content, {**headers, "Content-Length": str(len(content))})


def _status(world: World, request: Request) -> Response:
    action = request.query.get("action", "")
    if action not in ("", "getStatus", "getAccessControl", "checkAccess"):
        raise shapes.not_played(request)
    account, _, entry = _found(world, request, "read blob")
    _check_conditions(request, entry)
    if action == "":
        return Response(200, None, shapes.status(entry))
    if not rules.hierarchical(account) and action != "getStatus":
        raise shapes.flat()
    shown = shapes.owner if action == "getStatus" else shapes.access
    return Response(200, None, {**shapes.tags(entry), **shown(entry["directory"])})


def _delete(world: World, request: Request) -> Response:
    account, container, entry = _found(world, request, "delete blob")
    _check_conditions(request, entry)
    if entry["directory"] and request.query.get("recursive", "").lower() != "true":
        _check_empty(world, account, container, entry["name"])
    staged.forget(world, account["name"], container, entry["name"])
    blobs.delete(world, account["name"], container, entry["name"], rules.hierarchical(account))
    return Response(200)


def _place(world: World, request: Request, right: str) -> tuple[Document, str, str]:
    """The account, the file system and the path, when the caller has the right; the path need not exist."""
    container = request.params["filesystem"]
    account = rules.permit(world, request, right, container)
    containers.find(world, account, container)
    return account, container, request.params["path"].strip("/")


def _found(world: World, request: Request, right: str) -> tuple[Document, str, Document]:
    """The account, the file system and the entry of the path; raises 404 PathNotFound."""
    account, container, name = _place(world, request, right)
    entry = blobs.get(world, account["name"], container, name)
    if entry is None:
        raise shapes.not_found()
    return account, container, entry


def _check_file(entry: Document) -> None:
    if entry["directory"]:
        raise shapes.conflict()


def _check_empty(world: World, account: Document, container: str, name: str) -> None:
    if blobs.listed(world, account["name"], container, True, f"{name}/"):
        raise CloudError(
            409,
            "DirectoryNotEmpty",
            "The recursive query parameter value must be true to delete a non-empty directory.",
        )


def _check_new(request: Request, entry: Document | None) -> None:
    """Raises 409 PathAlreadyExists, 412 ConditionNotMet."""
    if entry and request.headers.get("if-none-match") == "*":
        raise CloudError(409, "PathAlreadyExists", "The specified path already exists.")
    _check_conditions(request, entry)


def _check_conditions(request: Request, entry: Document | None) -> None:
    """Raises 412 ConditionNotMet."""
    wanted = request.headers.get("if-match")
    if wanted and (entry is None or wanted not in ("*", entry["etag"])):
        raise CloudError(
            412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
        )


def _position(request: Request) -> int:
    text = request.query.get("position", "")
    if not text.isdecimal():
        raise shapes.bad_query()
    return int(text)


_PATH = "/{filesystem}/{path:path}"
ROUTES = (
    Route("PUT", _PATH, _put),
    Route("PATCH", _PATH, _patch),
    Route("GET", _PATH, _read),
    Route("HEAD", _PATH, _status),
    Route("DELETE", _PATH, _delete),
)
