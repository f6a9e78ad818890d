"""One factory, one owner: what the ARM template, `factory/*.json` and `dataFactory.git` say, as one.

Two owners of one factory undo each other, since a PUT of a factory wipes what it omits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reconciler import adf
from reconciler.adf import API_VERSION, NAMESPACE, Definition
from reconciler.armid import group_id
from reconciler.armtemplate import Context
from reconciler.environment import Environment
from reconciler.environment.workloads import DataFactory
from reconciler.errors import Fault, InputError
from reconciler.record import RUNTIME_STATE as STATE
from reconciler.record import STOPPED
from reconciler.resource import Key, Resource

REPOSITORY = "repoConfiguration"
SHARED = ("globalParameters", "publicNetworkAccess", "encryption", "purviewConfiguration")
"""Properties of `factory/*.json` that hold in every environment. Its name, region, identity and Git link are
those of the factory that Studio works on."""
GIT_TYPES: Mapping[str, str] = {
    "github": "FactoryGitHubConfiguration",
    "azureDevOps": "FactoryVSTSConfiguration",
}


@dataclass(frozen=True)
class Wanted:
    """The factory and its objects as resources, and what is wrong or odd about them."""

    resources: tuple[Resource, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()


def wanted(
    environment: Environment,
    root: Path,
    overrides: Mapping[str, Mapping[str, Any]],
    declared: Resource | None,
    group: Key,
) -> Wanted:
    """What a section `dataFactory` wants of its factory. Reads the definitions below `root`.

    overrides: `dataFactory.set` with its references put in. declared: the factory of an ARM template."""
    azure, section = environment.azure, environment.data_factory
    assert azure is not None and section is not None
    found = None
    source = section.definitions or section.template
    if source is not None:
        context = Context(
            subscription_id=azure.subscription, resource_group=azure.resource_group, location=azure.location
        )
        try:
            found = adf.load(
                root / source,
                root,
                factory=section.factory,
                context=context,
                overrides=overrides,
                where=environment.where,
            )
        except InputError as error:
            return Wanted(faults=tuple(error.faults))
    id_ = id_of(environment)
    own, faults = owned(
        declared,
        section,
        found.factory if found else None,
        id_=id_,
        location=azure.location,
        needs=(group,),
        origin=environment.where("dataFactory"),
    )
    objects = adf.resources(found, id_, (own.key,)) if found else []
    resources = (own, *(_trigger_state(resource, section.triggers) for resource in objects))
    return Wanted(resources, tuple(faults), found.warnings if found else ())


def _trigger_state(resource: Resource, policy: str) -> Resource:
    """A trigger with its runtime state beside what is PUT: as the file says, never, or as it is live.

    One that starts no pipeline cannot be started, whatever its file says."""
    if resource.key.kind != "adf.trigger":
        return resource
    held = resource.spec.get("properties")
    properties = dict(held) if isinstance(held, Mapping) else {}
    said = properties.pop(STATE, STOPPED)
    idle = not (properties.get("pipelines") or properties.get("pipeline"))
    states = {"file": {STATE: STOPPED if idle else said}, "stopped": {STATE: STOPPED}, "keep": {}}
    return replace(resource, spec={**resource.spec, "properties": properties, **states[policy]})


def id_of(environment: Environment) -> str:
    """The id of the factory that the environment's section `dataFactory` names."""
    azure, section = environment.azure, environment.data_factory
    assert azure is not None and section is not None
    return f"{group_id(azure.subscription, azure.resource_group)}/providers/{NAMESPACE}/{section.factory}"


def key_of(section: DataFactory) -> Key:
    """The key of a factory that no ARM template declares."""
    return Key("adf.factory", section.factory, section.factory)


def repository(section: DataFactory) -> dict[str, Any] | None:
    """`dataFactory.git` as the factory's repoConfiguration
    (https://learn.microsoft.com/rest/api/datafactory/factories/create-or-update)."""
    git = section.git
    if git is None:
        return None
    said = {
        "type": GIT_TYPES[git.type],
        "accountName": git.account,
        "projectName": git.project,
        "repositoryName": git.repository,
        "collaborationBranch": git.branch,
        "rootFolder": git.folder,
        "hostName": git.host,
    }
    return {name: value for name, value in said.items() if value is not None}


def owned(
    declared: Resource | None,
    section: DataFactory,
    file: Definition | None,
    *,
    id_: str,
    location: str,
    needs: tuple[Key, ...],
    origin: str,
) -> tuple[Resource, list[Fault]]:
    """The one desired factory.

    declared: the factory of an ARM template, if one names it. file: the definition of `factory/*.json`.
    A property that both say, and not the same, is a fault."""
    extra: dict[str, Any] = {}
    if file is not None:
        properties = file.body.get("properties") or {}
        extra = {name: properties[name] for name in SHARED if properties.get(name)}
    linked = repository(section)
    if linked is not None:
        extra[REPOSITORY] = linked
    if declared is None:
        key = key_of(section)
        spec = {"location": location, "identity": {"type": "SystemAssigned"}, "properties": extra}
        at = {"id": id_, "type": NAMESPACE, "name": section.factory, "apiVersion": API_VERSION}
        return Resource(key, NAMESPACE, spec, at, needs, origin=origin), []
    properties = declared.spec.get("properties") or {}
    faults = [
        Fault(
            file.source.place(("properties", name)) if file is not None and name != REPOSITORY else origin,
            f"properties.{name} of the factory is said here and, otherwise, at {declared.origin}.",
            "Say it in one place.",
        )
        for name, value in extra.items()
        if name in properties and properties[name] != value
    ]
    return replace(declared, spec={**declared.spec, "properties": {**properties, **extra}}), faults
