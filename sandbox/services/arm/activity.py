"""The activity log: one event for each write, shown late with lag."""

from __future__ import annotations

import re
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import ids
from sandbox.services.arm.actor import Actor
from sandbox.world import World

EVENTS = "arm.activity"
# Azure takes times without quotes and without a zone too, and `az` sends them so.
_ZONED = re.compile(r"(Z|[+-]\d{2}:\d{2})$", re.IGNORECASE)
_CLAUSE = re.compile(r"(\w+)\s+(eq|ge|le)\s+(?:'([^']*)'|([^\s']+))", re.IGNORECASE)


SUB_STATUSES = {"Created": "Created (HTTP Status Code: 201)", "OK": "OK (HTTP Status Code: 200)", "": ""}
"""What an event says of the answer, as documented for the activity log's schema
(https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema)."""


def record(
    world: World,
    actor: Actor,
    action: str,
    resource_id: str,
    status: str = "Succeeded",
    created: bool | None = None,
) -> None:
    """``action`` is an operation's name, ``Microsoft.Storage/storageAccounts/write``.

    created: whether a write made the resource; None for what is no write."""
    sub_status = "" if created is None else "Created" if created else "OK"
    number = world.store_serial()
    at = iso(world.now())
    caller = actor.caller
    event_id = str(uuid5(NAMESPACE_OID, f"event/{number}"))
    subscription = ids.subscription_of(resource_id) or ""
    target = ids.parse(resource_id)
    group = ids.group_of(resource_id) or ""
    world.store.put(
        EVENTS,
        f"{at}/{number:012}",
        {
            "authorization": {"action": action, "scope": resource_id},
            "caller": caller.object_id if caller else "",
            "claims": {"appid": caller.client_id, "name": caller.name} if caller else {},
            "channels": "Operation",
            "correlationId": actor.correlation_id,
            "description": "",
            "eventDataId": event_id,
            "eventName": {"value": "EndRequest", "localizedValue": "End request"},
            "category": {"value": "Administrative", "localizedValue": "Administrative"},
            "eventTimestamp": at,
            "id": f"{resource_id}/events/{event_id}/ticks/{number}",
            "level": "Error" if status == "Failed" else "Informational",
            "operationId": actor.correlation_id,
            "operationName": {"value": action, "localizedValue": action},
            "resourceGroupName": group,
            "resourceProviderName": {"value": target.namespace if target else "Microsoft.Resources"},
            "resourceType": {
                "value": target.type if target else "Microsoft.Resources/subscriptions/resourceGroups"
            },
            "resourceId": resource_id,
            "status": {"value": status, "localizedValue": status},
            "subStatus": {"value": sub_status, "localizedValue": SUB_STATUSES[sub_status]},
            "submissionTimestamp": at,
            "subscriptionId": subscription,
            "tenantId": world.tenant_id,
        },
    )


def values(world: World, request: Request) -> Response:
    """``…/eventtypes/management/values``: the newest first. ``$filter`` must bound eventTimestamp."""
    clauses = [
        (name.lower(), op.lower(), quoted or bare)
        for name, op, quoted, bare in _CLAUSE.findall(request.query.get("$filter", ""))
    ]
    if not any(name == "eventtimestamp" and op == "ge" for name, op, _ in clauses):
        raise CloudError(
            400, "BadRequest", "The $filter must contain a start time: eventTimestamp ge '{start time}'."
        )
    unknown = [name for name, _, _ in clauses if name not in _TESTS]
    if unknown:
        raise CloudError(400, "BadRequest", f"The property '{unknown[0]}' is not supported in $filter.")
    subscription = request.params["subscription"].lower()
    known_since = world.now() - world.lag.delay("activity")
    events = [
        event
        for _, event in world.store.items(EVENTS)
        if event["subscriptionId"].lower() == subscription
        and parse_iso(event["eventTimestamp"]) <= known_since
        and all(_TESTS[name](event, op, value) for name, op, value in clauses)
    ]
    chosen = [name.strip() for name in request.query.get("$select", "").split(",") if name.strip()]
    if chosen:
        events = [{name: event[name] for name in chosen if name in event} for event in events]
    return Response(200, {"value": list(reversed(events))})


def _time(event: dict[str, Any], op: str, value: str) -> bool:
    try:
        at, bound = (
            parse_iso(event["eventTimestamp"]),
            parse_iso(value if _ZONED.search(value) else value + "Z"),
        )
    except ValueError:
        raise CloudError(400, "BadRequest", f"'{value}' in the $filter is not a time.") from None
    return at >= bound if op == "ge" else at <= bound if op == "le" else at == bound


def _equal(field: str) -> Any:
    return lambda event, _, value: event[field].lower() == value.lower()


_TESTS = {
    "eventtimestamp": _time,
    "resourcegroupname": _equal("resourceGroupName"),
    "resourceuri": _equal("resourceId"),
    "resourceid": _equal("resourceId"),
    "correlationid": _equal("correlationId"),
    "caller": _equal("caller"),
    "resourceprovider": lambda event, _, value: (
        event["resourceProviderName"]["value"].lower() == value.lower()
    ),
    "status": lambda event, _, value: event["status"]["value"].lower() == value.lower(),
    "eventchannels": lambda event, _, value: True,
}

ROUTES = (
    Route(
        "GET",
        "/subscriptions/{subscription}/providers/microsoft.insights/eventtypes/management/values",
        values,
    ),
)
