"""The ARM template that we generate for the resources of a batch, and what became of its deployment. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.armtemplate import KeyVaultReference, to_template
from reconciler.errors import CloudError, ReconcilerError
from reconciler.providers.azure import error_of
from reconciler.resource import Key, Resource, Secret

MARK = "reconciler"
"""The tag that bears the name of the environment that a resource belongs to."""
RUN = "reconciler-run"
"""The tag of a deployment that names the call which made it."""

SCHEMAS: Mapping[bool, str] = {
    True: "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    False: "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
}

_PARAMETER = re.compile(r"parameters\('([^']+)'\)", re.IGNORECASE)

FINAL = ("Succeeded", "Failed", "Canceled")


class NotAttempted(ReconcilerError):
    """The deployment ended before it came to this resource."""

    code = "not-attempted"
    retry = True


class NeverArrived(ReconcilerError):
    """The call that was about to be made was not made, as far as Azure knows."""

    code = "never-arrived"
    retry = True


def _template_value(value: Any) -> Any:
    if isinstance(value, Secret):
        return f"[{value.expression}]"
    if isinstance(value, Mapping):
        return {name: _template_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_template_value(item) for item in value]
    return to_template(value)


def _parameters(value: Any) -> set[str]:
    """Names of the secure parameters that a spec mentions."""
    if isinstance(value, Mapping):
        return set().union(*map(_parameters, value.values())) if value else set()
    if isinstance(value, (list, tuple)):
        return set().union(*map(_parameters, value)) if value else set()
    expression = getattr(value, "expression", "")
    return set(_PARAMETER.findall(expression)) if expression else set()


def secure_names(batch: Iterable[Resource]) -> list[str]:
    """Names of the secure parameters whose values are sent with these resources."""
    return sorted(set().union(*(_parameters(resource.spec) for resource in batch)))


def _argument(value: Any) -> dict[str, Any]:
    """A parameter's value; what is in a vault is read by Azure itself
    (https://learn.microsoft.com/azure/azure-resource-manager/templates/key-vault-parameter)."""
    if not isinstance(value, KeyVaultReference):
        return {"value": value}
    version = {"secretVersion": value.secret_version} if value.secret_version else {}
    return {"reference": {"keyVault": {"id": value.vault_id}, "secretName": value.secret_name, **version}}


def with_carried(body: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The body with what a write has to carry along from live, since it would wipe it (`rules/`, carried)."""
    if not resource.carried:
        return body
    return {**body, "properties": {**resource.carried, **(body.get("properties") or {})}}


def body_of(resource: Resource, mark: str) -> dict[str, Any]:
    """One resource as it stands in the template, with our mark where it takes tags.

    A resource of the first level that has a location is a tracked one and takes tags
    (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-support)."""
    body = {name: _template_value(value) for name, value in resource.spec.items()}
    body = with_carried(body, resource)
    if mark and "location" in body and resource.type.count("/") == 1:
        tags = body.get("tags") or {}
        known = isinstance(tags, Mapping)
        ours = f"createObject('{MARK}', '{mark}')"
        body["tags"] = {**tags, MARK: mark} if known else f"[union({str(tags)[1:-1]}, {ours})]"
    return body


def generate(batch: Iterable[Resource], secure: Mapping[str, Any], mark: str, run: str) -> dict[str, Any]:
    """The body of a deployment that writes just these resources, in the order of their needs.

    secure: values of the secure parameters by name; only those that are mentioned are sent.
    What only Azure knows stays an expression, so that Azure evaluates it."""
    resources = tuple(batch)
    ids = {resource.key: str(resource.at["id"]) for resource in resources}
    written = []
    for resource in resources:
        at = resource.at
        head = {"type": at["type"], "apiVersion": at["apiVersion"], "name": at["name"]}
        if at.get("hangsOn"):
            head["scope"] = at["hangsOn"]
        body = body_of(resource, mark)
        needs = sorted(ids[need] for need in resource.needs if need in ids)
        written.append({**head, **body, **({"dependsOn": needs} if needs else {})})
    named = sorted({name.lower(): name for name in secure_names(resources)}.values())
    at = resources[0].at
    in_group = "/resourcegroups/" in str(at["scope"]).lower()
    values = {name.lower(): value for name, value in secure.items()}
    deployment: dict[str, Any] = {
        "properties": {
            "mode": "Incremental",
            "template": {
                "$schema": SCHEMAS[in_group],
                "contentVersion": "1.0.0.0",
                "parameters": {
                    name: {
                        "type": "secureObject"
                        if isinstance(values.get(name.lower()), dict)
                        else "secureString"
                    }
                    for name in named
                },
                "resources": written,
            },
            "parameters": {name: _argument(values[name.lower()]) for name in named},
        },
        "tags": {RUN: run},
    }
    if not in_group:
        deployment["location"] = at["location"]
    return deployment


def failures(
    keys: Mapping[str, Key], deployment: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]
) -> dict[Key, ReconcilerError]:
    """Who failed in a deployment that ended badly, and why.

    keys: by resource id. A resource without an operation was not attempted."""
    by_id = {id_.lower(): key for id_, key in keys.items()}
    result: dict[Key, ReconcilerError] = {}
    succeeded: set[Key] = set()
    for operation in operations:
        properties = operation.get("properties", {})
        target = (properties.get("targetResource") or {}).get("id", "").lower()
        key = by_id.get(target)
        if key is None:
            continue
        if properties.get("provisioningState") == "Succeeded":
            succeeded.add(key)
        elif properties.get("provisioningState") in ("Failed", "Canceled"):
            status = _status(properties.get("statusCode"))
            result[key] = error_of(status, _innermost(properties.get("statusMessage")), where=str(key))
    error = (deployment.get("properties") or {}).get("error") or {}
    first = next(iter(result), None)
    for key in by_id.values():
        if key in succeeded or key in result:
            continue
        if first is not None:
            result[key] = NotAttempted(f"not attempted, because {first} failed.", where=str(key))
        else:
            result[key] = error_of(409, _innermost({"error": error}), where=str(key))
    return result


_STATUS_NAMES = {"Conflict": 409, "Forbidden": 403, "BadRequest": 400, "NotFound": 404, "Unauthorized": 401}


def _status(code: Any) -> int:
    return _STATUS_NAMES.get(str(code), 0) or (int(code) if str(code).isdigit() else 400)


def _innermost(message: Any) -> Any:
    """Azure wraps errors in errors; the innermost one says what was wrong."""
    if not isinstance(message, dict):
        return {"error": {"code": "DeploymentFailed", "message": str(message)}}
    error = message.get("error", message)
    while isinstance(error, dict) and error.get("details"):
        error = error["details"][0]
    return {"error": error}


def is_final(deployment: Mapping[str, Any]) -> bool:
    return deployment["properties"]["provisioningState"] in FINAL


__all__ = [
    "MARK",
    "RUN",
    "CloudError",
    "NeverArrived",
    "NotAttempted",
    "body_of",
    "failures",
    "generate",
    "is_final",
    "secure_names",
]
