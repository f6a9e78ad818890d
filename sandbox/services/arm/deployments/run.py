"""A deployment at work: each resource is written when all it waits for is written.

Faults asked of the operation: with ``slow-operation`` the writes are spread evenly over the delay by the
world's clock; with ``fail-operation`` the last resource in the template's order fails and what waits for it
is not tried.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from reconciler.armtemplate import Evaluation, Resource, TemplateError
from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError
from sandbox.services.arm import activity, actor, groups, ids, records, resources, writes
from sandbox.services.arm import shapes as arm_shapes
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.deployments import model, shapes
from sandbox.services.arm.deployments.model import DEPLOYMENTS, GROUP_TYPE, TYPE
from sandbox.world import World

Deployment = dict[str, Any]
ACTIVE = ("Accepted", "Running")


def begin(world: World, deployment: Deployment) -> None:
    """Store an accepted deployment and let it start."""
    run = deployment["_run"]
    run["later"] = _schedule(world, deployment)
    save(world, deployment)


def save(world: World, deployment: Deployment) -> None:
    world.store.put(DEPLOYMENTS, deployment["id"].lower(), deployment)


def due(world: World, data: dict[str, Any]) -> None:
    """The effect ``arm.deployment``: go as far as time allows."""
    deployment = world.store.get(DEPLOYMENTS, data["id"].lower())
    if deployment is None or deployment["_run"]["operation"] != data["operation"]:
        return
    if deployment["properties"]["provisioningState"] not in ACTIVE:
        return
    by = actor.from_json(deployment["_run"]["actor"])
    advance(world, by, deployment, deployment["_run"]["pace"])
    if deployment["properties"]["provisioningState"] in ACTIVE:
        deployment["_run"]["later"] = _schedule(world, deployment)
    save(world, deployment)


def cancel(world: World, deployment: Deployment) -> None:
    """Stop it; what is written stays."""
    world.unschedule(deployment["_run"]["later"])
    _end(world, deployment, "Canceled")
    save(world, deployment)


def advance(world: World, by: Actor, deployment: Deployment, pace: float = 0) -> None:
    """Write what is ready: with a pace one resource, else everything. Changes ``deployment``."""
    run, properties = deployment["_run"], deployment["properties"]
    properties["provisioningState"] = "Running"
    while True:
        try:
            evaluation = model.evaluated(world, by, deployment, _pending(run))
        except TemplateError as fault:
            _fail_template(world, deployment, fault)
            return
        except CloudError as refused:
            run["failed"][deployment["id"]] = shapes.error_body(refused)
            _end(world, deployment, "Failed")
            return
        members = model.written(evaluation)
        ready = [one for one in members if _is_ready(one, run)]
        solvable = [one for one in ready if not model.holds_unknown(one.body)]
        for resource in (solvable or ready)[: 1 if pace else None]:
            _write(world, by, deployment, resource, members[-1].id)
        _record_nested(world, deployment, evaluation)
        if not ready:
            _finish(world, by, deployment, evaluation)
            return
        if pace:
            if not any(_is_ready(one, run) for one in members):
                _finish(world, by, deployment, model.evaluated(world, by, deployment, _pending(run)))
            return


def _pending(run: dict[str, Any]) -> frozenset[str]:
    return frozenset(one for one in run["members"] if one not in run["done"])


def _is_ready(resource: Resource, run: dict[str, Any]) -> bool:
    key = resource.id.lower()
    if key in run["done"] or resource.id in run["failed"]:
        return False
    return all(one.lower() in run["done"] for one in resource.depends_on if one.lower() in run["members"])


def _write(world: World, by: Actor, deployment: Deployment, resource: Resource, last: str) -> None:
    run = deployment["_run"]
    fault: CloudError | None = None
    created = False
    if run["fails"] and resource.id == last:
        fault = CloudError(500, "InternalServerError", "The operation failed.")
    else:
        try:
            created = put(world, by, resource)
        except CloudError as refused:
            fault = refused
    if fault:
        run["failed"][resource.id] = shapes.error_body(fault)
        activity.record(world, by, f"{resource.type}/write", resource.id, "Failed")
    else:
        run["done"][resource.id.lower()] = created
    pace = f"PT{run['pace'] or 0.5:g}S"
    holder = run["holders"].get(resource.id.lower(), deployment["id"])
    operation = shapes.operation(holder, resource.id, iso(world.now()), pace, created, fault)
    run["operations"].append({"deployment": holder, **operation})


def put(world: World, by: Actor, resource: Resource) -> bool:
    """Write one resource as the caller; True when it was created. Raises CloudError."""
    waits_for = model.holds_unknown(resource.body)
    if waits_for:
        raise arm_shapes.resource_not_found(waits_for[0])
    body = json.loads(json.dumps(resource.body))
    if resource.type.lower() == GROUP_TYPE.lower():
        subscription = ids.subscription_of(resource.id) or ""
        return groups.put(world, by, subscription, resource.name, body)[1]
    target = ids.parse(resource.id)
    if target is None or resource.type.lower() == TYPE.lower():
        link = (body.get("properties") or {}).get("templateLink") or {}
        raise CloudError(
            400,
            "InvalidContentLink",
            f"Unable to download deployment content from '{link.get('uri', resource.id)}'.",
        )
    return writes.put(world, by, target, body, resource.api_version).write.created


def _record_nested(world: World, deployment: Deployment, evaluation: Evaluation) -> None:
    """Nested deployments are deployments of their own, each at its scope."""
    run = deployment["_run"]
    for nested in evaluation.deployments:
        if nested.id.lower() in run["nested"]:
            continue
        waiting = [one for one in nested.resources if one.lower() not in run["done"]]
        failed = {one: run["failed"][one] for one in nested.resources if one in run["failed"]}
        if waiting and not failed:
            continue
        run["nested"].append(nested.id.lower())
        state = "Failed" if failed else "Succeeded"
        outputs = {
            shapes.camel(name): {
                "type": shapes.spelt(one.type),
                **({} if one.secure else {"value": one.value}),
            }
            for name, one in nested.outputs.items()
            if one.secure or not model.holds_unknown(one.value)
        }
        now = world.now()
        started = parse_iso(run["started"])
        properties: dict[str, Any] = {
            "templateHash": shapes.template_hash(nested.path),
            "mode": "Incremental",
            "provisioningState": state,
            "timestamp": iso(now),
            "duration": model.duration(started, now),
            "correlationId": deployment["properties"]["correlationId"],
            "providers": [],
            "dependencies": [],
        }
        if failed:
            properties["error"] = shapes.failure(nested.id, failed)
        else:
            properties |= {"outputs": outputs, "outputResources": [{"id": one} for one in nested.resources]}
        own = [one for one in run["operations"] if one["deployment"] == nested.id]
        document = {"id": nested.id, "name": nested.name, "type": TYPE, "properties": properties}
        kept = {**run, "scope": nested.scope, "operations": own, "failed": failed, "nested": []}
        save(world, {**document, "_run": {**kept, "template": {}, "parameters": {}}})
        operation = shapes.operation(deployment["id"], nested.id, iso(now), "PT1S", True, None)
        run["operations"].append({"deployment": deployment["id"], **operation})


def _finish(world: World, by: Actor, deployment: Deployment, evaluation: Evaluation) -> None:
    run, properties = deployment["_run"], deployment["properties"]
    if not run["failed"] and properties["mode"] == "Complete":
        _remove_others(world, by, deployment, evaluation)
    if run["failed"]:
        _end(world, deployment, "Failed")
        return
    unsolved = [
        n for n, one in evaluation.outputs.items() if not one.secure and model.holds_unknown(one.value)
    ]
    if unsolved:
        message = f"Unable to evaluate template outputs: '{','.join(unsolved)}'."
        _end(world, deployment, "Failed", {"code": "DeploymentOutputEvaluationFailed", "message": message})
        return
    if "outputs" in run["template"]:
        properties["outputs"] = shapes.outputs(evaluation)
    properties["outputResources"] = shapes.output_resources(evaluation)
    _end(world, deployment, "Succeeded")
    last = shapes.outputs_operation(deployment["id"], run["operation"], iso(world.now()))
    run["operations"].append({"deployment": deployment["id"], **last})


def _remove_others(world: World, by: Actor, deployment: Deployment, evaluation: Evaluation) -> None:
    """Mode Complete: what the group holds and the template does not name goes."""
    kept = {one.id.lower() for one in evaluation.resources}
    scope = deployment["_run"]["scope"]
    for document in list(records.under(world, scope)):
        target = ids.parse(document["id"])
        if target is None or target.key in kept or target.parent or not resources.tracked(document):
            continue
        if any(one.startswith(target.key + "/") for one in kept):
            continue
        try:
            writes.delete(world, by, target, document.get("_api") or "")
        except CloudError as fault:
            deployment["_run"]["failed"][document["id"]] = shapes.error_body(fault)


def _fail_template(world: World, deployment: Deployment, fault: TemplateError) -> None:
    first = fault.faults[0]
    if first.path.startswith("$.outputs"):
        error = {
            "code": "DeploymentOutputEvaluationFailed",
            "message": f"The template output evaluation failed: '{first.message}'.",
        }
    else:
        error = {
            "code": "InvalidTemplate",
            "message": f"Unable to process template language expressions: '{first.message}'",
        }
    _end(world, deployment, "Failed", error)


def _end(world: World, deployment: Deployment, state: str, error: dict[str, Any] | None = None) -> None:
    run, properties, now = deployment["_run"], deployment["properties"], world.now()
    properties |= {
        "provisioningState": state,
        "timestamp": iso(now),
        "duration": model.duration(parse_iso(run["started"]), now),
    }
    if state == "Failed":
        properties["error"] = error or shapes.failure(deployment["id"], run["failed"])
    by = actor.from_json(run["actor"])
    status = "Succeeded" if state == "Succeeded" else "Failed"
    activity.record(world, by, f"{TYPE}/write", deployment["id"], status)


def _schedule(world: World, deployment: Deployment) -> str:
    run = deployment["_run"]
    wait = timedelta(seconds=run["pace"])
    data = {"id": deployment["id"], "operation": run["operation"]}
    return world.schedule(world.now() + wait, "arm.deployment", data)
