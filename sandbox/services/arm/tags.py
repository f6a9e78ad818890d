"""Tags at a scope: ``{scope}/providers/Microsoft.Resources/tags/default``."""

from __future__ import annotations

from typing import Any

from sandbox.clock import iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import activity, actor, authorization, ids, locks, records, scopes, shapes
from sandbox.services.arm.records import GROUPS, RESOURCES
from sandbox.world import World

_SUBSCRIPTIONS = "arm.subscription-tags"
_OPERATION = "Microsoft.Resources/tags"


def _read(world: World, request: Request) -> Response:
    scope = _scope(world, request, "read")
    return Response(200, _shown(scope, _tagged(world, scope)[2].get("tags") or {}))


def _write(world: World, request: Request) -> Response:
    scope, body = _scope(world, request, "write"), request.json()
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        raise shapes.invalid_content("Required property 'properties' not found in JSON")
    sent = body["properties"].get("tags")
    if not isinstance(sent, dict):
        raise shapes.invalid_content("Required property 'tags' not found in JSON. Path 'properties'")
    operation = str(body.get("operation", "")) if request.method == "PATCH" else "Replace"
    change = _CHANGES.get(operation.lower())
    if change is None:
        raise CloudError(
            400,
            "InvalidTagsPatchOperation",
            f"The operation '{operation}' is not one of Merge, Replace, Delete.",
        )
    return Response(200, _store(world, request, scope, change, sent))


def _delete(world: World, request: Request) -> Response:
    _store(world, request, _scope(world, request, "delete"), _CHANGES["replace"], {})
    return Response(200)


def _merge(now: dict[str, str], sent: dict[str, str]) -> dict[str, str]:
    names = {name.lower() for name in sent}
    return {**{k: v for k, v in now.items() if k.lower() not in names}, **sent}


def _without(now: dict[str, str], sent: dict[str, str]) -> dict[str, str]:
    gone = {(name.lower(), value) for name, value in sent.items()}
    return {k: v for k, v in now.items() if (k.lower(), v) not in gone}


_CHANGES = {"replace": lambda now, sent: dict(sent), "merge": _merge, "delete": _without}


def _store(world: World, request: Request, scope: str, change: Any, sent: dict[str, str]) -> dict[str, Any]:
    locks.check_write(world, scope)
    collection, key, document = _tagged(world, scope)
    tags = change(document.get("tags") or {}, sent)
    if len(tags) > 50:
        raise CloudError(
            400, "InvalidTagCount", f"The number of tags '{len(tags)}' exceeds the maximum allowed '50'."
        )
    world.store.put(collection, key, {**document, "tags": tags, "_changed": iso(world.now())})
    activity.record(
        world, actor.of(request), f"{_OPERATION}/write", f"{scope}/providers/{_OPERATION}/default"
    )
    return _shown(scope, tags)


def _tagged(world: World, scope: str) -> tuple[str, str, dict[str, Any]]:
    """Where the tags of a scope are kept: (collection, key, document)."""
    key = scope.lower()
    if ids.parse(scope):
        return RESOURCES, key, records.load(world, scope)
    if ids.group_of(scope):
        return GROUPS, key, world.store.get(GROUPS, key) or {}
    return _SUBSCRIPTIONS, key, world.store.get(_SUBSCRIPTIONS, key) or {}


def _scope(world: World, request: Request, verb: str) -> str:
    scope = "/" + request.params["scope"].strip("/")
    authorization.require(world, actor.of(request), f"{_OPERATION}/{verb}", scope)
    scopes.check(world, scope, write=verb != "read")
    return scopes.scope(world, scope)


def _shown(scope: str, tags: dict[str, str]) -> dict[str, Any]:
    return {
        "id": f"{scope}/providers/{_OPERATION}/default",
        "name": "default",
        "type": _OPERATION,
        "properties": {"tags": tags},
    }


_PATTERN = "/{scope:path}/providers/Microsoft.Resources/tags/default"
ROUTES = (
    Route("GET", _PATTERN, _read),
    Route("PUT|PATCH", _PATTERN, _write),
    Route("DELETE", _PATTERN, _delete),
)
