"""The DBFS API 2.0."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path
from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import dataset, errors, files, hosts
from sandbox.services.databricks.body import body, decoded, form, is_form, text, truth, whole
from sandbox.world import World

_HANDLES = "databricks.handles"
# docs.databricks.com, DBFS API: the most that one block carries, and what a read carries unasked.
_BLOCK, _READ = 1024 * 1024, 512 * 1024

Document = dict[str, Any]


def _put(world: World, request: Request) -> Response:
    if is_form(request):
        fields, content = form(request, "contents")
        asked: Document = dict(fields)
    else:
        asked = body(request)
        content = _block(asked.get("contents"))
    place = _new(world, request, text(asked, "path"), truth(asked, "overwrite"))
    _write(world, place, content)
    return Response(200, {})


def _create(world: World, request: Request) -> Response:
    asked = body(request)
    path = text(asked, "path")
    _new(world, request, path, truth(asked, "overwrite"))
    handle = hosts.number(world)
    world.store.put(_HANDLES, f"{request.host}/{handle}", {"path": path})
    _upload(world, request.host, handle).write_bytes(b"")
    return Response(200, {"handle": handle})


def _add_block(world: World, request: Request) -> Response:
    asked = body(request)
    handle = _handle(world, request, asked)
    with _upload(world, request.host, handle).open("ab") as upload:
        upload.write(_block(asked.get("data")))
    return Response(200, {})


def _close(world: World, request: Request) -> Response:
    handle = _handle(world, request, body(request))
    key = f"{request.host}/{handle}"
    place = files.writable(world, request.host, (world.store.get(_HANDLES, key) or {})["path"])
    upload = _upload(world, request.host, handle)
    _write(world, place, upload.read_bytes())
    upload.unlink()
    world.store.delete(_HANDLES, key)
    return Response(200, {})


def _read(world: World, request: Request) -> Response:
    path = text(request.query, "path")
    place = _existing(world, request, path)
    offset, length = whole(request.query, "offset", 0) or 0, whole(request.query, "length", _READ)
    if place.is_dir():
        raise errors.bad(f"Cannot read a directory: {path}")
    if offset < 0 or length is None or length < 0:
        raise errors.bad("Offset and length must not be negative.")
    if length > _BLOCK:
        raise errors.refusal("MAX_READ_SIZE_EXCEEDED", f"The read length must not exceed {_BLOCK} bytes.")
    with place.open("rb") as opened:
        opened.seek(offset)
        content = opened.read(length)
    return Response(200, {"bytes_read": len(content), "data": base64.b64encode(content).decode()})


def _list(world: World, request: Request) -> Response:
    path = text(request.query, "path")
    place, shown = _existing(world, request, path), files.shown(path)
    if not place.is_dir():
        return Response(200, {"files": [_info(place, shown)]})
    inside = list(place.iterdir()) + ([dataset.prepare(world)] if shown == "/" else [])
    found = [_info(one, f"{shown.rstrip('/')}/{one.name}") for one in sorted(inside)]
    return Response(200, {"files": found} if found else {})


def _get_status(world: World, request: Request) -> Response:
    path = text(request.query, "path")
    return Response(200, _info(_existing(world, request, path), files.shown(path)))


def _mkdirs(world: World, request: Request) -> Response:
    path = text(body(request), "path")
    try:
        files.writable(world, request.host, path).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise _in_the_way(path) from None
    return Response(200, {})


def _delete(world: World, request: Request) -> Response:
    asked = body(request)
    path = text(asked, "path")
    place = files.writable(world, request.host, path)
    if place.is_dir():
        if any(place.iterdir()) and not truth(asked, "recursive"):
            raise errors.refusal("IO_ERROR", f"The directory {path} is not empty, and recursive is not set.")
        shutil.rmtree(place)
    else:
        # What is not there is no fault (the service answers 200).
        place.unlink(missing_ok=True)
    return Response(200, {})


def _move(world: World, request: Request) -> Response:
    asked = body(request)
    source, target = text(asked, "source_path"), text(asked, "destination_path")
    files.writable(world, request.host, source)
    place = files.writable(world, request.host, target)
    if place.exists():
        raise _in_the_way(target)
    if not place.parent.is_dir():
        raise errors.missing(f"The parent of the destination {target} does not exist.")
    _existing(world, request, source).rename(place)
    return Response(200, {})


def _new(world: World, request: Request, path: str, overwrite: bool) -> Path:
    place = files.writable(world, request.host, path)
    if place.is_dir() or (place.exists() and not overwrite):
        raise _in_the_way(path)
    return place


def _write(world: World, place: Path, content: bytes) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise _in_the_way(str(place.parent.name)) from None
    place.write_bytes(content)
    at = world.now().timestamp()
    os.utime(place, (at, at))


def _existing(world: World, request: Request, path: str) -> Path:
    place = files.place(world, request.host, path)
    if place.is_relative_to(files.datasets(world)):
        dataset.prepare(world)
    if not place.exists():
        raise errors.missing(f"No file or directory exists on path {path}.")
    return place


def _info(place: Path, path: str) -> Document:
    status = place.stat()
    return {
        "path": path,
        "is_dir": place.is_dir(),
        "file_size": 0 if place.is_dir() else status.st_size,
        "modification_time": int(status.st_mtime * 1000),
    }


def _block(data: Any) -> bytes:
    content = decoded(data)
    if len(content) > _BLOCK:
        raise errors.refusal("MAX_BLOCK_SIZE_EXCEEDED", f"The block must not exceed {_BLOCK} bytes.")
    return content


def _handle(world: World, request: Request, asked: Document) -> int:
    handle = whole(asked, "handle", 0) or 0
    if world.store.get(_HANDLES, f"{request.host}/{handle}") is None:
        raise errors.missing(f"No open stream for handle {handle}.")
    return handle


def _upload(world: World, host: str, handle: int) -> Path:
    folder = hosts.folder(world, host) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / str(handle)


def _in_the_way(path: str) -> Exception:
    return errors.refusal(
        "RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the path {path}."
    )


ROUTES = (
    Route("POST", "/api/2.0/dbfs/put", _put),
    Route("POST", "/api/2.0/dbfs/create", _create),
    Route("POST", "/api/2.0/dbfs/add-block", _add_block),
    Route("POST", "/api/2.0/dbfs/close", _close),
    Route("GET", "/api/2.0/dbfs/read", _read),
    Route("GET", "/api/2.0/dbfs/list", _list),
    Route("GET", "/api/2.0/dbfs/get-status", _get_status),
    Route("POST", "/api/2.0/dbfs/mkdirs", _mkdirs),
    Route("POST", "/api/2.0/dbfs/delete", _delete),
    Route("POST", "/api/2.0/dbfs/move", _move),
)
