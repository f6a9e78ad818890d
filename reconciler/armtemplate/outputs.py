"""Outputs: conditions, loops, types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import types
from .errors import Problem
from .frame import has_broken, section
from .functions.signature import kind
from .interpreter import loop_values, walk
from .values import Unknown, find_key, get, unknowns

if TYPE_CHECKING:
    from .deployment import Deployment


@dataclass(frozen=True)
class Output:
    """One output: its type as the template spells it, its value, and whether it is a secret."""

    type: str
    value: Any
    secure: bool = False


def evaluate_outputs(deployment: Deployment) -> Mapping[str, Output]:
    """All outputs whose condition holds. Faults are noted in the run."""
    run = deployment.run
    result: dict[str, Output] = {}
    with run.at(deployment.source, deployment.path):
        declared = section(deployment.template, "outputs", run)
        held = find_key(deployment.template, "outputs") or "outputs"
        for name, raw in declared.items():
            with run.inside(held, name):
                if not isinstance(raw, dict):
                    run.fault(f"the output '{name}' must be an object")
                    continue
                try:
                    output = _one(deployment, name, raw)
                except Problem as problem:
                    if not problem.silent:
                        run.fault(problem.message)
                    continue
                if output is not None:
                    result[name] = output
    return result


def _one(deployment: Deployment, name: str, raw: Mapping[str, Any]) -> Output | None:
    run, env = deployment.run, deployment.env()
    condition = find_key(raw, "condition")
    if condition is not None:
        with run.inside(condition):
            wanted = walk(raw[condition], env.at("condition"))
            if isinstance(wanted, str) and wanted.lower() in ("true", "false"):
                wanted = wanted.lower() == "true"
            if isinstance(wanted, Unknown):
                run.fault(f"the condition must be known before the deployment, but it is {wanted.expression}")
            elif not isinstance(wanted, bool) and not has_broken(wanted):
                run.fault(f"the condition must be a boolean, but it is {kind(wanted)}")
            if wanted is not True:
                return None
    loop = get(raw, "copy")
    held = find_key(raw, "value")
    if isinstance(loop, Mapping):
        with run.inside("copy"):
            value = loop_values(loop, str(get(loop, "name") or name), env)
    elif held is None:
        run.fault(f"the output '{name}' has neither a value nor a copy loop")
        return None
    else:
        with run.inside(held):
            value = walk(raw[held], env, copying=False)
    if has_broken(value):
        return None
    definitions = deployment.frame.definitions
    try:
        full = types.resolve(raw, definitions)
    except ValueError as error:
        run.fault(f"the output '{name}': {error}")
        return None
    if not isinstance(get(full, "type"), str):
        run.fault(f"the output '{name}' has no type; types are {', '.join(types.TYPES)}")
        return None
    for path, message in types.check(value, raw, definitions):
        where = " at " + ".".join(map(str, path)) if path else ""
        run.fault(f"the output '{name}'{where} {message}")
    secure = types.is_secure(raw, definitions) or any(item.secure for item in unknowns(value))
    return Output(str(get(full, "type")), value, secure)
