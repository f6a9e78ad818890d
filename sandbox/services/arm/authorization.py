"""Who may do what: role assignments at a scope hold for everything below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sandbox.clock import parse_iso
from sandbox.services.arm import conditions, ids, records, roles, shapes
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.conditions import Attributes
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.roles import Role
from sandbox.world import World

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"


def allowed(
    world: World,
    object_id: str,
    scope: str,
    action: str,
    data: bool = False,
    attributes: Attributes | None = None,
) -> bool:
    """Whether a principal may do ``action`` at ``scope`` (an id; ``""`` is the tenant).

    ``data`` asks for a data action, as ``Microsoft.KeyVault/vaults/secrets/getSecret/action``. With lag a new
    assignment takes effect late. ``attributes``: what conditions ask about, see ``attributes_of``.
    """
    return any(
        permits(role, action, data)
        and (not condition or conditions.holds(condition, action, attributes or {}))
        for role, condition in held_at(world, object_id, scope)
    )


def attributes_of(world: World, target: ResourceId, body: object) -> Attributes:
    """The role that a request for a role assignment names, and that of the one which is there."""
    if target.type.lower() != ASSIGNMENTS.lower():
        return {}
    sides = {"Request": body, "Resource": records.get(world, target.id)}
    found: dict[str, str] = {}
    for source, document in sides.items():
        properties = document.get("properties") if isinstance(document, Mapping) else None
        if isinstance(properties, Mapping) and properties.get("roleDefinitionId"):
            found[source] = str(properties["roleDefinitionId"]).rstrip("/").rsplit("/", 1)[-1]
    return found


def held_at(world: World, object_id: str, scope: str) -> Iterator[tuple[Role, str]]:
    """The roles that a principal holds at a scope, nearest first, as far as they are in effect, each with the
    condition under which it holds ("" for none)."""
    for assignment in above(world, scope):
        properties = assignment["properties"]
        if properties["principalId"].lower() == object_id.lower() and world.lag.passed(
            "role", parse_iso(assignment["_created"]), world.now()
        ):
            role = role_of(world, properties["roleDefinitionId"])
            if role:
                yield role, properties.get("condition") or ""


def require(
    world: World, actor: Actor, action: str, scope: str, attributes: Attributes | None = None
) -> None:
    """Raises CloudError 403 AuthorizationFailed. ARM itself (no caller) may do everything."""
    caller = actor.caller
    if caller and not allowed(world, caller.object_id, scope, action, attributes=attributes):
        raise shapes.authorization_failed(caller.client_id, caller.object_id, action, scope)


def above(world: World, scope: str) -> Iterator[dict[str, Any]]:
    """The role assignments at a scope and at every scope above it."""
    for place in ids.ancestors(scope):
        prefix = f"{place}/providers/{ASSIGNMENTS}/".lower()
        for _, document in world.store.items(records.RESOURCES, prefix):
            yield document


def role_of(world: World, definition_id: str) -> Role | None:
    """The role behind a roleDefinitionId, of whatever scope."""
    guid = definition_id.rstrip("/").rsplit("/", 1)[-1]
    found = roles.built_in(guid)
    if found:
        return found
    custom = records.find(world, DEFINITIONS, guid)
    if custom is None:
        return None
    permission = (custom["properties"].get("permissions") or [{}])[0]
    return Role(
        guid,
        custom["properties"].get("roleName", ""),
        custom["properties"].get("description") or "",
        tuple(permission.get("actions") or ()),
        tuple(permission.get("notActions") or ()),
        tuple(permission.get("dataActions") or ()),
        tuple(permission.get("notDataActions") or ()),
        custom=True,
    )


def permits(role: Role, action: str, data: bool) -> bool:
    granted, excepted = (
        (role.data_actions, role.not_data_actions) if data else (role.actions, role.not_actions)
    )
    return any(_matches(one, action) for one in granted) and not any(
        _matches(one, action) for one in excepted
    )


def _matches(pattern: str, action: str) -> bool:
    return bool(_compiled(pattern).fullmatch(action))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE)


def reads_something(world: World, object_id: str, scope: str) -> bool:
    """Whether a principal holds any role at, above or below ``scope``: then it sees the subscription."""
    below = records.of_type(world, ASSIGNMENTS, scope)
    return any(
        item["properties"]["principalId"].lower() == object_id.lower()
        and world.lag.passed("role", parse_iso(item["_created"]), world.now())
        for item in (*above(world, scope), *below)
    )


def seed(world: World, principal: str) -> None:
    """Make a principal the Owner of every subscription, long ago."""
    for subscription in world.subscriptions:
        scope = f"/subscriptions/{subscription}"
        name = str(uuid5(NAMESPACE_OID, f"owner/{subscription}"))
        at = "2024-01-01T00:00:00.0000000Z"
        records.save(
            world,
            {
                "id": f"{scope}/providers/{ASSIGNMENTS}/{name}",
                "name": name,
                "type": ASSIGNMENTS,
                "properties": {
                    "roleDefinitionId": f"{scope}/providers/{DEFINITIONS}/{roles.OWNER}",
                    "principalId": principal,
                    "principalType": "ServicePrincipal",
                    "scope": scope,
                    "condition": None,
                    "conditionVersion": None,
                    "createdOn": at,
                    "updatedOn": at,
                    "createdBy": "",
                    "updatedBy": "",
                    "delegatedManagedIdentityResourceId": None,
                    "description": None,
                },
                "_created": at,
                "_changed": at,
                "_api": "2022-04-01",
            },
        )
