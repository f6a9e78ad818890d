"""Containers and block blobs (REST reference, Blob service)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.storage import blobs, containers, rules, shapes
from sandbox.world import World

_KEPT = ("content-type", "content-encoding", "content-language", "cache-control", "content-disposition")
_PAGE = 5000


def _list_containers(world: World, request: Request) -> Response:
    if request.query.get("comp") != "list":
        raise _not_played(request)
    found = rules.permit(world, request, "list containers")
    shown = [
        {"name": one["name"], "etag": one["etag"], "modified": containers.modified(one)}
        for one in containers.listed(world, found, request.query.get("prefix", ""))
    ]
    return shapes.containers(f"https://{request.host}/", shown)


def _container(world: World, request: Request) -> Response:
    verb, comp = request.method, request.query.get("comp")
    if request.query.get("restype") != "container":
        raise _not_played(request)
    if verb == "GET" and comp == "list":
        return _list_blobs(world, request)
    if comp is not None:
        raise _not_played(request)
    return {"PUT": _create, "DELETE": _drop}.get(verb, _properties)(world, request)


def _create(world: World, request: Request) -> Response:
    name = request.params["container"]
    account = rules.permit(world, request, "write container", name)
    document = containers.create(world, account, name)
    return Response(201, None, {"ETag": document["etag"], "Last-Modified": containers.modified(document)})


def _drop(world: World, request: Request) -> Response:
    name = request.params["container"]
    containers.drop(world, rules.permit(world, request, "delete container", name), name)
    return Response(202)


def _properties(world: World, request: Request) -> Response:
    name = request.params["container"]
    document = containers.find(world, rules.permit(world, request, "read container", name), name)
    return Response(
        200,
        None,
        {
            "ETag": document["etag"],
            "Last-Modified": containers.modified(document),
            "x-ms-lease-status": "unlocked",
            "x-ms-lease-state": "available",
            "x-ms-has-immutability-policy": "false",
            "x-ms-has-legal-hold": "false",
        },
    )


def _list_blobs(world: World, request: Request) -> Response:
    name = request.params["container"]
    account = rules.permit(world, request, "read blob", name)
    containers.find(world, account, name)
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    names: dict[str, Any] = {}
    real = rules.hierarchical(account)
    for one in blobs.listed(world, account["name"], name, real, prefix):
        # With a delimiter a real directory is shown as what it is for the blobs below it, a prefix.
        shown_as = f"{one['name']}/" if real and one["directory"] and delimiter == "/" else one["name"]
        head, found, _ = shown_as[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        folder = f"{prefix}{head}{delimiter}"
        names[folder if found else one["name"]] = folder if found else one
    size, start = int(request.query.get("maxresults", _PAGE)), request.query.get("marker", "")
    rest = [key for key in sorted(names) if key >= start]
    marker = rest[size] if len(rest) > size else ""
    metadata = "metadata" in request.query.get("include", "")
    shown = [names[key] for key in rest[:size]]
    return shapes.blobs(f"https://{request.host}/", name, shown, marker, metadata)


def _put_blob(world: World, request: Request) -> Response:
    container, name = request.params["container"], request.params["blob"]
    if request.query.get("comp") in ("metadata", "properties"):
        return _describe(world, request)
    if "comp" in request.query or "x-ms-copy-source" in request.headers:
        raise _not_played(request)
    account = rules.permit(world, request, "write blob", container)
    containers.find(world, account, container)
    kind = request.headers.get("x-ms-blob-type")
    if kind is None:
        raise CloudError(
            400, "MissingRequiredHeader", "An HTTP header that's mandatory is missing: x-ms-blob-type."
        )
    if kind != "BlockBlob":
        raise _not_played(request)
    before = blobs.get(world, account["name"], container, name)
    wanted = request.headers.get("if-none-match")
    if before and wanted == "*":
        raise CloudError(409, "BlobAlreadyExists", "The specified blob already exists.")
    if (tag := request.headers.get("if-match")) and (not before or tag not in ("*", before["etag"])):
        raise CloudError(
            412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
        )
    sent = {key: request.headers.get(f"x-ms-blob-{key}") or request.headers.get(key) for key in _KEPT}
    kept = {key: value for key, value in sent.items() if value} | _metadata(request.headers)
    document = blobs.put(world, account["name"], container, name, request.body, kept)
    return Response(
        201,
        None,
        {
            "ETag": document["etag"],
            "Last-Modified": document["modified"],
            "Content-MD5": document["md5"],
            "x-ms-request-server-encrypted": "true",
        },
    )


def _describe(world: World, request: Request) -> Response:
    """Replace the metadata and leave the headers, or the other way round."""
    document = _blob(world, request, "write blob")
    before = document["headers"]
    if request.query["comp"] == "metadata":
        kept = {key: value for key, value in before.items() if key in _KEPT} | _metadata(request.headers)
    else:
        sent = {key: request.headers.get(f"x-ms-blob-{key}") for key in _KEPT}
        kept = {key: value for key, value in sent.items() if value} | _metadata(before)
    account, container = rules.account(world, request)["name"], request.params["container"]
    changed = blobs.describe(world, account, container, document["name"], kept)
    return Response(200, None, {"ETag": changed["etag"], "Last-Modified": changed["modified"]})


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.startswith("x-ms-meta-")}


def _get_blob(world: World, request: Request) -> Response:
    document = _blob(world, request, "read blob")
    account, container = rules.account(world, request)["name"], request.params["container"]
    content, status, headers = (
        blobs.read(world, account, container, document["name"]),
        200,
        _headers(document),
    )
    asked = request.headers.get("x-ms-range") or request.headers.get("range")
    if asked and (found := re.fullmatch(r"bytes=(\d+)-(\d*)", asked)):
        first, last = int(found[1]), min(int(found[2] or len(content)), len(content) - 1)
        if first >= len(content):
            raise CloudError(
                416, "InvalidRange", "The range specified is invalid for the current size of the resource."
            )
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        content, status = content[first : last + 1], 206
    return Response(status, content, {**headers, "Content-Length": str(len(content))})


def _head_blob(world: World, request: Request) -> Response:
    document = _blob(world, request, "read blob")
    return Response(200, None, {**_headers(document), "Content-Length": str(document["size"])})


def _delete_blob(world: World, request: Request) -> Response:
    document = _blob(world, request, "delete blob")
    account, container = rules.account(world, request), request.params["container"]
    below = f"{document['name']}/"
    if document["directory"] and blobs.listed(world, account["name"], container, True, below):
        raise CloudError(
            409, "DirectoryIsNotEmpty", "This operation is not permitted on a non-empty directory."
        )
    blobs.delete(world, account["name"], container, document["name"], rules.hierarchical(account))
    return Response(202, None, {"x-ms-delete-type-permanent": "true"})


def _blob(world: World, request: Request, right: str) -> dict[str, Any]:
    container = request.params["container"]
    account = rules.permit(world, request, right, container)
    containers.find(world, account, container)
    if request.method != "PUT" and "comp" in request.query:
        raise _not_played(request)
    document = blobs.get(world, account["name"], container, request.params["blob"])
    shown = document and (not document["directory"] or document["headers"] or rules.hierarchical(account))
    if document is None or not shown:
        raise CloudError(404, "BlobNotFound", "The specified blob does not exist.")
    return document


def _headers(document: dict[str, Any]) -> dict[str, str]:
    return {
        **shapes.kept(document),
        "ETag": document["etag"],
        "Last-Modified": document["modified"],
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-server-encrypted": "true",
    }


def _not_played(request: Request) -> CloudError:
    what = f"{request.method} {request.path} {request.query.get('comp', '')}".strip()
    return CloudError(501, "NotImplemented", f"The sandbox does not play {what}.")


ROUTES = (
    Route("GET", "", _list_containers),
    Route("GET|HEAD|PUT|DELETE", "/{container}", _container),
    Route("PUT", "/{container}/{blob:path}", _put_blob),
    Route("GET", "/{container}/{blob:path}", _get_blob),
    Route("HEAD", "/{container}/{blob:path}", _head_blob),
    Route("DELETE", "/{container}/{blob:path}", _delete_blob),
)
