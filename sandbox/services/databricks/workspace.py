"""The Workspace API 2.0: list, get-status, mkdirs, delete, import, export."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import access, errors, grants, notebook_formats, switches, tree
from sandbox.services.databricks.body import body, decoded, form, is_form, text, truth, whole
from sandbox.world import World

# docs.databricks.com, "Resource limits": the most that one import or export carries.
LIMIT = 10 * 1024 * 1024
_IMPORTS = ("SOURCE", "AUTO", "JUPYTER", "RAW")
_EXPORTS = ("SOURCE", "AUTO", "JUPYTER")
_NOT_PLAYED = ("HTML", "DBC", "R_MARKDOWN")

Document = dict[str, Any]


def _list(world: World, request: Request) -> Response:
    path = text(request.query, "path")
    document = access.require_path(world, request, path, "CAN_READ")
    after = whole(request.query, "notebooks_modified_after", None)
    found = [document]
    if document["object_type"] in ("DIRECTORY", "REPO"):
        found = access.visible(world, request, tree.children(world, request.host, document["path"]))
    if after is not None:
        found = [one for one in found if one["object_type"] == "NOTEBOOK" and one["modified_at"] > after]
    shown = [_shown(world, path, one) for one in found]
    return Response(200, {"objects": shown} if shown else {})


def _get_status(world: World, request: Request) -> Response:
    path = text(request.query, "path")
    return Response(200, _shown(world, path, access.require_path(world, request, path, "CAN_READ")))


def _mkdirs(world: World, request: Request) -> Response:
    path = tree.canonical(text(body(request), "path"))
    above = path
    while tree.get(world, request.host, above) is None:
        above = tree.parent(above)
    if above != path:
        access.require_path(world, request, above, "CAN_MANAGE")
    tree.mkdirs(world, request.host, path)
    return Response(200, {})


def _delete(world: World, request: Request) -> Response:
    asked = body(request)
    delete(world, request, text(asked, "path"), truth(asked, "recursive"))
    return Response(200, {})


def delete(world: World, request: Request, path: str, recursive: bool) -> None:
    """Remove an object, when the caller may, and what was granted on it."""
    access.require_path(world, request, path, "CAN_MANAGE")
    for one in tree.delete(world, request.host, path, recursive):
        grants.forget(world, request.host, grants.type_of(one), one["object_id"])


def _import(world: World, request: Request) -> Response:
    asked: Mapping[str, Any]
    if is_form(request):
        asked, content = form(request, "content")
    else:
        asked = body(request)
        content = decoded(asked.get("content"))
    path, kind = text(asked, "path"), str(asked.get("format") or "SOURCE")
    if kind in _NOT_PLAYED:
        raise errors.not_played(f"imports of format {kind}")
    if kind not in _IMPORTS:
        raise errors.bad(f"Invalid format {kind}: one of {', '.join((*_IMPORTS, *_NOT_PLAYED))}.")
    if len(content) > LIMIT:
        message = f"File size imported is ({len(content)} bytes), exceeded max size ({LIMIT} bytes)"
        raise errors.refusal("MAX_NOTEBOOK_SIZE_EXCEEDED", message)
    place, made = _taken(path, kind, asked.get("language"), content)
    number = write(world, request, place, made, truth(asked, "overwrite"), _exists)["object_id"]
    return Response(200, {"object_id": number} if kind in ("AUTO", "RAW") else {})


def taken_for(path: str, content: bytes) -> tuple[str, Document]:
    """Where AUTO puts content, and the object it makes of it: a notebook loses its extension."""
    stem, language = str(PurePosixPath(path).with_suffix("")), notebook_formats.language_of(path, content)
    if path.lower().endswith(".ipynb"):
        return stem, _jupyter(content)
    if language:
        return stem, {"object_type": "NOTEBOOK", "language": language, "source": _decoded(content)}
    return path, {"object_type": "FILE", "content": content}


def write(
    world: World, request: Request, path: str, made: Document, overwrite: bool, exists: Any
) -> Document:
    """Make or replace an object, when the caller may; without `overwrite`, `exists(path, kind)` is raised."""
    host = request.host
    path = tree.canonical(path)
    existing = tree.get(world, host, path)
    if existing and not overwrite:
        raise exists(path, existing["object_type"])
    existing = tree.replaceable(world, host, path, made["object_type"])
    place, level = (path, "CAN_EDIT") if existing else (tree.parent(path), "CAN_MANAGE")
    access.require_path(world, request, place, level)
    if made["object_type"] == "NOTEBOOK":
        return tree.put_notebook(world, host, path, made["language"], made["source"])
    return tree.put_file(world, host, path, made["content"])


def _export(world: World, request: Request) -> Response:
    path, kind = text(request.query, "path"), request.query.get("format") or "SOURCE"
    document = access.require_path(world, request, path, "CAN_READ")
    if kind in _NOT_PLAYED or document["object_type"] in ("DIRECTORY", "REPO"):
        raise errors.not_played(f"exports of a {document['object_type']} as {kind}")
    if kind not in _EXPORTS:
        raise errors.bad(f"Invalid format {kind}: one of {', '.join((*_EXPORTS, *_NOT_PLAYED))}.")
    content, suffix = _exported(world, request.host, document, kind)
    if len(content) > LIMIT:
        message = f"content size ({len(content)}) exceeded the limit {LIMIT}"
        raise errors.refusal("MAX_NOTEBOOK_SIZE_EXCEEDED", message)
    if truth(request.query, "direct_download"):
        name = PurePosixPath(document["path"]).name + (f".{suffix}" if suffix else "")
        return Response(200, content, {"Content-Disposition": f'attachment; filename="{name}"'})
    encoded = {"content": base64.b64encode(content).decode()}
    return Response(200, {**encoded, "file_type": suffix} if suffix else encoded)


def _exported(world: World, host: str, document: Document, kind: str) -> tuple[bytes, str]:
    if document["object_type"] == "FILE":
        if kind == "JUPYTER":
            raise errors.bad(f"Path ({document['path']}) is a file and cannot be exported as {kind}.")
        return tree.file_bytes(world, host, document["path"]), ""
    language, source = tree.source(world, host, document["path"])
    if kind == "JUPYTER":
        name = PurePosixPath(document["path"]).name
        return notebook_formats.to_jupyter(name, language, source).encode(), "ipynb"
    return source.encode(), notebook_formats.suffix(language).removeprefix(".")


def _taken(path: str, kind: str, language: Any, content: bytes) -> tuple[str, Document]:
    if kind == "AUTO":
        return taken_for(path, content)
    if kind == "RAW":
        return path, {"object_type": "FILE", "content": content}
    if kind == "JUPYTER":
        return path, _jupyter(content)
    if language not in notebook_formats.COMMENTS:
        names = ", ".join(notebook_formats.COMMENTS)
        raise errors.bad(f"Format SOURCE needs a language, one of {names}, not '{language or ''}'.")
    return path, {"object_type": "NOTEBOOK", "language": language, "source": _decoded(content)}


def _jupyter(content: bytes) -> Document:
    try:
        language, source = notebook_formats.from_jupyter(_decoded(content))
    except notebook_formats.FormatError as fault:
        raise errors.bad(str(fault)) from None
    return {"object_type": "NOTEBOOK", "language": language, "source": source}


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise errors.bad("The content of a notebook must be UTF-8.") from None


def _exists(path: str, kind: str) -> Exception:
    name = PurePosixPath(path).name
    message = f"Node named '{name}' already exists" if kind == "FILE" else f"Path ({path}) already exists."
    return errors.refusal("RESOURCE_ALREADY_EXISTS", message)


def _shown(world: World, asked: str, document: Document) -> Document:
    """As answers have it: with `/Workspace` in front where the request had it."""
    spelled = asked == "/Workspace" or asked.startswith("/Workspace/")
    shown = {**document, "path": f"/Workspace{document['path']}" if spelled else document["path"]}
    if document["object_type"] == "NOTEBOOK" and not switches.on(world, "listing", True):
        del shown["modified_at"], shown["size"]
    return shown


ROUTES = (
    Route("GET", "/api/2.0/workspace/list", _list),
    Route("GET", "/api/2.0/workspace/get-status", _get_status),
    Route("POST", "/api/2.0/workspace/mkdirs", _mkdirs),
    Route("POST", "/api/2.0/workspace/delete", _delete),
    Route("POST", "/api/2.0/workspace/import", _import),
    Route("GET", "/api/2.0/workspace/export", _export),
)
