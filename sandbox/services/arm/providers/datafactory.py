"""Microsoft.DataFactory/factories and the objects in them.

A PUT of a factory wipes what it omits, its Git link and global parameters too. Objects are kept as sent, with
their secrets masked as recorded; the deeper rules of pipelines and triggers belong to a later version of the
sandbox.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, records
from sandbox.services.arm.ids import ResourceId, parse
from sandbox.services.arm.kinds import Action, Document, Kind, Write, style
from sandbox.services.arm.providers import forms, identity
from sandbox.world import World

FACTORIES = "Microsoft.DataFactory/factories"
MASK = "**********"

_NAME = re.compile(r"(?=.{3,63}\Z)[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_OBJECT = re.compile(r"[A-Za-z0-9_][^<>*#.%&:\\+?/]{0,259}")
# Answered by a GET alone.
_LATE = ("factoryStatistics", "trustModeClaimForMi")
_READ_ONLY = ("provisioningState", "createTime", "version", *_LATE)
_KEY = re.compile(r"(AccountKey|SharedAccessKey|Password|Pwd)\s*=[^;]*;?", re.IGNORECASE)
_STATISTICS = {
    "totalResourceCount": 0,
    "maxAllowedResourceCount": 0,
    "factorySizeInGbUnits": 0,
    "maxAllowedFactorySizeInGbUnits": 0,
}
# Objects whose `properties.type` tells what they are.
_TYPED = ("linkedservices", "datasets", "dataflows", "triggers", "integrationRuntimes", "credentials")
# Types whose ids and types come back in small letters.
_LOWERED = ("integrationRuntimes", "managedVirtualNetworks", "managedPrivateEndpoints")


def _quoted(*seed: object) -> str:
    return f'"{_etag(*seed)}"'


def _etag(*seed: object) -> str:
    digits = forms.guid("adf", *seed).replace("-", "")
    return f"{digits[:8]}-0000-0100-0000-{digits[8:16]}0000"


def _check(world: World, write: Write) -> None:
    name = write.target.name
    if not _NAME.fullmatch(name):
        message = (
            f"Resource name '{name}' is invalid. It must be 3 to 63 letters, digits and single hyphens, and "
            "start and end "
            "with a letter or digit."
        )
        raise CloudError(400, "InvalidResourceName", message)
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
    document["eTag"] = _quoted(write.target.id, write.now)
    if document.get("location") is None:
        document["location"] = (write.previous or {}).get("location")
    return {key: value for key, value in document.items() if value is not None}


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


def _configure_repo(world: World, request: Request) -> Response:
    body = request.json() or {}
    target = parse(str(body.get("factoryResourceId", "")))
    if target is None or target.type.lower() != FACTORIES.lower():
        raise CloudError(400, "BadRequest", "The factoryResourceId is not the id of a data factory.")
    authorization.require(world, actor.of(request), f"{FACTORIES}/write", target.id)
    factory = records.load(world, target.id)
    _check_repo(body.get("repoConfiguration"))
    factory["properties"]["repoConfiguration"] = body["repoConfiguration"]
    factory["eTag"] = _quoted(target.id, world.now())
    records.save(world, factory)
    return Response(200, records.public(factory))


# Objects


def masked(value: Any) -> Any:
    """Secrets as the service shows them: a SecureString as stars, a connection string without its key."""
    if isinstance(value, Mapping):
        if value.get("type") == "SecureString":
            return {**value, "value": MASK}
        return {k: _connection(v) if k.lower() == "connectionstring" else masked(v) for k, v in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def _connection(value: Any) -> Any:
    return _KEY.sub("", value) if isinstance(value, str) else masked(value)


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("type") == "SecureString" or any(_holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)


def _check_object(world: World, write: Write) -> None:
    if not _OBJECT.fullmatch(write.target.name):
        message = f"The document name '{write.target.name}' is invalid."
        raise CloudError(400, "BadRequest", message)
    if not isinstance(write.merged.get("properties"), Mapping):
        raise CloudError(400, "BadRequest", "Required property 'properties' not found in JSON. Path ''.")
    kind = write.target.type.rsplit("/", 1)[-1]
    if kind in _TYPED and not write.merged["properties"].get("type"):
        raise CloudError(400, "BadRequest", "Required property 'type' not found in JSON. Path 'properties'.")
    before = (write.previous or {}).get("properties") or {}
    if before.get("runtimeState") == "Started":
        raise CloudError(
            400,
            "TriggerEnabledCannotUpdate",
            "Cannot update enabled Trigger; the trigger needs to be disabled first.",
        )


def _fill_object(world: World, write: Write) -> Document:
    kind = write.target.type.rsplit("/", 1)[-1]
    sent = forms.without(write.merged["properties"], ())
    properties = masked(sent)
    if kind.lower() == "linkedservices" and _holds_secret(sent):
        token = base64.b64encode(forms.guid("credential", write.target.id, write.now).encode()).decode()
        properties.setdefault("typeProperties", {})["encryptedCredential"] = token
    if kind.lower() == "triggers":
        properties["runtimeState"] = "Stopped"
    if kind.lower() == "integrationruntimes" and properties.get("type") == "Managed":
        properties["state"] = "Initial"
    if kind.lower() == "pipelines":
        properties["lastPublishTime"] = forms.seconds(write.now)
    if kind.lower() == "managedvirtualnetworks":
        guid = ((write.previous or {}).get("properties") or {}).get("vNetId") or forms.guid(
            "vnet", write.target.id
        )
        alias = write.target.names[0].lower()
        properties = {"vNetId": guid, "preventDataExfiltration": False, "alias": alias, **properties}
    if kind.lower() == "managedprivateendpoints":
        properties = {**_endpoint(write), **properties}
    document: Document = {"properties": properties}
    if kind.lower() != "managedprivateendpoints":
        document["etag"] = _etag(write.target.id, write.now)
    return document


def _endpoint(write: Write) -> Document:
    group = f"/subscriptions/{write.target.subscription}/resourceGroups/vnet-managed-rg"
    name = f"{write.target.names[0]}.{write.target.name}"
    return {
        "error": None,
        "provisioningState": "Provisioning",
        "fqdns": [],
        "ipAddress": None,
        "linkId": None,
        "resourceId": f"{group}/providers/Microsoft.Network/privateEndpoints/{name}",
        "connectionState": {"status": "", "description": "", "actionsRequired": ""},
    }


def _answer_object(world: World, document: Document, api_version: str) -> Document:
    shown = dict(document)
    for segment in _LOWERED:
        shown["id"] = shown["id"].replace(f"/{segment}/", f"/{segment.lower()}/")
        shown["type"] = shown["type"].replace(f"/{segment}", f"/{segment.lower()}")
    return shown


def _put_object(world: World, document: Document, write: Write) -> Document:
    return {**document, "properties": forms.without(document["properties"], ("lastPublishTime",))}


def _missing(target: ResourceId) -> CloudError:
    segment = target.type.rsplit("/", 1)[-1]
    place = target.id.replace(f"/{segment}/", f"/{segment.lower()}/")
    message = "The document could not be retrieved because it does not exist."
    return CloudError(404, "NotFound", message, extra={"target": place, "details": None})


def _switch(state: str) -> Action:
    def handler(
        world: World, request: Request, target: ResourceId, document: Document
    ) -> tuple[Response, Document]:
        document["properties"]["runtimeState"] = state
        return Response(200, {}), document

    return Action(handler)


def _check_trigger_stopped(world: World, target: ResourceId, document: Document) -> None:
    if document["properties"].get("runtimeState") == "Started":
        message = "Cannot delete enabled Trigger; the trigger needs to be disabled first."
        raise CloudError(400, "TriggerEnabledCannotUpdate", message)


def _object(segment: str, **more: Any) -> Kind:
    return Kind(
        f"{FACTORIES}/{segment}",
        check=_check_object,
        fill=_fill_object,
        answer=_answer_object,
        missing=_missing,
        put_answer=_put_object,
        create=style("200 body"),
        tracked=False,
        state=False,
        **more,
    )


_OBJECTS = (
    "linkedservices",
    "datasets",
    "pipelines",
    "dataflows",
    "integrationRuntimes",
    "managedVirtualNetworks",
    "managedVirtualNetworks/managedPrivateEndpoints",
    "credentials",
    "globalParameters",
    "privateEndpointConnections",
)

KINDS = (
    Kind(
        FACTORIES,
        check=_check,
        fill=_fill,
        answer=_answer,
        put_answer=_at_once,
        listed=_at_once,
        deleted=_deleted,
        create=style("200 body"),
    ),
    *(_object(segment) for segment in _OBJECTS),
    _object(
        "triggers",
        check_delete=_check_trigger_stopped,
        actions={"start": _switch("Started"), "stop": _switch("Stopped")},
    ),
)
ROUTES = (
    Route(
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.DataFactory/locations/{location}/configureFactoryRepo",
        _configure_repo,
    ),
)
