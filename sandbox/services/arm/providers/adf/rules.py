"""What the service refuses of an object's body: what must be there, sizes, counts. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.providers.adf import names

# https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
# ("Data Factory limits"). The words of these refusals are ours: nothing public records the service's.
ENTITIES = 5000
ACTIVITIES = 120
_BYTES: Mapping[str, int] = {
    "pipelines": 200 * 1024,
    "datasets": 100 * 1024,
    "linkedservices": 100 * 1024,
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "linkedservices": ("type",),
    "datasets": ("type", "linkedServiceName"),
    "dataflows": ("type",),
    "triggers": ("type",),
    "integrationRuntimes": ("type",),
    "credentials": ("type",),
}
_TYPES: Mapping[str, tuple[str, ...]] = {
    "dataflows": ("MappingDataFlow", "WranglingDataFlow", "Flowlet"),
    "triggers": (
        "ScheduleTrigger",
        "TumblingWindowTrigger",
        "RerunTumblingWindowTrigger",
        "ChainingTrigger",
        "BlobEventsTrigger",
        "CustomEventsTrigger",
    ),
    "integrationRuntimes": ("Managed", "SelfHosted"),
}
_NESTED = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities")


def check(target: ResourceId, body: Mapping[str, Any]) -> None:
    """Raises 400 BadRequest for the first fault of a PUT's body."""
    names.check_object(target)
    kind, properties = names.segment(target), body.get("properties")
    if not isinstance(properties, Mapping):
        raise names.refused(target, "Required property 'properties' not found in JSON. Path ''.")
    for name in _REQUIRED.get(kind, ()):
        if not properties.get(name):
            raise names.refused(target, f"Required property '{name}' not found in JSON. Path 'properties'.")
    allowed = _TYPES.get(kind)
    if allowed and properties["type"] not in allowed:
        raise names.refused(target, f"The type '{properties['type']}' is not one of: {', '.join(allowed)}.")
    size = len(json.dumps(properties, ensure_ascii=False, separators=(",", ":")).encode())
    limit = _BYTES.get(kind)
    if limit and size > limit:
        raise names.refused(target, f"The object has {size} bytes; the limit is {limit} bytes.")
    if kind == "pipelines":
        _check_activities(target, properties)
    if kind == "globalParameters":
        _check_parameters(target, properties)


def activities(pipeline: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The activities of a pipeline's properties, those inside of others too."""
    for item in pipeline.get("activities") or ():
        yield from _with_inner(item)


def _with_inner(activity: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(activity, Mapping):
        yield {}
        return
    yield activity
    own = activity.get("typeProperties")
    holders = [own, *(own.get("cases") or ())] if isinstance(own, Mapping) else []
    for holder in holders:
        for name in _NESTED:
            items = holder.get(name) if isinstance(holder, Mapping) else None
            for item in items if isinstance(items, list) else ():
                yield from _with_inner(item)


def _check_activities(target: ResourceId, properties: Mapping[str, Any]) -> None:
    if not isinstance(properties.get("activities") or [], list):
        raise names.refused(target, "The property 'activities' is not a list. Path 'properties.activities'.")
    found = list(activities(properties))
    if len(found) > ACTIVITIES:
        message = f"The pipeline has {len(found)} activities; the limit is {ACTIVITIES}."
        raise names.refused(target, message)
    for activity in found:
        for name in ("name", "type"):
            if not activity.get(name):
                message = f"Required property '{name}' not found in JSON. Path 'properties.activities'."
                raise names.refused(target, message)


def _check_parameters(target: ResourceId, properties: Mapping[str, Any]) -> None:
    if target.name != "default":  # https://github.com/Azure/bicep/issues/15902
        message = "Invalid Global Parameter resource name. Please use default as resource name."
        raise names.refused(target, message, "GlobalParameterNameNotAllowed")
    for name, value in properties.items():
        if not isinstance(value, Mapping) or "type" not in value or "value" not in value:
            raise names.refused(target, f"The global parameter '{name}' needs a type and a value.")
