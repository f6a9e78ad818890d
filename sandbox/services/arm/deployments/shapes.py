"""Deployments as ARM answers them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from reconciler.armtemplate import Evaluation
from sandbox.service import CloudError
from sandbox.services.arm import ids, regions
from sandbox.services.arm.deployments.model import TYPE, written

_FAILED = (
    "At least one resource deployment operation failed. Please list deployment operations for details. "
    "Please see https://aka.ms/arm-deployment-operations for usage details."
)


def template_hash(template: Any) -> str:
    """Some number that follows from the template's content. Azure's own algorithm is not published."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    return str(zlib.crc32(text) << 32 | zlib.adler32(text))


def reference(resource_id: str) -> dict[str, str]:
    """``{id, resourceType, resourceName}``."""
    target = ids.parse(resource_id)
    if target is None:  # a resource group
        name = resource_id.rsplit("/", 1)[-1]
        return {"id": resource_id, "resourceType": "Microsoft.Resources/resourceGroups", "resourceName": name}
    return {"id": resource_id, "resourceType": target.type, "resourceName": target.full_name}


def parameters(values: Mapping[str, tuple[str, Any]], references: Mapping[str, Any]) -> dict[str, Any]:
    """With types spelt as ARM does; of secrets the type alone, of vault parameters the reference."""
    shown: dict[str, Any] = {}
    for name, (type_, value) in values.items():
        entry: dict[str, Any] = {"type": spelt(type_)}
        if name in references:
            entry["reference"] = references[name]
        elif not type_.lower().startswith("secure"):
            entry["value"] = value
        shown[camel(name)] = entry
    return shown


def outputs(evaluation: Evaluation) -> dict[str, Any]:
    return {
        camel(name): {"type": spelt(output.type), **({} if output.secure else {"value": output.value})}
        for name, output in evaluation.outputs.items()
    }


def camel(name: str) -> str:
    """ARM lowers the first capitals of a parameter's or output's name: NewNSG → newNSG, VMSS → vmss."""
    for index, letter in enumerate(name):
        last_of_run = 0 < index < len(name) - 1 and not name[index + 1].isupper()
        if not letter.isupper() or last_of_run:
            return name[:index].lower() + name[index:]
    return name.lower()


def spelt(type_: str) -> str:
    """``securestring`` → ``SecureString``."""
    lower = type_.lower()
    return (
        "Secure" + lower.removeprefix("secure").capitalize()
        if lower.startswith("secure")
        else lower.capitalize()
    )


def direct(evaluation: Evaluation) -> list[tuple[str, str, Any]]:
    """(id, type, location) of the template's own members; a nested deployment counts as one."""
    inner = {one.lower() for nested in evaluation.deployments for one in nested.resources}
    inner |= {
        deeper.id.lower()
        for nested in evaluation.deployments
        for deeper in evaluation.deployments
        if deeper is not nested and deeper.path.startswith(nested.path + ".")
    }
    own = [
        (one.id, one.type, one.body.get("location"))
        for one in written(evaluation)
        if one.id.lower() not in inner
    ]
    deployments = [(one.id, TYPE, None) for one in evaluation.deployments if one.id.lower() not in inner]
    return [*own, *deployments]


def providers(evaluation: Evaluation) -> list[dict[str, Any]]:
    found: dict[str, dict[str, list[Any]]] = {}
    for _, type_, location in direct(evaluation):
        namespace, name = type_.split("/", 1)
        places = found.setdefault(namespace, {}).setdefault(name, [])
        place = regions.normal(location) if isinstance(location, str) else None
        if place not in places:
            places.append(place)
    return [
        {
            "namespace": namespace,
            "resourceTypes": [{"resourceType": name, "locations": places} for name, places in types.items()],
        }
        for namespace, types in found.items()
    ]


def dependencies(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {"dependsOn": [reference(one) for one in needed], **reference(resource_id)}
        for resource_id, needed in (evaluation.dependencies or {}).items()
        if needed
    ]


def output_resources(evaluation: Evaluation) -> list[dict[str, str]]:
    return [{"id": one.id} for one in written(evaluation)]


def operation(
    deployment_id: str,
    resource_id: str,
    timestamp: str,
    duration: str,
    created: bool,
    fault: CloudError | None,
) -> dict[str, Any]:
    """One entry of a deployment's operations."""
    number = uuid5(NAMESPACE_OID, f"{deployment_id}/{resource_id}".lower()).hex[:16].upper()
    properties: dict[str, Any] = {
        "provisioningOperation": "Create",
        "provisioningState": "Failed" if fault else "Succeeded",
        "timestamp": timestamp,
        "duration": duration,
        "trackingId": str(uuid5(NAMESPACE_OID, f"{deployment_id}/{resource_id}/{timestamp}")),
        "serviceRequestId": str(uuid5(NAMESPACE_OID, f"{resource_id}/{timestamp}")),
        "statusCode": _status_name(fault.status) if fault else "Created" if created else "OK",
        "targetResource": reference(resource_id),
    }
    if fault:
        properties["statusMessage"] = {"status": "Failed", "error": error_body(fault)}
    return {"id": f"{deployment_id}/operations/{number}", "operationId": number, "properties": properties}


def outputs_operation(deployment_id: str, number: str, timestamp: str) -> dict[str, Any]:
    return {
        "id": f"{deployment_id}/operations/{number}",
        "operationId": number,
        "properties": {
            "provisioningOperation": "EvaluateDeploymentOutput",
            "provisioningState": "Succeeded",
            "timestamp": timestamp,
            "duration": "PT0.0707754S",
            "trackingId": str(uuid5(NAMESPACE_OID, f"{deployment_id}/{number}")),
            "statusCode": "OK",
            "statusMessage": None,
        },
    }


def error_body(fault: CloudError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": fault.code, "message": fault.message, **fault.extra}
    if fault.details:
        body["details"] = [dict(one) for one in fault.details]
    return body


def failure(deployment_id: str, faults: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The error of a failed deployment; ``faults`` by the id of the resource."""
    details = [{"target": resource_id, **fault} for resource_id, fault in faults.items()]
    return {"code": "DeploymentFailed", "target": deployment_id, "message": _FAILED, "details": details}


def _status_name(status: int) -> str:
    names = {
        400: "BadRequest",
        403: "Forbidden",
        404: "NotFound",
        409: "Conflict",
        500: "InternalServerError",
    }
    return names.get(status, str(status))
