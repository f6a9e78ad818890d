"""Resource groups."""

from __future__ import annotations

import re
from typing import Any

from sandbox.clock import iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import (
    activity,
    actor,
    authorization,
    ids,
    lists,
    locks,
    operations,
    records,
    regions,
    scopes,
    shapes,
    writes,
)
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.kinds import style
from sandbox.services.arm.records import GROUPS
from sandbox.world import World

TYPE = "Microsoft.Resources/resourceGroups"
_OPERATION = "Microsoft.Resources/subscriptions/resourceGroups"
# Word characters of any script, parentheses, hyphens and periods, no period at the end.
_NAME = re.compile(r"[-\w._()]{0,89}[-\w_()]")
_DELETE = style("202 nobody +Location")


def put(world: World, by: Actor, subscription: str, name: str, body: Any) -> tuple[dict[str, Any], bool]:
    """Create or replace a group, by request or by deployment: (document, created). Raises CloudError."""
    scope = f"/subscriptions/{subscription}"
    scopes.check(world, scope)
    group_id = f"{scope}/resourceGroups/{name}"
    authorization.require(world, by, f"{_OPERATION}/write", group_id)
    if not _NAME.fullmatch(name):
        raise CloudError(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters or is too long. The name"
            " can only be a letter, digit, '-', '.', '(', ')' or '_', must not end with a period and has at"
            " most 90 characters.",
        )
    if not isinstance(body, dict):
        raise shapes.invalid_content("the body is not a JSON object")
    location = body.get("location")
    if not location:
        raise CloudError(400, "LocationRequired", "The location property is required for this definition.")
    if not regions.known(str(location)):
        raise CloudError(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{location}' is not available for resource group. List of available"
            f" regions is '{','.join(regions.NAMES)}'.",
        )
    previous = records.group(world, subscription, name)
    if previous:
        scopes.check(world, group_id, write=True)
        if regions.normal(previous["location"]) != regions.normal(str(location)):
            raise CloudError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location"
                f" '{previous['location']}'.",
            )
    locks.check_write(world, group_id)
    kept = {
        "id": previous["id"] if previous else group_id,
        "name": previous["name"] if previous else name,
        "type": TYPE,
        "location": regions.normal(str(location)),
        **{field: body[field] for field in ("managedBy", "tags") if body.get(field) is not None},
        "properties": {"provisioningState": "Succeeded"},
        "_created": previous["_created"] if previous else iso(world.now()),
        "_changed": iso(world.now()),
    }
    world.store.put(GROUPS, group_id.lower(), kept)
    activity.record(world, by, f"{_OPERATION}/write", group_id, created=previous is None)
    return kept, previous is None


def _put(world: World, request: Request) -> Response:
    by = actor.of(request)
    group, created = put(world, by, request.params["subscription"], request.params["group"], request.json())
    return Response(201 if created else 200, records.public(group))


def _get(world: World, request: Request) -> Response:
    group = _found(world, request, "read")
    return Response(200, _shown(group, request)) if request.method == "GET" else Response(204)


def _list(world: World, request: Request) -> Response:
    scope = f"/subscriptions/{request.params['subscription']}"
    scopes.check(world, scope)
    authorization.require(world, actor.of(request), f"{_OPERATION}/read", scope)
    wanted = lists.matcher(request.query.get("$filter"))
    items = world.seen_items(GROUPS, f"{scope}/".lower())
    return lists.page(request, [_shown(item, request) for _, item in items if wanted(item)], 1000)


def _patch(world: World, request: Request) -> Response:
    group, body = _found(world, request, "write"), request.json()
    scopes.check(world, group["id"], write=True)
    if not isinstance(body, dict):
        raise shapes.invalid_content("the body is not a JSON object")
    locks.check_write(world, group["id"])
    changed = {field: body[field] for field in ("tags", "managedBy") if field in body}
    group |= {**changed, "_changed": iso(world.now())}
    world.store.put(GROUPS, group["id"].lower(), group)
    activity.record(world, actor.of(request), f"{_OPERATION}/write", group["id"])
    return Response(200, records.public(group))


def _delete(world: World, request: Request) -> Response:
    """202 and an address to ask; everything inside goes with it when the operation ends."""
    group = _found(world, request, "delete")
    locks.check_delete(world, group["id"])
    by = actor.of(request)
    activity.record(world, by, f"{_OPERATION}/delete", group["id"])
    ready_at = world.now() + by.fault.delay
    error = None
    if by.fault.fails:
        error = {
            "code": "ResourceGroupDeletionBlocked",
            "message": "Deletion of resource group failed.",
            "status": 409,
        }
    else:
        group["properties"]["provisioningState"] = "Deleting"
        world.store.put(GROUPS, group["id"].lower(), group)
        world.schedule(ready_at, "arm.remove-group", {"id": group["id"]})
    headers = operations.start(
        world, group["id"], _DELETE, request.query["api-version"], ready_at, error=error
    )
    return Response(202, None, headers)


def remove(world: World, data: dict[str, Any]) -> None:
    """The effect ``arm.remove-group``."""
    for document in sorted(records.under(world, data["id"]), key=lambda one: one["id"].count("/")):
        target = ids.parse(document["id"])
        if target:
            writes.remove_tree(world, target)
    for key in world.store.keys("arm.deployments", data["id"].lower() + "/"):
        world.store.delete("arm.deployments", key)
    world.store.delete(GROUPS, data["id"].lower())


def _found(world: World, request: Request, verb: str) -> dict[str, Any]:
    subscription, name = request.params["subscription"], request.params["group"]
    scope = f"/subscriptions/{subscription}"
    scopes.check(world, scope)
    authorization.require(world, actor.of(request), f"{_OPERATION}/{verb}", f"{scope}/resourceGroups/{name}")
    key = f"{scope}/resourcegroups/{name}".lower()
    group = world.seen(GROUPS, key) if verb == "read" else world.store.get(GROUPS, key)
    if group is None:
        raise shapes.group_not_found(name)
    return group


def _shown(group: dict[str, Any], request: Request) -> dict[str, Any]:
    body = records.public(group)
    for field in request.query.get("$expand", "").split(","):
        if field.strip() in ("createdTime", "changedTime"):
            body[field.strip()] = group["_created" if field.strip() == "createdTime" else "_changed"]
    return body


_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
ROUTES = (
    Route("GET", "/subscriptions/{subscription}/resourceGroups", _list),
    Route("GET|HEAD", _GROUP, _get),
    Route("PUT", _GROUP, _put),
    Route("PATCH", _GROUP, _patch),
    Route("DELETE", _GROUP, _delete),
)
EFFECTS = {"arm.remove-group": remove}
