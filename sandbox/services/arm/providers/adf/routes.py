"""Factories and their objects by id, as the generic routes answer them, but for If-Match and If-None-Match;
and their lists.

A GET with the current etag in If-None-Match is a 304; a PUT with another than the current one in If-Match is
refused (datafactory.json 2018-06-01; nothing public records the body of that refusal).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, ids, records, registry, resources, scopes
from sandbox.services.arm.providers.adf import lists
from sandbox.world import World

_FACTORY = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}"
)

_KINDS = (
    "linkedservices",
    "datasets",
    "pipelines",
    "dataflows",
    "triggers",
    "integrationRuntimes",
    "credentials",
    "managedVirtualNetworks",
    "globalParameters",
)
_UNPLAYED = ("adfcdcs", "privateLinkResources")
_ALL = "GET|PUT|PATCH|DELETE|POST"


def _generic(world: World, request: Request) -> Response:
    handler = next(
        one.handler for one in resources.ROUTES if one.match(request.method, request.path) is not None
    )
    return handler(world, request)


def _read(world: World, request: Request) -> Response:
    answer = _generic(world, request)
    wanted = request.headers.get("if-none-match")
    if wanted and isinstance(answer.body, Mapping) and _matches(wanted, answer.body):
        return Response(304)
    return answer


def _list(world: World, request: Request) -> Response:
    found = ids.parse_collection(request.path)
    there = found and found[0] and scopes.exists(world, found[0])
    return lists.answer(world, request) if there else _generic(world, request)


def _write(world: World, request: Request) -> Response:
    target = ids.parse(request.path)
    wanted, unwanted = request.headers.get("if-match"), request.headers.get("if-none-match")
    if target and (wanted or unwanted):
        permission = f"{registry.kind(target.type).type}/write"
        authorization.require(world, actor.of(request), permission, target.id)
        document = records.get(world, target.id)
        if (wanted and not _matches(wanted, document)) or (unwanted and _matches(unwanted, document)):
            message = "The condition set in the request's If-Match or If-None-Match header is not met."
            raise CloudError(412, "PreconditionFailed", message, extra={"target": target.id, "details": None})
    return _generic(world, request)


def _matches(wanted: str, document: Mapping[str, Any] | None) -> bool:
    if document is None:
        return False
    current = str(document.get("etag") or document.get("eTag") or "").strip('"')
    asked = [one.strip().removeprefix("W/").strip('"') for one in wanted.split(",")]
    return "*" in asked or current in asked


def _not_played(world: World, request: Request) -> Response:
    """What has no rules here is not kept as if it had."""
    raise CloudError(501, "NotImplemented", f"The sandbox does not play {request.method} {request.path}.")


_ENDPOINTS = "/managedVirtualNetworks/{network}/managedPrivateEndpoints"
_COLLECTIONS = (*(f"{_FACTORY}/{kind}" for kind in _KINDS), _FACTORY + _ENDPOINTS)
_OBJECTS = (_FACTORY, *(f"{place}/{{name}}" for place in _COLLECTIONS))
ROUTES: tuple[Route, ...] = (
    *(Route("GET", place, _list) for place in _COLLECTIONS),
    *(Route("GET", place, _read) for place in _OBJECTS),
    *(Route("PUT|PATCH", place, _write) for place in _OBJECTS),
    *(
        Route(_ALL, f"{_FACTORY}/{kind}{rest}", _not_played)
        for kind in _UNPLAYED
        for rest in ("", "/{rest:path}")
    ),
)
