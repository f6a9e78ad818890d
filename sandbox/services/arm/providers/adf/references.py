"""Typed references between the objects of a factory: found anywhere in the JSON, kept in both directions.

A reference must hold when an object is written, and an object that others refer to cannot be deleted:
https://learn.microsoft.com/azure/data-factory/ci-cd-github-troubleshoot-guide (invalid reference),
https://github.com/liprec/vsts-publish-adf/issues/57 (referenced by).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.providers.adf import names
from sandbox.world import World

# What refers to what, one entry a pair: `TARGET SOURCE`, so that a deletion need not read every object.
REFERENCES = "adf.references"

_SEGMENTS: Mapping[str, str] = {
    "LinkedServiceReference": "linkedservices",
    "DatasetReference": "datasets",
    "PipelineReference": "pipelines",
    "DataFlowReference": "dataflows",
    "TriggerReference": "triggers",
    "IntegrationRuntimeReference": "integrationRuntimes",
    "CredentialReference": "credentials",
    "ManagedVirtualNetworkReference": "managedVirtualNetworks",
}
# Is in every factory, without ever having been made.
_BUILT_IN = ("integrationRuntimes", "autoresolveintegrationruntime")


def found(value: Any) -> Iterator[tuple[str, str]]:
    """Each `(segment, name)` that a JSON value refers to, in its order."""
    if isinstance(value, Mapping):
        kind, name = value.get("type"), value.get("referenceName")
        if isinstance(kind, str) and isinstance(name, str) and kind in _SEGMENTS:
            yield _SEGMENTS[kind], name
        for item in value.values():
            yield from found(item)
    elif isinstance(value, list):
        for item in value:
            yield from found(item)


def targets(source: ResourceId, properties: Any) -> dict[str, str]:
    """The names as written of all that is referred to, by the key of the object that is meant."""
    factory = names.factory_of(source)
    return {
        factory.child(segment, name).key: name
        for segment, name in found(properties)
        if (segment, name.lower()) != _BUILT_IN
    }


def check(world: World, source: ResourceId, properties: Any) -> None:
    """Raises 400 BadRequest for the first reference to something that is not there."""
    for key, name in targets(source, properties).items():
        if records.get(world, key) is None:
            message = f"The document creation or update failed because of invalid reference '{name}'."
            raise names.refused(source, message)


def check_unused(world: World, target: ResourceId) -> None:
    """Raises 400 BadRequest for an object that another one refers to."""
    keys = world.store.keys(REFERENCES, f"{target.key} ")
    if keys:
        holder = (world.store.get(REFERENCES, keys[0]) or {})["name"]
        message = f"The document cannot be deleted since it is referenced by {holder}."
        raise names.refused(target, message)


def keep(world: World, source: ResourceId, before: Any, after: Any) -> None:
    """Remember what an object refers to now instead of before."""
    for key in targets(source, before):
        world.store.delete(REFERENCES, f"{key} {source.key}")
    for key in targets(source, after):
        world.store.put(REFERENCES, f"{key} {source.key}", {"name": source.name})
