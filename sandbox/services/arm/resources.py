"""Resources by id, of any type: the generic routes, tried last."""

from __future__ import annotations

from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import (
    activity,
    actor,
    authorization,
    ids,
    lists,
    locks,
    records,
    registry,
    scopes,
    shapes,
    writes,
)
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.records import RESOURCES
from sandbox.world import World

_SHORT = ("id", "name", "type", "kind", "managedBy", "sku", "plan", "zones", "location", "identity", "tags")


def _get(world: World, request: Request) -> Response:
    target = ids.parse(request.path)
    if target is None:
        return _list(world, request)
    kind = registry.kind(target.type)
    authorization.require(world, actor.of(request), f"{kind.type}/read", target.id)
    scopes.check(world, target.scope)
    document = world.seen(RESOURCES, target.key)
    if document is None and records.get(world, target.id) is None:
        scopes.check_parent(world, target, "read")
        document = kind.absent(world, target) if kind.absent else None
    if document is None:
        raise kind.missing(target) if kind.missing else shapes.resource_not_found(target.id)
    if request.method == "HEAD":
        return Response(204)
    return Response(200, records.shown(world, document, kind, request.query["api-version"]))


def _list(world: World, request: Request) -> Response:
    found = ids.parse_collection(request.path)
    if found is None:
        raise _unknown(request)
    parent, scope, type_ = found
    kind = registry.kind(type_)
    authorization.require(world, actor.of(request), f"{kind.type}/read", parent.id if parent else scope)
    scopes.check(world, scope)
    if parent and not scopes.exists(world, parent):
        raise shapes.parent_not_found(parent.child("x", "x"), "read") if parent.parent else _no_parent(parent)
    if not registry.known(type_) and not any(records.of_type(world, type_)):
        raise CloudError(
            404,
            "InvalidResourceType",
            f"The resource type could not be found in the namespace '{type_.split('/', 1)[0]}' for api"
            f" version '{request.query['api-version']}'.",
        )
    prefix = f"{parent.key}/" if parent else f"{scope}/".lower()
    version, show = request.query["api-version"], kind.listed
    items = []
    for _, document in world.seen_items(RESOURCES, prefix):
        if document["type"].lower() == kind.type.lower():
            body = records.shown(world, document, kind, version)
            items.append(show(world, records.public(document), version) if show else body)
    return lists.page(request, items, kind.page or max(len(items), 1))


def _no_parent(parent: ResourceId) -> CloudError:
    return CloudError(
        404,
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{parent.full_name}' not"
        " found.",
    )


def _write(world: World, request: Request) -> Response:
    target = _target(request)
    by, version = actor.of(request), request.query["api-version"]
    return writes.answer(world, writes.put(world, by, target, request.json(), version, request.method))


def _delete(world: World, request: Request) -> Response:
    return writes.delete(world, actor.of(request), _target(request), request.query["api-version"])


def _post(world: World, request: Request) -> Response:
    """An action of a resource's kind."""
    place, _, name = request.path.rpartition("/")
    target = ids.parse(place)
    if target is None:
        raise _unknown(request)
    kind = registry.kind(target.type)
    action = next((one for key, one in kind.actions.items() if key.lower() == name.lower()), None)
    if action is None:
        raise _unknown(request)
    by = actor.of(request)
    permission = f"{kind.type}/{action.permission or f'{name}/action'}"
    authorization.require(world, by, permission, target.id)
    scopes.check(world, target.scope)
    scopes.check_parent(world, target, "read")
    document = scopes.find(world, target)
    if document is None:
        raise kind.missing(target) if kind.missing else shapes.resource_not_found(target.id)
    # A ReadOnly lock stops every POST, listing keys too (learn.microsoft.com, "Lock your resources").
    locks.check_write(world, target.id)
    answer, changed = action.handler(world, request, scopes.canonical(world, target), dict(document))
    if changed is not None:
        records.save(world, changed)
        activity.record(world, by, permission, target.id)
    return answer


def _all(world: World, request: Request) -> Response:
    """``…/resources``: every tracked resource of a group or a subscription, in short form."""
    scope = request.path.rsplit("/", 1)[0]
    scopes.check(world, scope)
    authorization.require(world, actor.of(request), "Microsoft.Resources/subscriptions/resources/read", scope)
    wanted = lists.matcher(request.query.get("$filter"))
    expand = [field.strip() for field in request.query.get("$expand", "").split(",")]
    items = []
    for _, document in world.seen_items(RESOURCES, f"{scope}/".lower()):
        if tracked(document):
            short = short_form(document)
            if wanted(short):
                items.append({**short, **_expanded(world, document, expand)})
    return lists.page(request, items, 1000)


def tracked(document: dict[str, Any]) -> bool:
    """Whether a resource is in a group's list: it has a place of its own."""
    return registry.kind(document["type"]).tracked and "location" in document


def short_form(document: dict[str, Any]) -> dict[str, Any]:
    short = {field: document[field] for field in _SHORT if document.get(field) is not None}
    target = ids.parse(document["id"])
    return {**short, "name": target.full_name if target else document["name"]}


def _expanded(world: World, document: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    state = records.state(document, world.now()) or document.get("properties", {}).get("provisioningState")
    known = {
        "createdTime": document["_created"],
        "changedTime": document["_changed"],
        "provisioningState": state or "Succeeded",
    }
    return {field: known[field] for field in fields if field in known}


def _target(request: Request) -> ResourceId:
    target = ids.parse(request.path)
    if target is None:
        raise _unknown(request)
    return target


def _unknown(request: Request) -> CloudError:
    return CloudError(501, "NotImplemented", f"The sandbox does not play {request.method} {request.path}.")


LISTS = (
    Route("GET", "/subscriptions/{subscription}/resources", _all),
    Route("GET", "/subscriptions/{subscription}/resourceGroups/{group}/resources", _all),
)
ROUTES = (
    Route("GET|HEAD", "/{path:path}", _get),
    Route("PUT|PATCH", "/{path:path}", _write),
    Route("DELETE", "/{path:path}", _delete),
    *(
        Route("POST", f"/{{path:path}}/{verb}{{rest}}", _post, write=False)
        for verb in ("list", "get", "query")
    ),
    Route("POST", "/{path:path}", _post),
)
