"""Long operations: what is under way, and the addresses at which a client asks for its end.

An operation's end is a moment of the world's clock (``ready_at``). Whoever starts one says what its end
answers; what happens at its end is scheduled by the starter (``World.schedule``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import ids, records, registry
from sandbox.services.arm.kinds import Style
from sandbox.world import World

HOST = "https://management.azure.com"
OPERATIONS = "arm.operations"

# Status bodies of these hold the status alone; the others name the operation too (recorded polls).
_BARE = frozenset({"microsoft.network", "microsoft.databricks", "microsoft.synapse"})
_RUNNING = {"microsoft.databricks": "Accepted", "microsoft.resources": "Running"}
_RUNNING_STATUS = {"microsoft.databricks": 202}


def start(
    world: World,
    target: str,
    style: Style,
    api_version: str,
    ready_at: datetime,
    *,
    error: dict[str, Any] | None = None,
    result: Any = None,
    status: int = 200,
    shows_resource: bool = False,
    location: str = "westeurope",
) -> dict[str, str]:
    """Remember an operation on ``target``; the headers that ``style`` sends for it.

    At its end the ``Location`` address answers the resource when ``shows_resource``, else ``status`` with
    ``result``.
    """
    number = world.store_serial()
    name = str(uuid5(NAMESPACE_OID, f"operation/{number}"))
    found = ids.parse(target)
    namespace = found.namespace if found else "Microsoft.Resources"
    world.store.put(
        OPERATIONS,
        name,
        {
            "target": target,
            "namespace": namespace,
            "api": api_version,
            "started": iso(world.now()),
            "ready_at": iso(ready_at),
            "error": error,
            "result": result,
            "status": status,
            "shows_resource": shows_resource,
        },
    )
    subscription = ids.subscription_of(target)
    scope = f"/subscriptions/{subscription}" if subscription else ""
    if found:
        base = f"{HOST}{scope}/providers/{namespace}/locations/{location}"
        places = {"Azure-AsyncOperation": "operationStatuses", "Location": "operationResults"}
    else:
        base = f"{HOST}{scope}" if scope else f"{HOST}/providers/Microsoft.Resources"
        places = {"Location": "operationresults"}
    query = f"?api-version={api_version}"
    headers = {header: f"{base}/{places[header]}/{name}{query}" for header in style.headers}
    return {**headers, "Retry-After": "0"}


def poll_status(world: World, request: Request) -> Response:
    """``Azure-AsyncOperation``: 200 with a status."""
    operation = _operation(world, request)
    namespace = operation["namespace"].lower()
    ended = _ended(world, operation)
    status = (
        ("Failed" if operation["error"] else "Succeeded") if ended else _RUNNING.get(namespace, "InProgress")
    )
    body: dict[str, Any] = {"status": status}
    if namespace not in _BARE:
        body = {
            "id": request.path,
            "name": request.params["operation"],
            **body,
            "startTime": operation["started"],
        }
        if ended:
            body["endTime"] = operation["ready_at"]
    if ended and operation["error"]:
        body["error"] = operation["error"]
    if ended:
        return Response(200, body)
    return Response(_RUNNING_STATUS.get(namespace, 200), body, {"Retry-After": "0"})


def poll_result(world: World, request: Request) -> Response:
    """``Location``: 202 until the end, then what the operation was for."""
    operation = _operation(world, request)
    if not _ended(world, operation):
        return Response(202, None, {"Location": request.url, "Retry-After": "0"})
    if operation["error"]:
        error = operation["error"]
        raise CloudError(error.get("status", 409), error["code"], error["message"])
    if operation["shows_resource"]:
        document = records.load(world, operation["target"])
        return Response(
            200, records.shown(world, document, registry.kind(document["type"]), operation["api"])
        )
    return Response(operation["status"], operation["result"])


def _operation(world: World, request: Request) -> dict[str, Any]:
    found = world.store.get(OPERATIONS, request.params["operation"].lower())
    if found is None:
        name = request.params["operation"]
        raise CloudError(404, "OperationNotFound", f"The operation '{name}' could not be found.")
    return found


def _ended(world: World, operation: dict[str, Any]) -> bool:
    return world.now() >= parse_iso(operation["ready_at"])


ROUTES = (
    Route(
        "GET", "/subscriptions/{s}/providers/{ns}/locations/{l}/operationStatuses/{operation}", poll_status
    ),
    Route("GET", "/subscriptions/{s}/providers/{ns}/locations/{l}/operationResults/{operation}", poll_result),
    Route("GET", "/subscriptions/{s}/operationresults/{operation}", poll_result),
    Route("GET", "/providers/Microsoft.Resources/operationResults/{operation}", poll_result),
)
