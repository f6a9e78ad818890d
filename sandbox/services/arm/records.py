"""The resources in the store: one document each, by lower-case id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.clock import parse_iso
from sandbox.services.arm import shapes

if TYPE_CHECKING:
    from sandbox.services.arm.kinds import Kind
    from sandbox.world import World

RESOURCES = "arm.resources"
GROUPS = "arm.groups"


def get(world: World, resource_id: str) -> dict[str, Any] | None:
    """The stored document, with its private fields."""
    return world.store.get(RESOURCES, resource_id.lower())


def load(world: World, resource_id: str) -> dict[str, Any]:
    """As ``get``; raises ResourceNotFound."""
    found = get(world, resource_id)
    if found is None:
        raise shapes.resource_not_found(resource_id)
    return found


def save(world: World, document: dict[str, Any]) -> None:
    world.store.put(RESOURCES, document["id"].lower(), document)


def remove(world: World, resource_id: str) -> None:
    world.store.delete(RESOURCES, resource_id.lower())


def under(world: World, scope: str) -> Iterator[dict[str, Any]]:
    """Documents whose id lies below ``scope`` (a group, a resource, a subscription), sorted by id."""
    for _, document in world.store.items(RESOURCES, scope.lower().rstrip("/") + "/"):
        yield document


def of_type(world: World, kind: str, scope: str = "") -> Iterator[dict[str, Any]]:
    """Documents of exactly this type, below ``scope`` (default: anywhere)."""
    wanted = kind.lower()
    return (document for document in under(world, scope) if document["type"].lower() == wanted)


def find(world: World, kind: str, name: str) -> dict[str, Any] | None:
    """The resource of a type whose names are unique in all Azure (storage accounts, vaults …)."""
    end = f"/providers/{kind}/{name}".lower()
    return next((world.store.get(RESOURCES, k) for k in world.store.keys(RESOURCES) if k.endswith(end)), None)


def group(world: World, subscription: str, name: str) -> dict[str, Any] | None:
    return world.store.get(GROUPS, f"/subscriptions/{subscription}/resourcegroups/{name}".lower())


def public(document: dict[str, Any]) -> dict[str, Any]:
    """Without the private fields."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def state(document: dict[str, Any], now: datetime) -> str | None:
    """The provisioningState that a running or failed operation imposes; None when there is none."""
    operation = document.get("_operation")
    if operation is None:
        return None
    if now < parse_iso(operation["until"]):
        return str(operation["state"])
    return "Failed" if operation["fails"] else None


def shown(world: World, document: dict[str, Any], kind: Kind, api_version: str) -> dict[str, Any]:
    """The document as a GET answers it now."""
    body = public(document)
    if kind.answer:
        body = kind.answer(world, body, api_version)
    imposed = state(document, world.now())
    if imposed and kind.state:
        body["properties"] = {**body.get("properties", {}), "provisioningState": imposed}
    return body
