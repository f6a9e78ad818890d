"""Validation before a deployment starts: its template, its caller's rights, what providers would refuse."""

from __future__ import annotations

from typing import Any

from reconciler.armtemplate import Evaluation, Resource, TemplateError
from sandbox.clock import iso
from sandbox.service import CloudError
from sandbox.services.arm import actor, authorization, ids, scopes, writes
from sandbox.services.arm.actor import Actor
from sandbox.services.arm.deployments import model, shapes
from sandbox.services.arm.deployments.body import Sent
from sandbox.services.arm.deployments.model import TYPE
from sandbox.world import World


def validated(world: World, by: Actor, sent: Sent) -> tuple[dict[str, Any], Evaluation]:
    """The deployment as accepted, not stored, and its first evaluation. Raises what validation refuses."""
    now = iso(world.now())
    draft: dict[str, Any] = {
        "id": scopes.scope(world, sent.scope) + f"/providers/{TYPE}/{sent.name}",
        "name": sent.name,
        "type": TYPE,
        **({"location": sent.location} if sent.location else {}),
        **({"tags": sent.tags} if sent.tags else {}),
        "properties": {"mode": sent.mode},
        "_run": {
            "scope": scopes.scope(world, sent.scope),
            "template": sent.template,
            "parameters": sent.parameters,
            "started": now,
            "actor": actor.to_json(by),
            "operation": f"{8583 * 10**16 + world.store_serial():020}",
            "fails": by.fault.fails,
            "done": {},
            "failed": {},
            "operations": [],
            "nested": [],
            "later": "",
        },
    }
    try:
        first = model.evaluated(world, by, draft, hidden=None)
        members = [one.id.lower() for one in model.written(first)]
        evaluation = model.evaluated(world, by, draft, frozenset(members))
        values = model.parameter_values(world, by, draft)
    except TemplateError as fault:
        raise model.invalid_template(fault) from None
    kept = draft["_run"]
    kept["members"] = members
    kept["holders"] = _holders(evaluation)
    kept["pace"] = by.fault.delay.total_seconds() / max(len(members), 1)
    draft["properties"] = {
        "templateHash": shapes.template_hash(sent.template),
        "parameters": shapes.parameters(values, sent.references),
        "mode": sent.mode,
        "provisioningState": "Accepted",
        "timestamp": now,
        "duration": "PT0.0000998S",
        "correlationId": by.correlation_id,
        "providers": shapes.providers(evaluation),
        "dependencies": shapes.dependencies(evaluation),
        **({"validationLevel": sent.validation_level} if sent.validation_level else {}),
    }
    if "parameters" not in sent.template:
        del draft["properties"]["parameters"]
    _check_rights(world, by, evaluation)
    _preflight(world, by, sent.name, evaluation)
    return draft, evaluation


def _holders(evaluation: Evaluation) -> dict[str, str]:
    """The nested deployment that a resource sits in, by the resource's id in lower case."""
    found: dict[str, str] = {}
    for nested in sorted(evaluation.deployments, key=lambda one: -len(one.resources)):
        found |= {one.lower(): nested.id for one in nested.resources}
    return found


def _may_write(world: World, object_id: str, one: Resource) -> bool:
    target = ids.parse(one.id)
    attributes = authorization.attributes_of(world, target, one.body) if target else None
    return authorization.allowed(world, object_id, one.id, f"{one.type}/write", attributes=attributes)


def _check_rights(world: World, by: Actor, evaluation: Evaluation) -> None:
    """A deployment is refused as a whole when its caller may not write one of its resources."""
    caller = by.caller
    if caller is None:
        return
    refused = [
        f"Authorization failed for template resource '{one.name}' of type '{one.type}'. The client"
        f" '{caller.client_id}' with object id '{caller.object_id}' does not have permission to perform"
        f" action '{one.type}/write' at scope '{one.id}'."
        for one in model.written(evaluation)
        if not _may_write(world, caller.object_id, one)
    ]
    if refused:
        text = " ".join(f"'{one}'" for one in refused)
        many = (
            "Deployment failed with multiple errors"
            if len(refused) > 1
            else "The template deployment failed with error"
        )
        raise CloudError(403, "InvalidTemplateDeployment", f"{many}: {text}.")


def _preflight(world: World, by: Actor, name: str, evaluation: Evaluation) -> None:
    """Ask the providers of resources that wait for nothing whether they would take them."""
    faults: list[CloudError] = []
    for one in model.written(evaluation):
        target = ids.parse(one.id)
        if target is None or one.depends_on or model.holds_unknown(one.body):
            continue
        if target.namespace.lower() in ("microsoft.authorization", "microsoft.resources"):
            continue
        try:
            writes.check(world, by, target, "PUT", dict(one.body), one.api_version, preflight=True)
        except CloudError as fault:
            if fault.code != "ParentResourceNotFound":
                faults.append(fault)
    if not faults:
        return
    details = [shapes.error_body(fault) for fault in faults]
    if any(fault.code == "RequestDisallowedByPolicy" for fault in faults):
        message = (
            f"The template deployment '{name}' failed because of policy violation. Please see details for"
            " more information."
        )
    else:
        message = (
            f"The template deployment '{name}' is not valid according to the validation procedure. The"
            f" tracking id is '{by.correlation_id}'. See inner errors for details."
        )
    raise CloudError(400, "InvalidTemplateDeployment", message, details=details)
