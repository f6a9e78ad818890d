"""The Files API 2.0: `/api/2.0/fs/files/Volumes/…` and `/api/2.0/fs/directories/Volumes/…`.

Unity Catalog is not played: a volume comes into being with the first file or folder in it.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import errors, files
from sandbox.services.databricks.body import truth, whole
from sandbox.world import World

_PAGE = 1000  # the most, and the default (REST reference)


def _upload(world: World, request: Request) -> Response:
    place = _place(world, request)
    if place.is_dir():
        raise errors.refusal("ALREADY_EXISTS", "The file being created already exists as a directory.")
    # Default false; the SDK says what it wants (REST reference, upload a file).
    if place.exists() and not truth(request.query, "overwrite"):
        raise errors.refusal("ALREADY_EXISTS", "The file being created already exists.")
    _folder(place.parent)
    place.write_bytes(request.body)
    at = world.now().timestamp()
    os.utime(place, (at, at))
    return Response(204)


def _download(world: World, request: Request) -> Response:
    place = _file(_place(world, request))
    content, status, headers = place.read_bytes(), 200, _headers(place)
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked:
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        content, status = content[first : last + 1], 206
    return Response(status, content, {**headers, "Content-Length": str(len(content))})


def _metadata(world: World, request: Request) -> Response:
    place = _file(_place(world, request))
    return Response(200, None, {**_headers(place), "Content-Length": str(place.stat().st_size)})


def _delete(world: World, request: Request) -> Response:
    _file(_place(world, request)).unlink()
    return Response(204)


def _make_directory(world: World, request: Request) -> Response:
    _folder(_place(world, request))
    return Response(204)


def _look_directory(world: World, request: Request) -> Response:
    _directory(_place(world, request))
    return Response(200)


def _list_directory(world: World, request: Request) -> Response:
    place = _directory(_place(world, request))
    size = whole(request.query, "page_size", _PAGE) or _PAGE
    after = request.query.get("page_token", "")
    found = [one for one in sorted(place.iterdir()) if one.name > after]
    page = found[: min(size, _PAGE)]
    base = "/" + request.params["path"].strip("/")
    contents = [
        {
            "path": f"{base}/{one.name}",
            "name": one.name,
            "is_directory": one.is_dir(),
            "last_modified": int(one.stat().st_mtime * 1000),
            **({} if one.is_dir() else {"file_size": one.stat().st_size}),
        }
        for one in page
    ]
    more = {"next_page_token": page[-1].name} if len(found) > len(page) else {}
    return Response(200, {"contents": contents, **more})


def _delete_directory(world: World, request: Request) -> Response:
    place = _directory(_place(world, request))
    if any(place.iterdir()):
        raise errors.refusal("BAD_REQUEST", "The directory being deleted is not empty.")
    place.rmdir()
    return Response(204)


def _place(world: World, request: Request) -> Path:
    path = "/" + request.params["path"].strip("/")
    if len(path.split("/")) < 5 or not path.startswith("/Volumes/"):
        raise errors.bad(f"Invalid path {path}: it must begin with /Volumes/CATALOG/SCHEMA/VOLUME.")
    return files.writable(world, request.host, path)


def _file(place: Path) -> Path:
    if not place.is_file():
        raise errors.refusal("NOT_FOUND", "The file being accessed is not found.")
    return place


def _directory(place: Path) -> Path:
    if not place.is_dir():
        raise errors.refusal("NOT_FOUND", "The directory being accessed is not found.")
    return place


def _folder(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        message = "A file exists where a directory would have to be."
        raise errors.refusal("ALREADY_EXISTS", message) from None


def _headers(place: Path) -> dict[str, str]:
    modified = datetime.fromtimestamp(place.stat().st_mtime, UTC)
    return {
        "Content-Type": "application/octet-stream",
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Accept-Ranges": "bytes",
    }


ROUTES = (
    Route("PUT", "/api/2.0/fs/files/{path:path}", _upload),
    Route("GET", "/api/2.0/fs/files/{path:path}", _download),
    Route("HEAD", "/api/2.0/fs/files/{path:path}", _metadata),
    Route("DELETE", "/api/2.0/fs/files/{path:path}", _delete),
    Route("PUT", "/api/2.0/fs/directories/{path:path}", _make_directory),
    Route("HEAD", "/api/2.0/fs/directories/{path:path}", _look_directory),
    Route("GET", "/api/2.0/fs/directories/{path:path}", _list_directory),
    Route("DELETE", "/api/2.0/fs/directories/{path:path}", _delete_directory),
)
