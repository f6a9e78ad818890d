"""A template, its parameters and its context to resources and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .context import Context
from .deployment import Deployment
from .errors import Fault, Position, Problem, TemplateError
from .frame import Frame
from .functions import resource as _resource  # noqa: F401  registers its functions
from .functions import scope as _scope  # noqa: F401  registers its functions
from .ids import RESOURCE_GROUP
from .limits import check_limits
from .order import Order
from .outputs import Output
from .parameters import one_value
from .reader import Template, parse, path_text
from .run import Run
from .unit import Unit
from .values import KeyVaultReference, Unknown, get


@dataclass(frozen=True)
class Resource:
    """One resource after evaluation.

    `id` is `scope` + "/providers/" + type and name interleaved. `scope` is what it is deployed at (for an
    extension, the id of the resource it extends); `deployment_scope` what its own, maybe nested, deployment
    targets. `body` holds the other fields and may contain Unknown; do not change it, parts of it are shared.
    `depends_on` are ids of this evaluation. `existing` marks a resource that is only read.
    """

    id: str
    type: str
    api_version: str
    name: str
    scope: str
    deployment_scope: str
    body: Mapping[str, Any]
    depends_on: tuple[str, ...]
    existing: bool
    origin: Position


@dataclass(frozen=True)
class NestedDeployment:
    """A nested or linked deployment that was replaced by the resources it holds."""

    id: str
    name: str
    scope: str
    path: str
    outputs: Mapping[str, Output]
    resources: tuple[str, ...]
    depends_on: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """What a template makes.

    `dependencies` is the order as Azure reports it for a deployment: for each direct member of the template
    that waits for others, their ids, nested deployments as such. `secrets` are the vault references behind
    `parameters('name')` in Unknowns.
    """

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Output]
    warnings: tuple[Fault, ...] = ()
    deployments: tuple[NestedDeployment, ...] = ()
    dependencies: Mapping[str, tuple[str, ...]] | None = None
    secrets: Mapping[str, KeyVaultReference] | None = None


def evaluate(
    template: Template | Mapping[str, Any] | str,
    parameters: Mapping[str, Any] | None = None,
    context: Context | None = None,
) -> Evaluation:
    """Evaluate a template offline.

    `parameters` are values by name; `{"value": …}` and Key Vault references are taken too. Raises
    TemplateError with every fault of the template and its parameters.
    """
    context = context or Context()
    source = _source(template)
    run = Run(context, source)
    root = source.root
    if not isinstance(root, dict):
        raise TemplateError((Fault("a template must be an object", source.position(())),))
    given = {name: one_value(value) for name, value in (parameters or {}).items()}
    try:
        deployment = _deployment(run, root, source, given)
        deployment.evaluate()
        outputs = deployment.outputs()
        if run.faults:
            raise TemplateError(tuple(run.faults))
        return _result(run, deployment, outputs)
    except RecursionError:
        raise TemplateError(
            (*run.faults, Fault("the template is nested too deep", source.position(())))
        ) from None
    except Problem as problem:
        # Only the budget can end up here: what belongs to one expression is noted at its place.
        run.fault(problem.message)
        raise TemplateError(tuple(run.faults)) from None


def _source(template: Template | Mapping[str, Any] | str) -> Template:
    if isinstance(template, Template):
        return template
    if isinstance(template, str):
        return parse(template, "template.json")
    return Template(template)


def _deployment(run: Run, root: dict[str, Any], source: Template, given: Mapping[str, Any]) -> Deployment:
    context = run.context
    check_limits(run, root, source)
    target = context.target(get(root, "$schema"))
    properties: dict[str, Any] = {
        "template": root,
        "parameters": {name: {"value": value} for name, value in given.items()},
        "mode": context.mode,
        "provisioningState": "Accepted",
    }
    if context.template_uri is not None:
        properties["templateLink"] = {"uri": context.template_uri}
    info: dict[str, Any] = {"name": context.deployment_name, "properties": properties}
    if context.deployment_location is not None:
        info["location"] = context.deployment_location
    elif target.kind != RESOURCE_GROUP:
        info["location"] = Unknown("deployment().location")
    frame = Frame(run, root, source, (), target, given, info)
    frame.settle()
    deployment = Deployment(run, frame, root, source, (), target, None)
    deployment.declare()
    return deployment


def _result(run: Run, deployment: Deployment, outputs: Mapping[str, Output]) -> Evaluation:
    order = Order()
    units = list(deployment.walk_units())
    _refuse_cycles(run, order, units)
    resources = tuple(
        Resource(
            unit.id,
            unit.type,
            unit.api_version,
            unit.name,
            unit.scope,
            unit.home.target.id,
            unit.body,
            tuple(other.id for other in order.needs(unit)),
            unit.existing,
            unit.home.source.position(unit.path),
        )
        for unit in units
    )
    nested = tuple(_nested(unit, order) for unit in _nested_units(deployment))
    return Evaluation(
        resources, outputs, tuple(run.warnings), nested, order.direct(deployment), dict(run.secrets)
    )


def _refuse_cycles(run: Run, order: Order, units: list[Unit]) -> None:
    cycle = order.cycle(units)
    if cycle:
        source = cycle[0].home.source
        names = " -> ".join(unit.id.rpartition("/providers/")[2] for unit in cycle)
        fault = Fault(
            f"the resources depend on each other in a circle: {names}", source.position(cycle[0].path)
        )
        raise TemplateError((fault,))


def _nested_units(deployment: Deployment) -> list[Unit]:
    found = []
    for unit in deployment.units:
        if unit.active and unit.nested is not None:
            found += [unit, *_nested_units(unit.nested)]
    return found


def _nested(unit: Unit, order: Order) -> NestedDeployment:
    assert unit.nested is not None
    return NestedDeployment(
        unit.id,
        unit.name,
        unit.nested.target.id,
        path_text(unit.path),
        unit.nested.outputs(),
        tuple(inner.id for inner in unit.nested.walk_units()),
        tuple(other.id for other in order.needs(unit)),
    )
