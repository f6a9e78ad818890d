"""One factory, one owner: what the ARM template, `factory/*.json` and `dataFactory.git` say, as one. Pure.

Two owners of one factory undo each other, since a PUT of a factory wipes what it omits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.adf import API_VERSION, NAMESPACE, Definition
from reconciler.armid import group_id
from reconciler.environment import Environment
from reconciler.environment.workloads import DataFactory
from reconciler.errors import Fault
from reconciler.resource import Key, Resource

REPOSITORY = "repoConfiguration"
SHARED = ("globalParameters", "publicNetworkAccess", "encryption", "purviewConfiguration")
"""Properties of `factory/*.json` that hold in every environment. Its name, region, identity and Git link are
those of the factory that Studio works on."""
GIT_TYPES: Mapping[str, str] = {
    "github": "FactoryGitHubConfiguration",
    "azureDevOps": "FactoryVSTSConfiguration",
}


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
