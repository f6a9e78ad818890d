"""What a deployment would change: it is tried out on the world, compared, and undone."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from reconciler.armtemplate import Evaluation, Resource, to_template
from sandbox.services.arm import ids, records, registry, resources
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.deployments import model, run
from sandbox.world import World

# What only the service sets; recorded payloads lack it.
_READ_ONLY = frozenset(
    {
        "accountMigrationInProgress",
        "createTime",
        "createdBy",
        "createdDateTime",
        "createdOn",
        "creationTime",
        "diskEncryptionSetId",
        "etag",
        "eTag",
        "factoryStatistics",
        "keyCreationTime",
        "lastEnabledTime",
        "lastModifiedTime",
        "lastModifiedTimeUtc",
        "modifiedDate",
        "primaryEndpoints",
        "primaryLocation",
        "privateEndpointConnections",
        "provisioningState",
        "resourceGuid",
        "secondaryEndpoints",
        "secondaryLocation",
        "services",
        "statusOfPrimary",
        "statusOfSecondary",
        "systemData",
        "updatedBy",
        "updatedOn",
        "vaultUri",
        "version",
        "workspaceId",
        "workspaceUrl",
    }
)
_IDENTITY = frozenset({"principalId", "tenantId", "clientId"})
_HEAD = ("apiVersion", "id", "name", "type")


def changes(
    world: World, by: Actor, deployment: dict[str, Any], evaluation: Evaluation, id_only: bool
) -> list[dict[str, Any]]:
    """The changes, sorted by id. The store's open transaction is rolled back: nothing else may be in it."""
    members = model.written(evaluation)
    before = {one.id.lower(): _live(world, one.id, one.api_version) for one in members}
    others = _others(world, deployment, members)
    trial = copy.deepcopy(deployment)
    trial["properties"]["mode"] = "Incremental"
    run.advance(world, by, trial)
    after = {one.id.lower(): _live(world, one.id, one.api_version) for one in members}
    world.store.rollback()
    found = [_change(one, before[one.id.lower()], after[one.id.lower()], id_only) for one in members]
    complete = deployment["properties"]["mode"] == "Complete"
    found += [_other(document, complete, id_only) for document in others]
    return sorted(found, key=lambda one: one["resourceId"].lower())


def _change(
    resource: Resource, before: dict[str, Any] | None, after: dict[str, Any] | None, id_only: bool
) -> dict[str, Any]:
    if "[" in resource.id:
        where = f"on line {resource.origin.line} and column {resource.origin.column}"
        return {
            "resourceId": resource.id,
            "changeType": "Unsupported",
            "unsupportedReason": (
                f"Changes to the resource declared {where} cannot be analyzed because its resource "
                "ID or API version cannot be calculated until the deployment is under way. "
                "Please see https://aka.ms/WhatIfUnidentifiableResource for more guidance."
            ),
        }
    if id_only:
        return {"resourceId": resource.id, "changeType": "Create" if before is None else "Deploy"}
    sent = _payload(resource, to_template(resource.body))
    if before is None:
        return {"resourceId": resource.id, "changeType": "Create", "after": sent}
    # A child's sku is its parent's, and only shown.
    unsent = {"sku"} - set(resource.body)
    old = _payload(resource, {k: v for k, v in before.items() if k not in unsent})
    new = _payload(resource, {k: v for k, v in (after or sent).items() if k not in unsent})
    delta = compare(old, new)
    change = {
        "resourceId": resource.id,
        "changeType": "Modify" if delta else "NoChange",
        "before": old,
        "after": new,
    }
    return {**change, "delta": delta} if delta else change


def compare(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """The property changes from one payload to another; of arrays of equal length the items that differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found = []
        for name in [*before, *(one for one in after if one not in before)]:
            inner = f"{path}.{name}" if path else name
            if name not in after:
                found.append({"path": inner, "propertyChangeType": "Delete", "before": before[name]})
            elif name not in before:
                found.append({"path": inner, "propertyChangeType": "Create", "after": after[name]})
            else:
                found += compare(before[name], after[name], inner)
        return found
    if before == after:
        return []
    if isinstance(before, list) and isinstance(after, list):
        return [
            {
                "path": path,
                "propertyChangeType": "Array",
                "before": None,
                "after": None,
                "children": _items(before, after),
            }
        ]
    return [{"path": path, "propertyChangeType": "Modify", "before": before, "after": after}]


def _items(before: list[Any], after: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            children = compare(old, new)
            found.append(
                {
                    "path": str(index),
                    "propertyChangeType": "Modify",
                    "before": None,
                    "after": None,
                    "children": children,
                }
            )
        else:
            found.append({"path": str(index), "propertyChangeType": "Modify", "before": old, "after": new})
    for index in range(len(after), len(before)):
        found.append({"path": str(index), "propertyChangeType": "Delete", "before": before[index]})
    for index in range(len(before), len(after)):
        found.append({"path": str(index), "propertyChangeType": "Create", "after": after[index]})
    return found


def _payload(resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
    target = ids.parse(resource.id)
    head = {
        "apiVersion": resource.api_version,
        "id": resource.id,
        "name": target.full_name if target and target.parent else resource.name,
        "type": resource.type,
    }
    fields = {k: v for k, v in _writable(body).items() if k not in ("id", "name", "type")}
    return dict(sorted({**head, **fields}.items()))


def _writable(value: Any, place: str = "") -> Any:
    """Without read-only fields, nulls and what is empty."""
    if isinstance(value, Mapping):
        kept = {}
        for name, item in sorted(value.items()):
            if (
                name in _READ_ONLY
                or (place == "identity" and name in _IDENTITY)
                or (place == "sku" and name == "tier")
            ):
                continue
            inner = _writable(item, name)
            if inner is not None and inner != {} and inner != []:
                kept[name] = inner
        return kept
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value


def _live(world: World, resource_id: str, api_version: str) -> dict[str, Any] | None:
    target = ids.parse(resource_id)
    if target is None:
        group = world.store.get(records.GROUPS, resource_id.lower())
        return records.public(group) if group else None
    document = records.get(world, resource_id)
    if document is None:
        return None
    return records.shown(world, document, registry.kind(target.type), api_version)


def _others(world: World, deployment: Mapping[str, Any], members: list[Resource]) -> list[dict[str, Any]]:
    """What else the group holds."""
    scope = deployment["_run"]["scope"]
    if not ids.group_of(scope):
        return []
    named = {one.id.lower() for one in members}
    return [
        document
        for document in records.under(world, scope)
        if resources.tracked(document) and document["id"].lower() not in named
    ]


def _other(document: dict[str, Any], complete: bool, id_only: bool) -> dict[str, Any]:
    short = {k: v for k, v in sorted(resources.short_form(document).items()) if v not in ({}, None)}
    kind = "Delete" if complete else "Ignore"
    change: dict[str, Any] = {"resourceId": document["id"], "changeType": kind}
    if id_only:
        return change
    return {**change, "before": short} if complete else {**change, "before": short, "after": short}
