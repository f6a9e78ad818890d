"""`/api/2.0/workspace-files/…`: whole files without base64 and without the 10 MB of imports."""

from __future__ import annotations

from pathlib import PurePosixPath

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import access, errors, tree, workspace
from sandbox.services.databricks.body import truth
from sandbox.world import World


def _import_file(world: World, request: Request) -> Response:
    path, made = workspace.taken_for("/" + request.params["path"].lstrip("/"), request.body)
    document = workspace.write(world, request, path, made, truth(request.query, "overwrite"), _exists)
    return Response(200, {"object_id": document["object_id"]})


def _read(world: World, request: Request) -> Response:
    path = "/" + request.params["path"].lstrip("/")
    document = access.require_path(world, request, path, "CAN_READ")
    if document["object_type"] == "NOTEBOOK":
        return Response(200, tree.source(world, request.host, path)[1].encode())
    return Response(200, tree.file_bytes(world, request.host, path))


def _delete(world: World, request: Request) -> Response:
    path = "/" + request.params["path"].lstrip("/")
    workspace.delete(world, request, path, truth(request.query, "recursive"))
    return Response(200, {})


def _exists(path: str, kind: str) -> Exception:
    if kind == "FILE":
        return errors.refusal("ALREADY_EXISTS", f"Node with name {PurePosixPath(path).name} already exists")
    return errors.refusal("RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists.")


ROUTES = (
    Route("POST", "/api/2.0/workspace-files/import-file/{path:path}", _import_file),
    Route("GET", "/api/2.0/workspace-files/{path:path}", _read),
    Route("DELETE", "/api/2.0/workspace-files/{path:path}", _delete),
)
