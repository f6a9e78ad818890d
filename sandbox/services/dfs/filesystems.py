"""File systems, and the lists of what they hold."""

from __future__ import annotations

from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.dfs import shapes
from sandbox.services.storage import blobs, containers, rules
from sandbox.world import World

_PAGE = 5000  # the default and the most


def _list(world: World, request: Request) -> Response:
    if request.query.get("resource") != "account":
        raise shapes.not_played(request)
    account = rules.permit(world, request, "list containers")
    found = [
        {"name": one["name"], "etag": one["etag"].strip('"'), "lastModified": containers.modified(one)}
        for one in containers.listed(world, account, request.query.get("prefix", ""))
    ]
    shown, headers = _page(request, found)
    return Response(200, {"filesystems": shown}, headers)


def _filesystem(world: World, request: Request) -> Response:
    if request.method == "HEAD" and request.query.get("action") in ("getAccessControl", "getStatus"):
        return _root(world, request)
    if request.query.get("resource") != "filesystem":
        raise shapes.not_played(request)
    plays = {"PUT": _create, "DELETE": _drop, "HEAD": _properties, "GET": _paths}
    return plays[request.method](world, request)


def _create(world: World, request: Request) -> Response:
    name = request.params["filesystem"]
    account = rules.permit(world, request, "write container", name)
    return Response(201, None, _headers(account, containers.create(world, account, name)))


def _drop(world: World, request: Request) -> Response:
    name = request.params["filesystem"]
    containers.drop(world, rules.permit(world, request, "delete container", name), name)
    return Response(202)


def _properties(world: World, request: Request) -> Response:
    name = request.params["filesystem"]
    account = rules.permit(world, request, "read container", name)
    return Response(200, None, _headers(account, containers.find(world, account, name)))


def _root(world: World, request: Request) -> Response:
    """The uppermost directory. Hadoop asks for its access control to learn whether directories are real."""
    name = request.params["filesystem"]
    account = rules.permit(world, request, "read blob", name)
    containers.find(world, account, name)
    if not rules.hierarchical(account):
        raise shapes.flat()
    return Response(200, None, shapes.access(directory=True))


def _headers(account: dict[str, Any], document: dict[str, Any]) -> dict[str, str]:
    real = "true" if rules.hierarchical(account) else "false"
    return {
        "ETag": document["etag"],
        "Last-Modified": containers.modified(document),
        "x-ms-namespace-enabled": real,
    }


def _paths(world: World, request: Request) -> Response:
    name, recursive = request.params["filesystem"], request.query.get("recursive", "").lower()
    account = rules.permit(world, request, "read blob", name)
    containers.find(world, account, name)
    if recursive not in ("true", "false"):
        raise CloudError(
            400,
            "MissingRequiredQueryParameter",
            "A query parameter that's mandatory for this request is not specified.",
        )
    directory = request.query.get("directory", "").strip("/")
    entry = blobs.get(world, account["name"], name, directory) if directory else None
    if directory and (entry is None or not entry["directory"]):
        raise shapes.conflict() if entry else shapes.not_found()
    prefix = f"{directory}/" if directory else ""
    found = [
        shapes.item(one)
        for one in blobs.listed(world, account["name"], name, True, prefix)
        if recursive == "true" or "/" not in one["name"][len(prefix) :]
    ]
    shown, headers = _page(request, found)
    return Response(200, {"paths": shown}, headers)


def _page(request: Request, found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Up to `maxResults` from the name that `continuation` holds, and the header to go on."""
    text = request.query.get("maxresults", str(_PAGE))
    if not text.isdecimal() or text == "0":
        raise shapes.bad_query()
    size = min(int(text), _PAGE)
    rest = [one for one in found if one["name"] >= request.query.get("continuation", "")]
    headers = {"x-ms-continuation": rest[size]["name"]} if len(rest) > size else {}
    return rest[:size], headers


ROUTES = (
    Route("GET", "", _list),
    Route("GET|HEAD|PUT|DELETE", "/{filesystem}", _filesystem),
)
