"""The evaluation of a deployment's template against what is live."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from reconciler.armtemplate import Context, Evaluation, Resource, TemplateError, Unknown, evaluate
from sandbox.clock import parse_iso
from sandbox.service import CloudError, Request
from sandbox.services.arm import authorization, ids, records, registry, scopes
from sandbox.services.arm.actor import Actor
from sandbox.world import World

DEPLOYMENTS = "arm.deployments"
TYPE = "Microsoft.Resources/deployments"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True)
class Live:
    """Resources as ``reference()`` sees them: those that are hidden are not there yet."""

    world: World
    hidden: Collection[str] | None  # ids in lower case; None hides all

    def get(self, key: str, /) -> dict[str, Any] | None:
        if self.hidden is None or key.lower() in self.hidden:
            return None
        target = ids.parse(key)
        if target is None:
            group = self.world.store.get(records.GROUPS, key.lower())
            return records.public(group) if group else None
        if target.type.lower() == TYPE.lower():
            deployment = self.world.store.get(DEPLOYMENTS, key.lower())
            return records.public(deployment) if deployment else None
        document = scopes.find(self.world, target)
        if document is None:
            return None
        version = str(document.get("_api") or "2024-01-01")
        return records.shown(self.world, dict(document), registry.kind(target.type), version)


def evaluated(
    world: World, by: Actor, deployment: Mapping[str, Any], hidden: Collection[str] | None = frozenset()
) -> Evaluation:
    """Evaluate a deployment's template. What is ``hidden`` (ids in lower case; None = all) stays Unknown.

    Raises TemplateError.
    """
    kept = deployment["_run"]
    scope = kept["scope"]
    subscription, group = ids.subscription_of(scope), ids.group_of(scope)
    record = records.group(world, subscription or "", group) if group else None
    context = Context(
        subscription_id=subscription or "",
        subscription_name="Bike share",
        resource_group=record["name"] if record else "",
        location=record["location"] if record else None,
        tags=record.get("tags") or {} if record else {},
        tenant_id=world.tenant_id,
        tenant_country_code="NL",
        tenant_display_name="Bike share",
        deployment_name=deployment["name"],
        deployment_location=deployment.get("location"),
        mode=deployment["properties"]["mode"],
        scope="resourceGroup" if group else "subscription",
        references=Live(world, hidden),
        lists=_lister(world, by, hidden),
        utc_now=parse_iso(kept["started"]),
        new_guid=_guids(kept["started"], deployment["id"]),
        deployer={"objectId": by.caller.object_id, "tenantId": world.tenant_id} if by.caller else None,
    )
    return evaluate(kept["template"], {k: {"value": v} for k, v in kept["parameters"].items()}, context)


def parameter_values(world: World, by: Actor, deployment: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """``{name: (type, value)}`` of every parameter, defaults evaluated. Raises TemplateError."""
    template = deployment["_run"]["template"]
    declared = template.get("parameters") or {}
    values: dict[str, tuple[str, Any]] = {}
    names = list(declared)
    for start in range(0, len(names), 60):  # a template has at most 64 outputs
        outputs = {
            name: {
                **{k: v for k, v in declared[name].items() if k in ("type", "$ref", "items", "properties")},
                "value": f"[parameters('{name}')]",
            }
            for name in names[start : start + 60]
        }
        probe = {k: v for k, v in template.items() if k not in ("resources", "outputs", "variables")}
        run = {**deployment["_run"], "template": {**probe, "resources": [], "outputs": outputs}}
        for name, output in evaluated(world, by, {**deployment, "_run": run}).outputs.items():
            values[name] = (output.type, output.value)
    return values


def holds_unknown(value: Any) -> list[str]:
    """The ids of resources that a value still waits for (or its expressions, where they name none)."""
    if isinstance(value, Unknown):
        return list(value.references) or [value.expression]
    if isinstance(value, Mapping):
        return [one for item in value.values() for one in holds_unknown(item)]
    if isinstance(value, list | tuple):
        return [one for item in value for one in holds_unknown(item)]
    return []


def invalid_template(fault: TemplateError) -> CloudError:
    """400 InvalidTemplate, with the place of the first fault."""
    first = fault.faults[0]
    position = first.position
    info = {
        "lineNumber": position.line,
        "linePosition": position.column,
        "path": "properties.template" + first.path.removeprefix("$"),
    }
    return CloudError(
        400,
        "InvalidTemplate",
        f"Deployment template validation failed: '{'; '.join(one.message for one in fault.faults)}'.",
        extra={"additionalInfo": [{"type": "TemplateViolation", "info": info}]},
    )


def written(evaluation: Evaluation) -> list[Resource]:
    """The resources that a deployment writes."""
    return [resource for resource in evaluation.resources if not resource.existing]


def _lister(world: World, by: Actor, hidden: Collection[str] | None) -> Callable[[str, str, str, Any], Any]:
    def call(function: str, resource_id: str, api_version: str, body: Any) -> Any:
        target = ids.parse(resource_id)
        if target is None or hidden is None or resource_id.lower() in hidden:
            return None
        document = scopes.find(world, target)
        kind = registry.kind(target.type)
        action = next((one for name, one in kind.actions.items() if name.lower() == function.lower()), None)
        if document is None or action is None:
            return None
        authorization.require(
            world, by, f"{kind.type}/{action.permission or f'{function}/action'}", target.id
        )
        path = f"{target.id}/{function}"
        request = Request(
            "POST",
            "management.azure.com",
            path,
            {"api-version": api_version},
            {},
            json.dumps(body).encode() if body is not None else b"",
            {},
            by.caller,
            f"https://management.azure.com{path}?api-version={api_version}",
        )
        return action.handler(world, request, scopes.canonical(world, target), dict(document))[0].body

    return call


def _guids(started: str, deployment_id: str) -> Callable[[], str]:
    """``newGuid()``: the same values each time the template is evaluated for one run."""
    made = 0

    def one() -> str:
        nonlocal made
        made += 1
        return str(uuid5(NAMESPACE_OID, f"{deployment_id}/{started}/{made}".lower()))

    return one


def duration(start: datetime, end: datetime) -> str:
    """``PT3.6949753S``."""
    return f"PT{(end - start).total_seconds():.7f}".rstrip("0").rstrip(".") + "S"
