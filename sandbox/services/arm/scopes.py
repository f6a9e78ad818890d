"""Does what an id lies in exist? Subscriptions, groups, parents, in the order in which ARM looks."""

from __future__ import annotations

from sandbox.service import CloudError
from sandbox.services.arm import ids, records, registry, shapes
from sandbox.services.arm.ids import ResourceId
from sandbox.world import World


def check(world: World, scope: str, write: bool = False) -> None:
    """Raises SubscriptionNotFound, ResourceGroupNotFound, ResourceGroupBeingDeleted or ResourceNotFound."""
    subscription = ids.subscription_of(scope)
    if subscription is None:
        return
    if subscription.lower() not in world.subscriptions:
        raise shapes.subscription_not_found(subscription)
    name = ids.group_of(scope)
    if name:
        group = records.group(world, subscription, name)
        if group is None:
            raise shapes.group_not_found(name)
        if write and group["properties"]["provisioningState"] == "Deleting":
            raise CloudError(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{name}' is in deprovisioning state and cannot perform this operation.",
            )
    extended = ids.parse(scope)
    if extended and extended.type.lower() != ids.MANAGEMENT_GROUP and not exists(world, extended):
        raise shapes.resource_not_found(extended.id)


def check_parent(world: World, target: ResourceId, verb: str) -> None:
    """Raises ParentResourceNotFound. ``verb`` is read, write or delete."""
    if target.parent and not exists(world, target.parent):
        raise shapes.parent_not_found(target, verb)


def exists(world: World, target: ResourceId) -> bool:
    return find(world, target) is not None


def find(world: World, target: ResourceId) -> dict[str, object] | None:
    """The stored document, or that of a resource which is there without ever having been written."""
    stored = records.get(world, target.id)
    if stored is not None:
        return stored
    absent = registry.kind(target.type).absent
    if absent is None or (target.parent and not exists(world, target.parent)):
        return None
    return absent(world, target)


def canonical(world: World, target: ResourceId) -> ResourceId:
    """The id as Azure spells it: the type as registered, group and resources as they were created."""
    stored = records.get(world, target.id)
    if stored is not None:
        found = ids.parse(stored["id"])
        assert found is not None
        return found
    return ResourceId(scope(world, target.scope), registry.kind(target.type).type, target.names)


def scope(world: World, text: str) -> str:
    """A scope as Azure spells it."""
    found = ids.parse(text)
    if found:
        return canonical(world, found).id
    subscription, name = ids.subscription_of(text), ids.group_of(text)
    if subscription and name:
        group = records.group(world, subscription, name)
        return group["id"] if group else f"/subscriptions/{subscription}/resourceGroups/{name}"
    return f"/subscriptions/{subscription}" if subscription else text
