"""Integration runtimes: managed, self-hosted, and self-hosted ones that are linked to another factory's."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, ids, records, scopes
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Action, Document, Kind, Style, Write
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.adf import names, objects, references, rules, secrets
from sandbox.world import World

_HOST = "https://management.azure.com"
_TYPE = f"{names.FACTORIES}/integrationRuntimes"
_POWER = "adf.runtime"
_OPERATIONS = "adf.operations"
_VERSION = "5.39.8830.4"
Answered = tuple[Response, Document | None]


def _check(world: World, write: Write) -> None:
    if write.method == "PATCH":  # takes autoUpdate and updateDelayOffset alone
        names.check_object(write.target)
        return
    rules.check(write.target, write.merged)
    sent = write.merged["properties"]
    before = (write.previous or {}).get("properties") or {}
    if before and (before["type"], bool(_link(before))) != (sent["type"], bool(_link(sent))):
        # https://learn.microsoft.com/azure/data-factory/ci-cd-github-troubleshoot-guide
        message = "Updating property type is not supported."
        raise names.refused(write.target, message, "DataFactoryPropertyUpdateNotSupported")
    _check_link(world, write.target, _link(sent))


def _link(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    own = properties.get("typeProperties") or {}
    return (own.get("linkedInfo") or {}) if properties.get("type") == "SelfHosted" else {}


def _check_link(world: World, source: ResourceId, link: Mapping[str, Any]) -> None:
    """A shared runtime in a subscription that the sandbox plays must be there, and shared with this factory.

    https://learn.microsoft.com/azure/data-factory/create-shared-self-hosted-integration-runtime-powershell
    """
    if not link:
        return
    kind = str(link.get("authorizationType", "")).lower()
    if kind not in ("rbac", "key") or not link.get("resourceId" if kind == "rbac" else "key"):
        message = "The linkedInfo needs an authorizationType, RBAC with a resourceId or Key with a key."
        raise names.refused(source, message)
    if kind == "key":
        return
    shared = ids.parse(str(link["resourceId"]))
    if shared is None or shared.type.lower() != _TYPE.lower():
        raise names.refused(
            source, "The resourceId of the linkedInfo is not the id of an integration runtime."
        )
    if shared.subscription not in world.subscriptions:
        return
    found, owner = records.get(world, shared.id), records.load(world, names.factory_of(source).id)
    principal = (owner.get("identity") or {}).get("principalId")
    readable = principal and authorization.allowed(world, principal, shared.id, f"{_TYPE}/read")
    if found is None or _link(found["properties"]) or not readable:
        message = f"Access denied. Unable to access shared integration runtime '{shared.name}'."
        raise names.refused(source, message, "AccessDeniedToSharedIntegrationRuntime", 403)


def _fill(world: World, write: Write) -> dict[str, Any]:
    before = write.previous or {}
    if write.method == "PATCH":
        kept = forms.without(before["properties"], ())
        return {**kept, "_made": before["_made"], "_settings": {**before["_settings"], **write.body}}
    properties: dict[str, Any] = secrets.masked(forms.without(write.merged["properties"], ("state",)))
    if properties["type"] == "Managed":
        # Recorded of a runtime for SSIS, which has nodes to start; others are there when they are needed.
        state = "Initial" if _has_nodes(properties) else "Online"
        properties["state"] = (before.get("properties") or {}).get("state") or state
    private = {"_made": before.get("_made") or iso(write.now), "_settings": before.get("_settings") or {}}
    return {**properties, **private}


def _has_nodes(properties: Mapping[str, Any]) -> bool:
    return bool((properties.get("typeProperties") or {}).get("ssisProperties"))


def _check_delete(world: World, target: ResourceId, document: Document) -> None:
    references.check_unused(world, target)
    if document["properties"].get("state") in ("Starting", "Started", "Stopping"):
        raise names.refused(target, "An integration runtime must be stopped before it is deleted.")


# Keys and status ----------------------------------------------------------------------------------


def _key(world: World, target: ResourceId, document: Mapping[str, Any], name: str) -> str:
    seed = f"{target.key}|{document['_made']}|{name}|{document.get('_turns', {}).get(name, 0)}"
    secret = base64.b64encode(sha256(seed.encode()).digest()).decode()
    return (
        f"IR@{_guid(target, document)}@{target.names[0]}@ServiceEndpoint={_endpoint(world, target)}@{secret}"
    )


def _guid(target: ResourceId, document: Mapping[str, Any]) -> str:
    return forms.guid("runtime", target.id, document["_made"])


def _endpoint(world: World, target: ResourceId) -> str:
    owner = records.load(world, names.factory_of(target).id)
    return f"{target.names[0].lower()}.{forms.normal_location(owner['location'])}.datafactory.azure.net"


def _check_own(target: ResourceId, document: Mapping[str, Any]) -> None:
    properties = document["properties"]
    if properties["type"] != "SelfHosted" or _link(properties):
        message = f"The integration runtime '{target.name}' has no authentication keys of its own."
        raise names.refused(target, message)


def _list_keys(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    _check_own(target, document)
    keys = {name: _key(world, target, document, name) for name in ("authKey1", "authKey2")}
    return Response(200, keys), None


def _new_key(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    _check_own(target, document)
    name = (request.json() or {}).get("keyName")
    if name not in ("authKey1", "authKey2"):
        raise names.refused(target, "The keyName is authKey1 or authKey2.")
    turns = document.get("_turns", {})
    document["_turns"] = {**turns, name: turns.get(name, 0) + 1}
    return Response(200, {name: _key(world, target, document, name)}), document


def _get_status(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    return Response(200, _shown_status(world, target, document)), None


def _shown_status(world: World, target: ResourceId, document: Mapping[str, Any]) -> dict[str, Any]:
    """A self-hosted runtime without nodes waits to be registered: no node can ever join one of ours."""
    properties, made = document["properties"], document["_made"]
    common = {"dataFactoryName": target.names[0], "type": properties["type"]}
    if properties["type"] == "Managed":
        own: dict[str, Any] = {"nodes": [], "otherErrors": [], "createTime": made}
        empty = dict.fromkeys(
            ("dataFactoryLocation", "resourceUri", "dataFactoryTags", "managedVirtualNetwork")
        )
        return {
            "name": target.name,
            "properties": {**common, "state": properties["state"], **empty, "typeProperties": own},
        }
    settings = document["_settings"]
    own = {
        "serviceRegion": "eu",
        "autoUpdate": settings.get("autoUpdate") or "On",
        "internalChannelEncryption": "NotSet",
        "taskQueueId": _guid(target, document),
        "nodes": [],
        "updateDelayOffset": str(settings.get("updateDelayOffset") or "PT3H").strip('"'),
        "serviceUrls": [_endpoint(world, target)],
        "links": [],
        "versionStatus": "None",
        "capabilities": {},
        "latestVersion": _VERSION,
        "newerVersions": [_VERSION],
        "selfContainedInteractiveAuthoringEnabled": False,
        "createTime": made,
    }
    return {
        "name": target.name,
        "properties": {**common, "state": "NeedRegistration", "typeProperties": own},
    }


def _monitoring(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    return Response(200, {"name": target.name}), None  # recorded of one without nodes, as ours always are


def _nothing(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    return Response(200), None


# Start and stop -----------------------------------------------------------------------------------


def _power(verb: str, between: str, after: str) -> Action:
    def handler(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
        if not _has_nodes(document["properties"]):
            message = f"The integration runtime '{target.name}' has no nodes to {verb}."
            raise names.refused(target, message)
        if document["properties"]["state"] in ("Starting", "Stopping"):
            raise names.refused(target, "Resource cannot be updated during provisioning")
        fault, now = request.operation, world.now()
        operation = uuid5(NAMESPACE_OID, f"adf/{world.store_serial()}").hex
        before = document["properties"]["state"]
        ending = {"id": target.id, "state": before if fault.fails else after}
        kept = {"ready_at": iso(now + fault.delay), "fails": fault.fails, "id": target.id}
        world.store.put(_OPERATIONS, operation, kept)
        world.schedule(now + fault.delay, _POWER, ending)
        document["properties"]["state"] = between
        place = f"{_HOST}{target.id}/{verb}"
        version = request.query["api-version"]
        headers = {
            "Location": f"{place}/operationresults/{operation}?api-version={version}",
            "Azure-AsyncOperation": f"{place}/operationstatuses/{operation}?api-version={version}",
            "Retry-After": "0",
        }
        return Response(202, None, headers), document

    return Action(handler)


def _powered(world: World, data: Mapping[str, Any]) -> None:
    document = records.get(world, data["id"])
    if document:
        document["properties"]["state"] = data["state"]
        records.save(world, document)


def _poll(world: World, request: Request) -> Response:
    params = request.params
    target = ids.parse(request.path.rsplit("/", 3)[0])
    assert target is not None
    authorization.require(world, actor.of(request), f"{_TYPE}/read", target.id)
    operation = world.store.get(_OPERATIONS, params["operation"].lower())
    document = records.get(world, target.id)
    if operation is None or document is None or operation["id"].lower() != target.key:
        name = params["operation"]
        raise CloudError(404, "OperationNotFound", f"The operation '{name}' could not be found.")
    ended = world.now() >= parse_iso(operation["ready_at"])
    started = params["verb"].lower() == "start" and not operation["fails"]
    found = scopes.canonical(world, target)
    result = _shown_status(world, found, document) if ended and started else None
    if params["what"].lower() == "operationresults":
        headers = {} if ended else {"Location": request.url, "Retry-After": "0"}
        return Response(200 if ended else 202, result, headers)
    error = None
    if ended and operation["fails"]:
        error = {"code": "InternalServerError", "message": "The operation failed."}
    status = "InProgress" if not ended else "Failed" if error else "Succeeded"
    body = {"status": status, "name": params["operation"], "properties": result, "error": error}
    return Response(200, body, {} if ended else {"Retry-After": "0"})


KINDS: tuple[Kind, ...] = (
    objects.kind(
        "integrationRuntimes",
        _fill,
        check=_check,
        check_delete=_check_delete,
        patch=Style(200, True),
        actions={
            "listAuthKeys": Action(_list_keys),
            "regenerateAuthKey": Action(_new_key),
            "getStatus": Action(_get_status),
            "monitoringData": Action(_monitoring),
            "syncCredentials": Action(_nothing),
            "removeLinks": Action(_nothing),
            "start": _power("start", "Starting", "Started"),
            "stop": _power("stop", "Stopping", "Stopped"),
        },
    ),
)
ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}"
        "/integrationRuntimes/{runtime}/{verb}/{what}/{operation}",
        _poll,
    ),
)
EFFECTS = {_POWER: _powered}
