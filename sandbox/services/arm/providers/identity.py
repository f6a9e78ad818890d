"""Managed identities: user-assigned ones, and the identity block of every resource of any type.

A system-assigned identity lives and dies with its resource; both kinds are principals that roles can be given
to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.identities import Identity
from sandbox.service import CloudError
from sandbox.services.arm import ids, records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.world import World

ASSIGNABLE = "Microsoft.ManagedIdentity/userAssignedIdentities"

_SYSTEM, _USER = "SystemAssigned", "UserAssigned"


def _fill(world: World, write: Write) -> Document:
    before = (write.previous or {}).get("properties")
    seed = (write.target.id, forms.stamp(write.now))
    properties = before or {
        "tenantId": world.tenant_id,
        "principalId": forms.guid("principal", *seed),
        "clientId": forms.guid("client", *seed),
    }
    place = forms.normal_location(write.merged.get("location") or (write.previous or {}).get("location", ""))
    return {"location": place, "tags": dict(write.merged.get("tags") or {}), "properties": dict(properties)}


def _stored(world: World, write: Write, document: Document) -> None:
    properties = document["properties"]
    world.identities.add(Identity(document["id"], properties["principalId"], properties["clientId"]))


def _deleted(world: World, target: ResourceId, document: Document) -> None:
    world.identities.remove(document["properties"]["principalId"])


def _answer(world: World, document: Document, api_version: str) -> Document:
    # This provider alone writes `resourcegroups` in small letters (seen in every recorded answer).
    return {**document, "id": document["id"].replace("/resourceGroups/", "/resourcegroups/")}


def identify(world: World, write: Write, document: Document) -> Document:
    """Complete `identity`: principal and tenant ids, one spelling of the type, the ids of user-assigned ones.

    Raises 400 FailedIdentityOperation when a user-assigned identity does not exist.
    """
    block = document.get("identity")
    before = (write.previous or {}).get("identity") or {}
    kinds = [part.strip() for part in str((block or {}).get("type") or "None").split(",")]
    known = [forms.spelled(kind, (_SYSTEM, _USER, "None")) for kind in kinds]
    if isinstance(block, Mapping) and None in known:
        message = f"The identity type '{block.get('type')}' is not supported."
        raise CloudError(400, "InvalidResourceIdentityType", message)
    if _SYSTEM not in known and before.get("principalId"):
        world.identities.remove(before["principalId"])
    if not isinstance(block, Mapping):
        document.pop("identity", None)
        return document
    result: Document = {"type": ", ".join(kind for kind in known if kind)}
    if _SYSTEM in known:
        principal = before.get("principalId") or forms.guid("system", write.target.id, forms.stamp(write.now))
        result = {"principalId": principal, "tenantId": world.tenant_id, **result}
        # Without a client id of its own: the directory makes one.
        if world.identities.by_object_id(principal) is None:
            world.identities.add(Identity(write.target.id, principal, forms.guid("client", principal)))
    if _USER in known:
        result["userAssignedIdentities"] = _assigned(world, write, block.get("userAssignedIdentities") or {})
    document["identity"] = result
    return document


def _assigned(world: World, write: Write, wanted: Mapping[str, Any]) -> Document:
    result: Document = {}
    for resource_id, value in wanted.items():
        if value is None:  # a PATCH takes one away so
            continue
        found = records.get(world, resource_id)
        target = ids.parse(resource_id)
        if found is None or target is None or target.type.lower() != ASSIGNABLE.lower():
            raise CloudError(
                400,
                "FailedIdentityOperation",
                f"Identity operation for resource '{write.target.id}' failed with error 'Failed to perform "
                "resource "
                f"identity operation. Status: 'BadRequest'. Response: 'Resource '{resource_id}' was not "
                "found.''.",
            )
        properties = found["properties"]
        result[resource_id] = {"principalId": properties["principalId"], "clientId": properties["clientId"]}
    return result


def forget(world: World, document: Mapping[str, Any]) -> None:
    """Take the system-assigned identity of a deleted resource out of the directory."""
    principal = (document.get("identity") or {}).get("principalId")
    if principal:
        world.identities.remove(principal)


EVERY = (identify,)
KINDS = (
    Kind(
        ASSIGNABLE,
        fill=_fill,
        stored=_stored,
        deleted=_deleted,
        answer=_answer,
        state=False,
        create=style("201 body +Location"),
    ),
    Kind(f"{ASSIGNABLE}/federatedIdentityCredentials", tracked=False, state=False),
)
