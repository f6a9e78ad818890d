"""The deployments' routes, at group and subscription scope."""

from __future__ import annotations

import re
from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, ids, lists, operations, records, scopes
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.deployments import body, run, shapes, validate, whatif
from sandbox.services.arm.deployments.body import Sent
from sandbox.services.arm.deployments.model import DEPLOYMENTS, TYPE
from sandbox.services.arm.kinds import style
from sandbox.world import World

_LOCATION = style("202 nobody +Location")


def _put(world: World, request: Request) -> Response:
    scope, by = _scope(world, request, "write")
    sent = body.read(world, request, by, scope)
    previous = world.store.get(DEPLOYMENTS, sent.id.lower())
    _check_previous(sent, previous)
    draft, _ = validate.validated(world, by, sent)
    shown = records.public(draft)
    run.begin(world, draft)
    where = f"{operations.HOST}{draft['id']}/operationStatuses/{draft['_run']['operation']}"
    headers = {
        "Azure-AsyncOperation": f"{where}?api-version={request.query['api-version']}",
        "Retry-After": "0",
    }
    return Response(200 if previous else 201, shown, headers)


def _validate(world: World, request: Request) -> Response:
    scope, by = _scope(world, request, "validate/action")
    sent = body.read(world, request, by, scope)
    draft, evaluation = validate.validated(world, by, sent)
    draft["properties"] |= {
        "provisioningState": "Succeeded",
        "duration": "PT0S",
        "validatedResources": shapes.output_resources(evaluation),
    }
    return Response(200, records.public(draft))


def _what_if(world: World, request: Request) -> Response:
    scope, by = _scope(world, request, "whatIf/action")
    sent = body.read(world, request, by, scope)
    draft, evaluation = validate.validated(world, by, sent)
    id_only = sent.result_format.lower() == "resourceidonly"
    found = whatif.changes(world, by, draft, evaluation, id_only)
    result = {
        "status": "Succeeded",
        "properties": {"correlationId": draft["properties"]["correlationId"], "changes": found},
    }
    place = f"/subscriptions/{ids.subscription_of(scope)}"
    ready_at = world.now() + by.fault.delay
    error = None
    if by.fault.fails:
        error = {"code": "InternalServerError", "message": "The operation failed.", "status": 500}
    version = request.query["api-version"]
    headers = operations.start(world, place, _LOCATION, version, ready_at, result=result, error=error)
    return Response(202, None, headers)


def _get(world: World, request: Request) -> Response:
    deployment = _found(world, request, "read", seen=True)
    return Response(204) if request.method == "HEAD" else Response(200, records.public(deployment))


def _list(world: World, request: Request) -> Response:
    scope, _ = _scope(world, request, "read")
    text = request.query.get("$filter", "")
    wanted = re.fullmatch(r"\s*provisioningState\s+eq\s+'(\w+)'\s*", text, re.IGNORECASE)
    if text and not wanted:
        raise CloudError(
            400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string."
        )
    prefix = f"{scope}/providers/{TYPE}/".lower()
    found = [
        records.public(one)
        for _, one in world.seen_items(DEPLOYMENTS, prefix)
        if not wanted or one["properties"]["provisioningState"].lower() == wanted[1].lower()
    ]
    found.sort(key=lambda one: str(one["properties"]["timestamp"]), reverse=True)
    return lists.page(request, found, 1000)


def _delete(world: World, request: Request) -> Response:
    deployment = _found(world, request, "delete")
    if deployment["properties"]["provisioningState"] in run.ACTIVE:
        raise CloudError(
            409,
            "DeploymentCannotBeDeleted",
            f"The deployment '{deployment['name']}' cannot be deleted while it is running.",
        )
    world.store.delete(DEPLOYMENTS, deployment["id"].lower())
    place = f"/subscriptions/{ids.subscription_of(deployment['id'])}"
    headers = operations.start(world, place, _LOCATION, request.query["api-version"], world.now(), status=204)
    return Response(202, None, headers)


def _cancel(world: World, request: Request) -> Response:
    deployment = _found(world, request, "cancel/action")
    state = deployment["properties"]["provisioningState"]
    if state not in run.ACTIVE:
        raise CloudError(
            409,
            "DeploymentCannotBeCancelled",
            f"The deployment '{deployment['name']}' cannot be cancelled because it has provisioning state"
            f" '{state}' or it has already expired.",
        )
    run.cancel(world, deployment)
    return Response(204)


def _status(world: World, request: Request) -> Response:
    deployment = _found(world, request, "operationstatuses/read")
    if deployment["_run"]["operation"] != request.params["operation"]:
        raise CloudError(404, "DeploymentOperationNotFound", "The deployment operation could not be found.")
    properties = deployment["properties"]
    state = properties["provisioningState"]
    shown: dict[str, Any] = {"status": state}
    if "error" in properties:
        shown["error"] = properties["error"]
    return Response(200, shown, {"Retry-After": "0"} if state in run.ACTIVE else {})


def _operations(world: World, request: Request) -> Response:
    deployment = _found(world, request, "operations/read")
    return lists.page(request, _own_operations(deployment), 1000)


def _operation(world: World, request: Request) -> Response:
    deployment = _found(world, request, "operations/read")
    wanted = request.params["operation"].lower()
    for one in _own_operations(deployment):
        if one["operationId"].lower() == wanted:
            return Response(200, one)
    name = request.params["operation"]
    raise CloudError(
        404, "DeploymentOperationNotFound", f"The deployment operation '{name}' could not be found."
    )


def _own_operations(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in one.items() if k != "deployment"}
        for one in deployment["_run"]["operations"]
        if one["deployment"] == deployment["id"]
    ]


def _export(world: World, request: Request) -> Response:
    deployment = _found(world, request, "exportTemplate/action")
    return Response(200, {"template": deployment["_run"]["template"]})


def _hash(world: World, request: Request) -> Response:
    template = body.loads(request)
    minified = body.minified(template)
    return Response(200, {"minifiedTemplate": minified, "templateHash": shapes.template_hash(template)})


def _check_previous(sent: Sent, previous: dict[str, Any] | None) -> None:
    if previous is None:
        return
    if previous["properties"]["provisioningState"] in run.ACTIVE:
        raise CloudError(
            409,
            "DeploymentActive",
            f"The deployment with resource id '{sent.id}' cannot be saved, because this would overwrite an"
            " existing deployment which is still active. Please see https://aka.ms/arm-deploy for usage"
            " details.",
        )
    if sent.location and previous.get("location") != sent.location:
        raise CloudError(
            409,
            "InvalidDeploymentLocation",
            f"Invalid deployment location '{sent.location}'. The deployment '{sent.name}' already exists in"
            f" location '{previous.get('location')}'.",
        )


def _scope(world: World, request: Request, verb: str) -> tuple[str, Actor]:
    scope = f"/subscriptions/{request.params['subscription']}"
    if "group" in request.params:
        scope += f"/resourceGroups/{request.params['group']}"
    by = actor.of(request)
    name = request.params.get("name")
    authorization.require(world, by, f"{TYPE}/{verb}", f"{scope}/providers/{TYPE}/{name}" if name else scope)
    scopes.check(world, scope, write=verb == "write")
    return scopes.scope(world, scope), by


def _found(world: World, request: Request, verb: str, seen: bool = False) -> dict[str, Any]:
    scope, _ = _scope(world, request, verb)
    key = f"{scope}/providers/{TYPE}/{request.params['name']}".lower()
    found = world.seen(DEPLOYMENTS, key) if seen else world.store.get(DEPLOYMENTS, key)
    if found is None:
        raise CloudError(
            404, "DeploymentNotFound", f"Deployment '{request.params['name']}' could not be found."
        )
    return found


def _routes(base: str) -> tuple[Route, ...]:
    one = f"{base}/providers/{TYPE}/{{name}}"
    old = f"{base}/deployments/{{name}}"  # what SDKs ask for operations
    return (
        Route("GET", f"{base}/providers/{TYPE}", _list),
        Route("GET|HEAD", one, _get),
        Route("PUT", one, _put),
        Route("DELETE", one, _delete),
        Route("POST", f"{one}/cancel", _cancel),
        Route("POST", f"{one}/validate", _validate, write=False),
        Route("POST", f"{one}/whatIf", _what_if, write=False),
        Route("POST", f"{one}/exportTemplate", _export, write=False),
        Route("GET", f"{one}/operationStatuses/{{operation}}", _status),
        *(
            route
            for place in (one, old)
            for route in (
                Route("GET", f"{place}/operations", _operations),
                Route("GET", f"{place}/operations/{{operation}}", _operation),
            )
        ),
    )


def _not_played(world: World, request: Request) -> Response:
    raise CloudError(501, "NotImplemented", f"The sandbox does not play {request.method} {request.path}.")


_ALL = "GET|HEAD|PUT|PATCH|POST|DELETE"
ROUTES = (
    *_routes("/subscriptions/{subscription}/resourceGroups/{group}"),
    *_routes("/subscriptions/{subscription}"),
    Route("POST", "/providers/Microsoft.Resources/calculateTemplateHash", _hash, write=False),
    # Deployments elsewhere, and resources of this provider that would have to do something.
    Route(_ALL, f"/providers/{TYPE}/{{rest:path}}", _not_played),
    Route(_ALL, f"/{{scope:path}}/providers/{TYPE}/{{rest:path}}", _not_played),
    *(
        Route(_ALL, f"/{{scope:path}}/providers/Microsoft.Resources/{name}/{{rest:path}}", _not_played)
        for name in ("deploymentStacks", "deploymentScripts", "links")
    ),
    Route(_ALL, "/providers/Microsoft.Management/{rest:path}", _not_played),
)
EFFECTS = {"arm.deployment": run.due}
