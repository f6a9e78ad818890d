"""Locks and policies as resources; ``locks.py`` and ``policy.py`` enforce them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.clock import iso
from sandbox.service import CloudError
from sandbox.services.arm import records, shapes
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.world import World


def _properties(write: Write) -> dict[str, Any]:
    properties = write.merged.get("properties")
    if not isinstance(properties, Mapping):
        raise shapes.invalid_content("Required property 'properties' not found in JSON")
    return dict(properties)


def _author(write: Write) -> str:
    return write.caller.object_id if write.caller else ""


def _check_lock(world: World, write: Write) -> None:
    level = _properties(write).get("level")
    if level not in ("CanNotDelete", "ReadOnly"):
        raise CloudError(
            400,
            "LockLevelInvalid",
            f"The lock level '{level}' is not valid. Use 'CanNotDelete' or 'ReadOnly'.",
        )


def _check_policy_assignment(world: World, write: Write) -> None:
    definition = str(_properties(write).get("policyDefinitionId") or "")
    if not definition:
        raise CloudError(
            400, "InvalidCreatePolicyAssignmentRequest", "The policy assignment needs a 'policyDefinitionId'."
        )
    # What Azure brings along (/providers/…) is taken as being there; it is never enforced.
    if not definition.lower().startswith("/providers/microsoft.authorization/") and not records.get(
        world, definition
    ):
        name = definition.rsplit("/", 1)[-1]
        raise CloudError(
            404, "PolicyDefinitionNotFound", f"The policy definition '{name}' could not be found."
        )


def _fill_policy_assignment(world: World, write: Write) -> Document:
    sent, before = _properties(write), (write.previous or {}).get("properties", {})
    made = before.get("metadata", {})
    metadata = {
        **{k: v for k, v in (sent.get("metadata") or {}).items() if k not in ("updatedBy", "updatedOn")},
        "createdBy": made.get("createdBy") or _author(write),
        "createdOn": made.get("createdOn") or iso(write.now),
        "updatedBy": None if write.created else _author(write),
        "updatedOn": None if write.created else iso(write.now),
    }
    fields = {k: v for k, v in write.merged.items() if k in ("location", "identity")}
    by = {
        "createdBy": metadata["createdBy"],
        "createdByType": "Application",
        "createdAt": metadata["createdOn"],
    }
    changed = {
        "lastModifiedBy": _author(write),
        "lastModifiedByType": "Application",
        "lastModifiedAt": iso(write.now),
    }
    return {
        **fields,
        "systemData": {**by, **changed},
        "properties": {
            **sent,
            "definitionVersion": sent.get("definitionVersion") or "1.*.*",
            "scope": write.target.scope,
            "metadata": metadata,
            "enforcementMode": sent.get("enforcementMode") or "Default",
        },
    }


def _fill_policy(world: World, write: Write) -> Document:
    sent = _properties(write)
    if not isinstance(sent.get("policyRule"), Mapping):
        raise CloudError(400, "InvalidPolicyRule", "Failed to parse policy rule: 'policyRule' is missing.")
    return {"properties": {"policyType": "Custom", "mode": "Indexed", **sent}}


def _no_policy(target: ResourceId) -> CloudError:
    return CloudError(
        404, "PolicyDefinitionNotFound", f"The policy definition '{target.name}' could not be found."
    )


def _no_policy_assignment(target: ResourceId) -> CloudError:
    return CloudError(
        404, "PolicyAssignmentNotFound", f"The policy assignment '{target.name}' could not be found."
    )


KINDS = (
    Kind(
        "Microsoft.Authorization/locks",
        check=_check_lock,
        patch=None,
        state=False,
        tracked=False,
    ),
    Kind(
        "Microsoft.Authorization/policyAssignments",
        check=_check_policy_assignment,
        fill=_fill_policy_assignment,
        missing=_no_policy_assignment,
        create=style("201 body"),
        update=style("201 body"),
        delete=style("200 body"),
        state=False,
        tracked=False,
    ),
    Kind(
        "Microsoft.Authorization/policyDefinitions",
        fill=_fill_policy,
        missing=_no_policy,
        create=style("201 body"),
        update=style("201 body"),
        patch=None,
        state=False,
        tracked=False,
    ),
)
