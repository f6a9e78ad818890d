"""What is told: one run, the runs of a factory, the activities of a run; triggers by their parent.

Shapes are those recorded; the words of refusals are ours where nothing public records the service's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.clock import parse_iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, ids, locks, records, registry, scopes, shapes
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Action, Document
from sandbox.services.arm.providers.adf import names, runs
from sandbox.services.arm.providers.adf.names import FACTORIES
from sandbox.world import World

_BASE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}"
    "/pipelineruns/{run}"
)
_PAGE = 100  # https://github.com/Azure/azure-sdk-for-python/issues/21879
Shown = dict[str, Any]

# The fields of the answers that a filter's operand or an order means.
_RUN_FIELDS = {
    "PipelineName": "pipelineName",
    "Status": "status",
    "RunStart": "runStart",
    "RunEnd": "runEnd",
    "RunGroupId": "runGroupId",
}
_ACTIVITY_FIELDS = {
    "ActivityName": "activityName",
    "ActivityType": "activityType",
    "Status": "status",
    "ActivityRunStart": "activityRunStart",
    "ActivityRunEnd": "activityRunEnd",
}
_OPERATORS: Mapping[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda value, wanted: value in wanted[:1],
    "NotEquals": lambda value, wanted: value not in wanted[:1],
    "In": lambda value, wanted: value in wanted,
    "NotIn": lambda value, wanted: value not in wanted,
}


def _run_body(run: Mapping[str, Any]) -> Shown:
    factory, started = run["factory"], run["status"] != "Queued"
    return {
        "id": f"{factory.upper()}/pipelineruns/{run['id']}",
        "runId": run["id"],
        "debugRunId": None,
        "runGroupId": run["group"],
        "pipelineName": run["pipeline"],
        "parameters": {name: _text(value) for name, value in run["parameters"].items()},
        "invokedBy": run["invokedBy"],
        "runStart": run["start"] if started else None,
        "runEnd": run["end"],
        "durationInMs": _milliseconds(run["start"], run["end"]),
        "status": run["status"],
        "message": run["message"],
        "pipelineReturnValue": {},
        "lastUpdated": run["updated"],
        "annotations": run["annotations"],
        "runDimension": {},
        "isLatest": True,
    }


def _activity_body(run: Mapping[str, Any], name: str, step: Mapping[str, Any]) -> Shown:
    activity = step["activity"]
    failure = "UserError" if step.get("code") else ""
    return {
        "activityRunEnd": step.get("end"),
        "activityName": name,
        "activityRunStart": step["start"],
        "activityType": activity["type"],
        "durationInMs": _milliseconds(step["start"], step.get("end")),
        "retryAttempt": None,
        "error": {
            "errorCode": step.get("code") or "",
            "message": step.get("message") or "",
            "failureType": failure,
            "target": name,
        },
        "activityRunId": step["id"],
        "input": activity.get("typeProperties") or {},
        "linkedServiceName": (activity.get("linkedServiceName") or {}).get("referenceName", ""),
        "output": step.get("output") or {},
        "userProperties": {one["name"]: one.get("value") for one in activity.get("userProperties") or ()},
        "pipelineName": run["pipeline"],
        "pipelineRunId": run["id"],
        "status": step["status"],
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _milliseconds(start: str, end: str | None) -> int | None:
    return round((parse_iso(end) - parse_iso(start)).total_seconds() * 1000) if end else None


# Questions ----------------------------------------------------------------------------------------


def _page(request: Request, found: Iterable[Shown], fields: Mapping[str, str], updated: str) -> Response:
    """The items that a RunFilterParameters body asks for, a page of them. Raises 400 or 501."""
    asked = request.json() or {}
    after, before = (_moment(asked, name) for name in ("lastUpdatedAfter", "lastUpdatedBefore"))
    items = [one for one in found if after <= parse_iso(one[updated]) <= before]
    for wish in asked.get("filters") or ():
        field = fields.get(wish.get("operand"))
        test = _OPERATORS.get(wish.get("operator"))
        if field is None or test is None:
            what = f"{wish.get('operand')} {wish.get('operator')}"
            raise CloudError(501, "NotImplemented", f"The sandbox does not play the filter '{what}'.")
        items = [one for one in items if test(str(one[field]), list(wish.get("values") or ()))]
    for order in reversed(asked.get("orderBy") or []):
        field = fields.get(order.get("orderBy"))
        if field is None:
            what = order.get("orderBy")
            raise CloudError(501, "NotImplemented", f"The sandbox does not play the order by '{what}'.")
        descends = str(order.get("order")).upper() == "DESC"
        items.sort(key=lambda one, by=field: str(one[by] or ""), reverse=descends)  # type: ignore[misc]
    start = _start(asked.get("continuationToken"))
    body: Shown = {"value": items[start : start + _PAGE]}
    if start + _PAGE < len(items):
        body["continuationToken"] = base64.urlsafe_b64encode(str(start + _PAGE).encode()).decode()
    return Response(200, body)


def _moment(asked: Any, name: str) -> datetime:
    try:
        return parse_iso(asked[name])
    except (KeyError, TypeError, ValueError):
        raise CloudError(400, "BadRequest", f"The query needs a time as '{name}'.") from None


def _start(token: Any) -> int:
    try:
        return int(base64.urlsafe_b64decode(token or "MA==").decode())
    except ValueError:
        raise CloudError(400, "BadRequest", "The continuation token is invalid.") from None


def _query_runs(
    world: World, request: Request, target: ResourceId, document: Document
) -> tuple[Response, Document | None]:
    found = sorted(runs.all_of(world, target), key=lambda run: (run["start"], run["id"]))
    return _page(request, map(_run_body, found), _RUN_FIELDS, "lastUpdated"), None


def _query_triggers(
    world: World, request: Request, target: ResourceId, document: Document
) -> tuple[Response, Document | None]:
    parent = (request.json() or {}).get("parentTriggerName")
    kind = registry.kind(f"{FACTORIES}/triggers")
    items = []
    for trigger in records.of_type(world, kind.type, target.id):
        own = trigger["properties"].get("typeProperties") or {}
        if parent is None or str(_name(own.get("parentTrigger"))).lower() == str(parent).lower():
            items.append(records.shown(world, trigger, kind, request.query["api-version"]))
    return Response(200, {"value": items}), None


def _name(parent: Any) -> Any:
    return parent.get("referenceName") if isinstance(parent, Mapping) else parent


def _query_activities(world: World, request: Request) -> Response:
    _, run = _found(world, request, "queryActivityruns/action")
    steps = run["steps"].items() if run else ()  # recorded: of a run that is not there, an empty list
    shown = [_activity_body(run, name, step) for name, step in steps if run and "activity" in step]
    return _page(request, shown, _ACTIVITY_FIELDS, "activityRunStart")


def _get(world: World, request: Request) -> Response:
    factory, run = _found(world, request, "read")
    return Response(200, _run_body(_existing(factory, request, run)))


def _cancel(world: World, request: Request) -> Response:
    factory, run = _found(world, request, "cancel/action")
    locks.check_write(world, factory.id)
    recursive = request.query.get("isrecursive", "").lower() == "true"
    runs.cancel(world, _existing(factory, request, run)["key"], recursive)
    return Response(200, "")


def _found(world: World, request: Request, permission: str) -> tuple[ResourceId, runs.Run | None]:
    """The factory and the run that a path names. Raises what ARM refuses."""
    at = request.path.lower().index("/pipelineruns/")
    target = ids.parse(request.path[:at])
    assert target is not None
    authorization.require(world, actor.of(request), f"{FACTORIES}/pipelineruns/{permission}", target.id)
    scopes.check(world, target.scope)
    if records.get(world, target.id) is None:
        raise shapes.resource_not_found(target.id)
    return target, world.store.get(runs.RUNS, runs.key_of(target, request.params["run"]))


def _existing(factory: ResourceId, request: Request, run: runs.Run | None) -> runs.Run:
    if run is None:
        target = factory.child("pipelineruns", request.params["run"])
        raise names.refused(target, "The pipeline run does not exist.", "NotFound", 404)
    return run


FACTORY_ACTIONS = {
    "queryPipelineRuns": Action(_query_runs),
    "querytriggers": Action(_query_triggers),
}
ROUTES: tuple[Route, ...] = (
    Route("GET", _BASE, _get),
    Route("POST", f"{_BASE}/cancel", _cancel),
    Route("POST", f"{_BASE}/queryActivityruns", _query_activities, write=False),
)
