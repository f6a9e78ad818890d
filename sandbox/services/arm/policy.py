"""Azure Policy, as far as a denied write goes: assignments at or above the resource, effect ``deny``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from sandbox.service import CloudError
from sandbox.services.arm import ids, records
from sandbox.services.arm.ids import ResourceId
from sandbox.world import World

ASSIGNMENTS = "Microsoft.Authorization/policyAssignments"


def check(world: World, target: ResourceId, body: Mapping[str, Any]) -> None:
    """Raises CloudError 403 RequestDisallowedByPolicy."""
    for scope in ids.ancestors(target.scope):
        prefix = f"{scope}/providers/{ASSIGNMENTS}/".lower()
        for _, assignment in world.store.items(records.RESOURCES, prefix):
            definition = records.get(world, assignment["properties"].get("policyDefinitionId", ""))
            if definition is None or assignment["properties"].get("enforcementMode") == "DoNotEnforce":
                continue
            rule = definition["properties"].get("policyRule", {})
            parameters = _parameters(definition, assignment)
            effect = _value(rule.get("then", {}).get("effect", ""), parameters)
            if str(effect).lower() == "deny" and _holds(rule.get("if", {}), target, body, parameters):
                raise _denied(target, assignment, definition)


def _parameters(definition: dict[str, Any], assignment: dict[str, Any]) -> dict[str, Any]:
    declared = definition["properties"].get("parameters") or {}
    given = assignment["properties"].get("parameters") or {}
    return {
        name: given[name]["value"] if name in given else spec.get("defaultValue")
        for name, spec in declared.items()
    }


def _value(text: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(text, str) and text.startswith("[parameters('") and text.endswith("')]"):
        return parameters.get(text[len("[parameters('") : -len("')]")])
    return text


def _holds(
    condition: Mapping[str, Any], target: ResourceId, body: Mapping[str, Any], parameters: Mapping[str, Any]
) -> bool:
    if "allOf" in condition:
        return all(_holds(one, target, body, parameters) for one in condition["allOf"])
    if "anyOf" in condition:
        return any(_holds(one, target, body, parameters) for one in condition["anyOf"])
    if "not" in condition:
        return not _holds(condition["not"], target, body, parameters)
    field = _field(str(_value(condition.get("field", ""), parameters)), target, body)
    return any(
        test(field, _value(condition[name], parameters)) for name, test in _TESTS.items() if name in condition
    )


def _field(path: str, target: ResourceId, body: Mapping[str, Any]) -> Any:
    lower = path.lower()
    if lower == "type":
        return target.type
    if lower in ("name", "fullname"):
        return target.name
    if lower == "location":
        return str(body.get("location", "")).replace(" ", "").lower()
    if lower == "tags":
        return body.get("tags")
    if lower.startswith("tags["):
        return (body.get("tags") or {}).get(path[5:-1].strip("'\""))
    if lower.startswith("tags."):
        return (body.get("tags") or {}).get(path[5:])
    if lower.startswith(target.type.lower() + "/"):
        path = "properties." + path[len(target.type) + 1 :]
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _same(left: Any, right: Any) -> bool:
    return str(left).lower() == str(right).lower() if left is not None else right is None


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _same,
    "notEquals": lambda field, value: not _same(field, value),
    "in": lambda field, values: any(_same(field, value) for value in values),
    "notIn": lambda field, values: not any(_same(field, value) for value in values),
    "like": lambda field, value: fnmatchcase(str(field or "").lower(), str(value).lower()),
    "notLike": lambda field, value: not fnmatchcase(str(field or "").lower(), str(value).lower()),
    "exists": lambda field, value: (field is not None) == (str(value).lower() == "true"),
}


def _denied(target: ResourceId, assignment: dict[str, Any], definition: dict[str, Any]) -> CloudError:
    shown = {
        "policyAssignment": {
            "name": assignment["properties"].get("displayName") or assignment["name"],
            "id": assignment["id"],
        },
        "policyDefinition": {
            "name": definition["properties"].get("displayName") or definition["name"],
            "id": definition["id"],
        },
    }
    info = {
        "policyDefinitionId": definition["id"],
        "policyDefinitionName": definition["name"],
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": assignment["id"],
        "policyAssignmentName": assignment["name"],
        "policyAssignmentScope": assignment["properties"].get("scope", ""),
    }
    return CloudError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{target.name}' was disallowed by policy. Policy identifiers: "
        f"'{json.dumps([shown], separators=(',', ':'))}'.",
        extra={"target": target.name, "additionalInfo": [{"type": "PolicyViolation", "info": info}]},
    )
