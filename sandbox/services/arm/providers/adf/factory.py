"""The factory itself. A PUT wipes what it omits, its Git link and global parameters too:
https://github.com/Azure/Azure-DataFactory/issues/690."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, records
from sandbox.services.arm.ids import ResourceId, parse
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms, identity
from sandbox.services.arm.providers.adf import names, queries, runs
from sandbox.services.arm.providers.adf.names import FACTORIES
from sandbox.world import World

# Answered by a GET alone.
_LATE = ("factoryStatistics", "trustModeClaimForMi")
_READ_ONLY = ("provisioningState", "createTime", "version", *_LATE)
_STATISTICS = {
    "totalResourceCount": 0,
    "maxAllowedResourceCount": 0,
    "factorySizeInGbUnits": 0,
    "maxAllowedFactorySizeInGbUnits": 0,
}


def touched(target: ResourceId, now: Any) -> str:
    """The factory's `eTag`, which has quotes inside."""
    return f'"{names.etag(target, now)}"'


def parameters_of(target: ResourceId) -> ResourceId:
    """The one object that shows a factory's global parameters."""
    return target.child("globalParameters", "default")


def _check(world: World, write: Write) -> None:
    name = write.target.name
    names.check_factory(name)
    other = records.find(world, FACTORIES, name) if write.created else None
    if other is not None:
        raise CloudError(
            409,
            "DataFactoryNameInUse",
            f"The specified resource name '{name}' is already in use. Resource names must be globally "
            "unique.",
        )
    repo = (write.merged.get("properties") or {}).get("repoConfiguration")
    if repo is not None:
        _check_repo(repo)


def _check_repo(repo: Any) -> None:
    needed: tuple[str, ...] = ("type", "accountName", "repositoryName", "collaborationBranch", "rootFolder")
    if isinstance(repo, Mapping) and repo.get("type") == "FactoryVSTSConfiguration":
        needed = (*needed, "projectName")
    missed = [key for key in needed if not isinstance(repo, Mapping) or not repo.get(key)]
    if missed:
        raise CloudError(400, "BadRequest", f"The repository configuration lacks: {', '.join(missed)}.")


def _fill(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    before = (write.previous or {}).get("properties") or {}
    properties = {k: v for k, v in forms.without(document["properties"], _READ_ONLY).items() if v is not None}
    document["properties"] = {
        "createTime": before.get("createTime", forms.stamp(write.now)),
        "version": "2018-06-01",
        **properties,
    }
    document["tags"] = dict(document.get("tags") or {})
    document["eTag"] = touched(write.target, write.now)
    if document.get("location") is None:
        document["location"] = (write.previous or {}).get("location")
    return {key: value for key, value in document.items() if value is not None}


def _stored(world: World, write: Write, document: Document) -> None:
    """The object of the global parameters follows the factory's property: they are one thing."""
    target = parameters_of(write.target)
    before, after = records.get(world, target.id), document["properties"].get("globalParameters")
    if not after:
        records.remove(world, target.id)
    elif before is None or before["properties"] != after:
        shown = {"id": target.id, "name": target.name, "type": target.type, "properties": after}
        kept = {key: document[key] for key in ("_created", "_changed", "_api")}
        records.save(world, {**shown, "etag": names.etag(target, write.now), **kept})


def _answer(world: World, document: Document, api_version: str) -> Document:
    added = {
        "factoryStatistics": dict(_STATISTICS),
        "trustModeClaimForMi": {"value": "IA==", "editable": True},
    }
    return {**document, "properties": {**document["properties"], **added}}


def _at_once(world: World, document: Document, _: Any) -> Document:
    return {**document, "properties": forms.without(document["properties"], _LATE)}


def _deleted(world: World, target: ResourceId, document: Document) -> None:
    identity.forget(world, document)
    runs.forget(world, target)


def _configure_repo(world: World, request: Request) -> Response:
    body = request.json() or {}
    target = parse(str(body.get("factoryResourceId", "")))
    if target is None or target.type.lower() != FACTORIES.lower():
        raise CloudError(400, "BadRequest", "The factoryResourceId is not the id of a data factory.")
    authorization.require(world, actor.of(request), f"{FACTORIES}/write", target.id)
    factory = records.load(world, target.id)
    _check_repo(body.get("repoConfiguration"))
    factory["properties"]["repoConfiguration"] = body["repoConfiguration"]
    factory["eTag"] = touched(target, world.now())
    records.save(world, factory)
    return Response(200, records.public(factory))


KIND: Kind = Kind(
    FACTORIES,
    check=_check,
    fill=_fill,
    stored=_stored,
    answer=_answer,
    put_answer=_at_once,
    listed=_at_once,
    deleted=_deleted,
    create=style("200 body"),
    actions=queries.FACTORY_ACTIONS,
)
ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.DataFactory/locations/{location}/configureFactoryRepo",
        _configure_repo,
    ),
)
