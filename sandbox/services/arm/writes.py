"""The one way in which a resource is written or removed, by a request or by a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError, Response
from sandbox.services.arm import (
    activity,
    authorization,
    ids,
    locks,
    namespaces,
    operations,
    policy,
    records,
    regions,
    registry,
    scopes,
    shapes,
)
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Kind, Style, Write
from sandbox.world import World

# Fields that a client may send and ARM ignores.
_READ_ONLY = frozenset({"id", "name", "type", "systemData", "etag"})
# These would have to do something; kept as sent they would be an empty success.
_NOT_PLAYED = frozenset(
    f"microsoft.resources/{name}"
    for name in ("deployments", "deploymentscripts", "deploymentstacks", "links")
)


@dataclass(frozen=True)
class Written:
    """A write that was accepted; it is done at ``ready_at``, or failed then."""

    kind: Kind
    write: Write
    document: dict[str, Any]
    style: Style
    ready_at: datetime
    fails: bool


def check(
    world: World,
    actor: Actor,
    target: ResourceId,
    method: str,
    body: Any,
    api_version: str,
    preflight: bool = False,
) -> tuple[Kind, Write]:
    """All that ARM and the provider refuse before anything happens. Raises CloudError.

    A deployment's ``preflight`` looks at neither locks nor running operations: those stop its writes later.
    """
    kind = registry.kind(target.type)
    if target.type.lower() in _NOT_PLAYED:
        raise CloudError(
            501, "NotImplemented", f"The sandbox does not play resources of type '{target.type}'."
        )
    attributes = authorization.attributes_of(world, target, body)
    authorization.require(world, actor, f"{kind.type}/write", target.id, attributes)
    scopes.check(world, target.scope, write=True)
    if not isinstance(body, Mapping):
        raise shapes.invalid_content("the body is not a JSON object")
    namespaces.check_registered(world, target.subscription, target.namespace)
    scopes.check_parent(world, target, "write")
    if not preflight and target.type.lower() != locks.LOCKS.lower():
        locks.check_write(world, target.id)
    target = scopes.canonical(world, target)
    previous = records.get(world, target.id)
    if method == "PATCH":
        if kind.patch is None:
            raise CloudError(
                405, "MethodNotAllowed", "The requested resource does not support http method 'PATCH'."
            )
        if previous is None:
            raise kind.missing(target) if kind.missing else shapes.resource_not_found(target.id)
    _check_common(kind, target, body, previous, method)
    merged = _merged(previous, body) if method == "PATCH" and previous else dict(body)
    write = Write(target, method, body, merged, previous, api_version, world.now(), actor.caller)
    policy.check(world, target, merged)
    running = records.state(previous, world.now()) if previous else None
    if running in (kind.pending, kind.updating, kind.deleting) and not preflight:
        raise CloudError(
            409,
            "AnotherOperationInProgress",
            f"Another operation on this or dependent resource is in progress: '{target.id}'.",
        )
    if kind.check:
        kind.check(world, write)
    return kind, write


def put(
    world: World, actor: Actor, target: ResourceId, body: Any, api_version: str, method: str = "PUT"
) -> Written:
    """Write the resource. Raises CloudError; nothing is written then."""
    kind, write = check(world, actor, target, method, body, api_version)
    target, previous, now = write.target, write.previous, write.now
    filled = (
        kind.fill(world, write)
        if kind.fill
        else {k: v for k, v in write.merged.items() if k not in _READ_ONLY}
    )
    for hook in registry.every():
        filled = hook(world, write, filled)
    if kind.state:
        filled["properties"] = {**(filled.get("properties") or {}), "provisioningState": "Succeeded"}
    style = kind.create if previous is None else kind.update
    if method == "PATCH" and kind.patch:
        style = kind.patch
    ready_at = now + actor.fault.delay if style.long else now
    fails = style.long and actor.fault.fails
    private = {
        "_created": previous["_created"] if previous else iso(now),
        "_changed": iso(now),
        "_api": write.api_version,
        "_operation": {
            "state": kind.pending if previous is None else kind.updating,
            "until": iso(ready_at),
            "fails": fails,
        },
    }
    fields = {k: v for k, v in filled.items() if k not in ("id", "name", "type")}
    document = {"id": target.id, "name": target.name, "type": kind.type, **fields, **private}
    world.store.put(records.RESOURCES, target.key, document)
    if kind.stored:
        kind.stored(world, write, document)
    activity.record(world, actor, f"{kind.type}/write", target.id, created=previous is None)
    return Written(kind, write, document, style, ready_at, fails)


def answer(world: World, written: Written) -> Response:
    """The answer to the PUT or PATCH itself."""
    kind, write, style = written.kind, written.write, written.style
    body = records.shown(world, written.document, kind, write.api_version)
    if style.long and kind.state:
        state = kind.pending if write.created else kind.updating
        body["properties"] = {**body.get("properties", {}), "provisioningState": state}
    if kind.put_answer:
        body = kind.put_answer(world, body, write)
    headers: dict[str, str] = {}
    if style.long:
        headers = operations.start(
            world,
            write.target.id,
            style,
            write.api_version,
            written.ready_at,
            error=_failure(written) if written.fails else None,
            shows_resource=True,
            location=regions.normal(str(written.document.get("location") or "westeurope")),
        )
    elif style.headers:
        headers = {"Location": write.target.id}
    return Response(style.status, body if style.body else None, headers)


def delete(world: World, actor: Actor, target: ResourceId, api_version: str) -> Response:
    """Remove the resource with all below it; 204 when it is not there. Raises CloudError."""
    target = scopes.canonical(world, target)
    kind = registry.kind(target.type)
    attributes = authorization.attributes_of(world, target, None)
    authorization.require(world, actor, f"{kind.type}/delete", target.id, attributes)
    scopes.check(world, target.scope, write=True)
    scopes.check_parent(world, target, "delete")
    document = records.get(world, target.id)
    if document is None:
        return Response(204)
    if target.type.lower() != locks.LOCKS.lower():
        locks.check_delete(world, target.id)
    if kind.check_delete:
        kind.check_delete(world, target, document)
    style, now = kind.delete, world.now()
    activity.record(world, actor, f"{kind.type}/delete", target.id)
    if not style.long:
        body = records.shown(world, document, kind, api_version) if style.body else None
        remove_tree(world, target)
        return Response(style.status, body)
    ready_at, fails = now + actor.fault.delay, actor.fault.fails
    document["_operation"] = {"state": kind.deleting, "until": iso(ready_at), "fails": fails}
    world.store.put(records.RESOURCES, target.key, document)
    error = None
    if fails:
        error = {"code": "InternalServerError", "message": "The deletion failed.", "status": 500}
    else:
        world.schedule(ready_at, "arm.remove", {"id": target.id})
    location = regions.normal(str(document.get("location") or "westeurope"))
    headers = operations.start(world, target.id, style, api_version, ready_at, error=error, location=location)
    return Response(style.status, {} if style.body else None, headers)


def remove_tree(world: World, target: ResourceId) -> None:
    """Remove a resource, its children and what is attached to it, the deepest first."""
    for document in sorted(records.under(world, target.id), key=lambda one: -one["id"].count("/")):
        _remove(world, document)
    _remove(world, records.get(world, target.id))


def remove_due(world: World, data: dict[str, Any]) -> None:
    """The effect ``arm.remove``."""
    document = records.get(world, data["id"])
    if document and parse_iso(document["_operation"]["until"]) <= world.now():
        remove_tree(world, _parsed(data["id"]))


def _remove(world: World, document: dict[str, Any] | None) -> None:
    if document is None or records.get(world, document["id"]) is None:
        return
    records.remove(world, document["id"])
    kind = registry.kind(document["type"])
    if kind.deleted:
        kind.deleted(world, _parsed(document["id"]), document)


def _parsed(resource_id: str) -> ResourceId:
    found = ids.parse(resource_id)
    assert found is not None, resource_id
    return found


def _check_common(
    kind: Kind, target: ResourceId, body: Mapping[str, Any], previous: Mapping[str, Any] | None, method: str
) -> None:
    location = body.get("location")
    if method == "PUT" and kind.tracked and kind.location and target.parent is None and not location:
        raise CloudError(400, "LocationRequired", "The location property is required for this definition.")
    if (
        kind.tracked
        and location
        and not regions.known(str(location))
        and regions.normal(str(location)) != "global"
    ):
        raise CloudError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{kind.type}'. "
            f"List of available regions for the resource type is '{','.join(regions.NAMES)}'.",
        )
    before = previous.get("location") if previous else None
    if location and before and regions.normal(str(location)) != regions.normal(str(before)):
        raise CloudError(
            409,
            "InvalidResourceLocation",
            f"The resource '{target.name}' already exists in location '{before}' in resource group"
            f" '{target.group}'. A resource with the same name cannot be created in location '{location}'."
            " Please select a new resource name.",
        )
    tags = body.get("tags")
    if tags is not None and not isinstance(tags, Mapping):
        raise shapes.invalid_content("'tags' is not a JSON object")
    if isinstance(tags, Mapping) and len(tags) > 50:
        raise CloudError(
            400,
            "InvalidTagCount",
            f"The number of tags '{len(tags)}' on the resource exceeds the maximum allowed '50'.",
        )
    for field in ("properties", "identity", "sku"):
        if body.get(field) is not None and not isinstance(body[field], Mapping):
            raise shapes.invalid_content(f"'{field}' is not a JSON object")


def _merged(previous: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    base = {k: v for k, v in records.public(dict(previous)).items() if k not in _READ_ONLY}
    properties = {**(base.get("properties") or {}), **(body.get("properties") or {})}
    return {**base, **body, **({"properties": properties} if properties else {})}


def _failure(written: Written) -> dict[str, Any]:
    return {
        "code": "InternalServerError",
        "message": f"The operation on '{written.write.target.id}' failed.",
        "status": 500,
    }


EFFECTS = {"arm.remove": remove_due}
