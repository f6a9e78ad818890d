"""The resources in the store: one document each, by lower-case id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sandbox.service import CloudError
from sandbox.services.arm import ids

if TYPE_CHECKING:
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
        raise not_found(resource_id)
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
    return next((item for item in of_type(world, kind) if item["name"].lower() == name.lower()), None)


def group(world: World, subscription: str, name: str) -> dict[str, Any] | None:
    return world.store.get(GROUPS, f"/subscriptions/{subscription}/resourcegroups/{name}".lower())


def not_found(resource_id: str) -> CloudError:
    """404 ResourceNotFound, in ARM's words."""
    target = ids.parse(resource_id)
    if target is None:
        return CloudError(404, "ResourceNotFound", f"The resource '{resource_id}' could not be found.")
    where = f"under resource group '{target.group}' was not found" if target.group else "was not found"
    return CloudError(
        404,
        "ResourceNotFound",
        f"The Resource '{target.type}/{target.full_name}' {where}. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )
