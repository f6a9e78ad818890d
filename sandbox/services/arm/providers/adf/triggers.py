"""Triggers: started and stopped, subscribed to events; a started one takes no change.

Codes and words: https://github.com/Azure/Azure-DataFactory/issues/539 and .../issues/177,
https://github.com/MicrosoftDocs/azure-docs/issues/69307 (tumbling windows), .../issues/18504 (no pipeline),
https://github.com/Azure-Player/azure.datafactory.tools/pull/485 (start while the subscription is made).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, ids, records, scopes
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Action, Document, Kind, Write
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.adf import names, objects, references, secrets
from sandbox.world import World

_HOST = "https://management.azure.com"
_OF_EVENTS = ("BlobEventsTrigger", "CustomEventsTrigger")
_TIMES = ("startTime", "endTime", "requestedStartTime", "requestedEndTime")
_UNCHANGING = {
    "startTime": (
        "TumblingWindowTriggerStartTimeUpdateNotAllowed",
        "Start time cannot be updated for Tumbling Window Trigger.",
    ),
    "frequency": (
        "TumblingWindowTriggerFrequencyOrIntervalUpdateNotAllowed",
        "Frequency or interval cannot be updated for Tumbling Window Trigger.",
    ),
}
_UNCHANGING["interval"] = _UNCHANGING["frequency"]
_WHILE = {"Enabled": "Provisioning", "Disabled": "Deprovisioning"}
Answered = tuple[Response, Document | None]


def _fill(world: World, write: Write) -> dict[str, Any]:
    properties = secrets.masked(forms.without(write.merged["properties"], ("runtimeState",)))
    properties = {**_short_times(properties), "runtimeState": "Stopped"}
    before = write.previous
    if before is not None:
        _check_stopped(write.target, before)
        _check_settled(world, write.target, before)
        _check_window(write.target, before["properties"], properties)
        return {**properties, **({"_events": before["_events"]} if "_events" in before else {})}
    return properties


def _short_times(value: Any) -> Any:
    """Times without a fraction of zeros: `…00.0000000Z` comes back as `…00Z` (recorded)."""
    if isinstance(value, Mapping):
        return {k: _short(v) if k in _TIMES else _short_times(v) for k, v in value.items()}
    return [_short_times(item) for item in value] if isinstance(value, list) else value


def _short(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return re.sub(r"(:\d\d\.\d*?)0*(?=Z?$|[+-]\d\d:\d\d$)", lambda at: at[1].rstrip("."), value)


def _check_stopped(target: ResourceId, document: Mapping[str, Any]) -> None:
    if document["properties"].get("runtimeState") == "Started":
        raise CloudError(
            400,
            "TriggerEnabledCannotUpdate",
            "Cannot update enabled Trigger; the trigger needs to be disabled first. ",
            extra={"target": None, "details": None},
        )


def _check_settled(world: World, target: ResourceId, document: Mapping[str, Any]) -> None:
    if _status(world, document) in _WHILE.values():
        raise names.refused(target, "Resource cannot be updated during provisioning")


def _check_window(target: ResourceId, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if before["type"] != "TumblingWindowTrigger" or after["type"] != before["type"]:
        return
    old, new = before.get("typeProperties") or {}, after.get("typeProperties") or {}
    for name, (code, message) in _UNCHANGING.items():
        if old.get(name) != new.get(name):
            raise names.refused(target, message, code)


def _check_delete(world: World, target: ResourceId, document: Document) -> None:
    _check_stopped(target, document)
    references.check_unused(world, target)


# Runtime state ------------------------------------------------------------------------------------


def _start(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    properties = document["properties"]
    if properties.get("runtimeState") == "Started":
        return Response(200, {}), None
    if not any(segment == "pipelines" for segment, _ in references.found(properties)):
        message = f"Missing or invalid pipeline references for trigger {target.name}"
        raise CloudError(400, "BadRequest", message, extra={"target": target.name, "details": None})
    if properties["type"] in _OF_EVENTS:
        _check_settled(world, target, document)
        if _status(world, document) != "Enabled":
            # What Azure answers here is not public; its own deployment script subscribes before it starts.
            raise names.refused(target, f"The trigger '{target.name}' is not subscribed to its events.")
    return _put_state(world, target, document, "Started")


def _stop(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    if document["properties"].get("runtimeState") != "Started":
        return Response(200, {}), None
    _check_settled(world, target, document)
    return _put_state(world, target, document, "Stopped")


def _put_state(world: World, target: ResourceId, document: Document, state: str) -> Answered:
    document["properties"]["runtimeState"] = state
    document["etag"] = names.etag(target, world.now())  # recorded: a start gives a new one
    return Response(200, {}), document


# Subscriptions ------------------------------------------------------------------------------------


def _status(world: World, document: Mapping[str, Any]) -> str:
    """Enabled, Provisioning, Disabled or Deprovisioning. `_events` is where it goes, and by when."""
    events = document.get("_events")
    if events is None:
        return "Disabled" if document["properties"]["type"] in _OF_EVENTS else "Enabled"
    if world.now() < parse_iso(events["until"]):
        return _WHILE[events["to"]]
    return str(events["from"] if events["fails"] else events["to"])


def _subscription(wanted: str) -> Action:
    def handler(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
        _check_settled(world, target, document)
        before = _status(world, document)
        if wanted == "Enabled":
            _check_scope(world, target, document["properties"])
        fault = request.operation
        document["_events"] = {
            "from": before,
            "to": wanted,
            "until": iso(world.now() + fault.delay),
            "fails": fault.fails,
        }
        if document["properties"]["type"] not in _OF_EVENTS or before == wanted:
            return _told(world, target, document), document
        place = f"{_HOST}{target.id}/getEventSubscriptionStatus?api-version={request.query['api-version']}"
        return Response(202, None, {"Location": place, "Retry-After": "0"}), document

    return Action(handler)


def _check_scope(world: World, target: ResourceId, properties: Mapping[str, Any]) -> None:
    """The account or topic must be there, if it lies in a subscription that the sandbox plays."""
    scope = ids.parse(str((properties.get("typeProperties") or {}).get("scope") or ""))
    if properties["type"] in _OF_EVENTS and scope is None:
        raise names.refused(target, "The scope of the trigger is not the id of a resource.")
    if scope and scope.subscription in world.subscriptions and not scopes.exists(world, scope):
        raise names.refused(target, f"The resource '{scope.id}' of the trigger's scope was not found.")


def _told(world: World, target: ResourceId, document: Mapping[str, Any]) -> Response:
    return Response(200, {"triggerName": target.name, "status": _status(world, document)})


def _get_status(world: World, request: Request, target: ResourceId, document: Document) -> Answered:
    return _told(world, target, document), None


def _poll(world: World, request: Request) -> Response:
    """The Location of a subscription: 202 until it is made or undone."""
    target = ids.parse(request.path.rpartition("/")[0])
    assert target is not None
    authorization.require(world, actor.of(request), f"{names.FACTORIES}/triggers/read", target.id)
    document = records.get(world, target.id)
    if document is None:
        raise names.missing(target)
    if _status(world, document) in _WHILE.values():
        return Response(202, None, {"Location": request.url, "Retry-After": "0"})
    return _told(world, scopes.canonical(world, target), document)


KINDS: tuple[Kind, ...] = (
    objects.kind(
        "triggers",
        _fill,
        check_delete=_check_delete,
        actions={
            "start": Action(_start),
            "stop": Action(_stop),
            "subscribeToEvents": _subscription("Enabled"),
            "unsubscribeFromEvents": _subscription("Disabled"),
            "getEventSubscriptionStatus": Action(_get_status),
        },
    ),
)
ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}"
        "/triggers/{trigger}/getEventSubscriptionStatus",
        _poll,
    ),
)
