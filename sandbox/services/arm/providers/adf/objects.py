"""What all objects of a factory have in common, and those that have nothing else: linked services, datasets,
data flows, credentials, pipelines, global parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Action, Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.adf import factory, names, references, rules, runs, secrets
from sandbox.services.arm.providers.adf.names import FACTORIES
from sandbox.world import World

# Items a page of every list: https://datakuity.com/2022/07/01/perform-pagination-in-azure-data-factory/
PAGE = 50
Fill = Callable[[World, Write], dict[str, Any]]


def kind(segment: str, fill: Fill | None = None, **more: Any) -> Kind:
    """A type of objects; ``fill`` gives the properties (default: as sent, secrets masked).

    What depends on other objects is refused in the fill: a deployment's preflight cannot know those that the
    same template makes.
    """
    hooks: dict[str, Any] = {
        "check": _check,
        "stored": stored,
        "check_delete": check_delete,
        "deleted": deleted,
        "missing": names.missing,
        "patch": None,
    }
    return Kind(
        f"{FACTORIES}/{segment}",
        fill=_filling(fill or _as_sent),
        answer=_answer,
        create=style("200 body"),
        tracked=False,
        state=False,
        page=PAGE,
        **{**hooks, **more},
    )


def _check(world: World, write: Write) -> None:
    rules.check(write.target, write.merged)


def _filling(fill: Fill) -> Callable[[World, Write], Document]:
    def filled(world: World, write: Write) -> Document:
        prefix = f"{names.factory_of(write.target).key}/"
        if write.created and len(world.store.keys(records.RESOURCES, prefix)) >= rules.ENTITIES:
            raise names.refused(write.target, f"A factory holds {rules.ENTITIES} objects and no more.")
        references.check(world, write.target, write.merged.get("properties"))
        properties = fill(world, write)
        private = {name: properties.pop(name) for name in list(properties) if name.startswith("_")}
        return {"properties": properties, "etag": names.etag(write.target, write.now), **private}

    return filled


def _as_sent(world: World, write: Write) -> dict[str, Any]:
    properties: dict[str, Any] = secrets.masked(forms.without(write.merged["properties"], ()))
    return properties


def stored(world: World, write: Write, document: Document) -> None:
    before = (write.previous or {}).get("properties")
    references.keep(world, write.target, before, document["properties"])


def check_delete(world: World, target: ResourceId, document: Document) -> None:
    references.check_unused(world, target)


def deleted(world: World, target: ResourceId, document: Document) -> None:
    references.keep(world, target, document["properties"], None)


def _answer(world: World, document: Document, api_version: str) -> Document:
    return {**document, "id": names.lowered(document["id"]), "type": names.lowered(document["type"])}


def _linked_service(world: World, write: Write) -> dict[str, Any]:
    return secrets.linked_service(write.target, write.merged["properties"], write.now)


def _pipeline(world: World, write: Write) -> dict[str, Any]:
    properties = forms.without(_as_sent(world, write), ("lastPublishTime",))
    return {**properties, "lastPublishTime": forms.seconds(write.now)}


def _without_time(world: World, document: Document, _: Any) -> Document:
    return {**document, "properties": forms.without(document["properties"], ("lastPublishTime",))}


def _parameters_stored(world: World, write: Write, document: Document) -> None:
    _set_parameters(world, write.target, document["properties"])


def _parameters_deleted(world: World, target: ResourceId, document: Document) -> None:
    _set_parameters(world, target, None)


def _set_parameters(world: World, target: ResourceId, values: Mapping[str, Any] | None) -> None:
    owner = names.factory_of(target)
    document = records.get(world, owner.id)
    if document is None:  # it is being deleted
        return
    properties = forms.without(document["properties"], ("globalParameters",))
    document["properties"] = {**properties, **({"globalParameters": values} if values else {})}
    document["eTag"] = factory.touched(owner, world.now())
    records.save(world, document)


def _check_connection(world: World, write: Write) -> None:
    """A PUT approves or rejects a connection that a private endpoint asked for; it makes none."""
    if write.created:
        raise names.missing(write.target)


KINDS: tuple[Kind, ...] = (
    kind("linkedservices", _linked_service),
    kind("datasets"),
    kind("dataflows"),
    kind("credentials"),
    kind(
        "pipelines",
        _pipeline,
        put_answer=_without_time,
        actions={"createRun": Action(runs.create_run)},
    ),
    kind("globalParameters", stored=_parameters_stored, deleted=_parameters_deleted),
    kind("privateEndpointConnections", check=_check_connection),
)
