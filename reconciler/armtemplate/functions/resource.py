"""Functions that ask Azure: `reference`, `list*` and their kin.

Source: ARM documentation, "Resource functions for ARM templates".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..compiler import SCOPED
from ..env import Env
from ..errors import Problem
from ..ids import relative_id
from ..values import Unknown, quote, render, residual_call, unknowns
from .signature import Function, text

if TYPE_CHECKING:
    from ..unit import Unit


def _live_only(env: Env, name: str) -> None:
    outer = env.deployment is not None and env.deployment.base is not None
    if env.place == "name" and outer:
        # A nested template with outer scope is evaluated when its deployment starts, names included.
        return
    if env.place in ("default", "variable", "condition", "name", "function"):
        places = {
            "default": "the default value of a parameter",
            "variable": "a variable",
            "condition": "a condition",
            "name": "a name, type, scope or loop count",
            "function": "a user function",
        }
        raise Problem(
            f"the function '{name}' cannot be used in {places[env.place]}: it is known after the deployment"
        )


def _find(env: Env, name: str, identity: str) -> tuple[str, Unit | None]:
    """The id that is meant, and the resource of this template if it is one.

    Notes for the resource being evaluated that it comes after this one.
    """
    wanted, unit = _look_up(env, name, identity)
    if env.run.needs is not None:
        env.run.needs[id(unit) if unit is not None else wanted.lower()] = unit or wanted
    return wanted, unit


def _look_up(env: Env, name: str, identity: str) -> tuple[str, Unit | None]:
    unit = env.deployment.find(identity) if env.deployment is not None else None
    if unit is not None:
        return unit.id, unit
    if identity.startswith("/"):
        return identity, None
    relative = relative_id(env.frame.target.id, identity)
    if relative is not None:
        found = env.deployment.find(relative) if env.deployment is not None else None
        return relative, found
    raise Problem(f"the resource '{identity}' given to '{name}' is not defined in the template")


def _reference(env: Env, identity: Any, api: Any = None, full: Any = None) -> Any:
    _live_only(env, "reference")
    args = [item for item in (identity, api, full) if item is not None]
    if any(isinstance(item, Unknown) for item in args):
        return residual_call("reference", args)
    whole = full is not None and text("reference", full).lower() == "full"
    wanted, unit = _find(env, "reference", text("reference", identity))
    outcome = unit.outcome() if unit is not None and unit.is_deployment else None
    if outcome is not None:
        return outcome if whole else outcome["properties"]
    version = text("reference", api) if api is not None else unit.api_version if unit is not None else None
    answer = env.run.answer(wanted)
    if isinstance(answer, Mapping):
        return dict(answer) if whole else answer.get("properties", {})
    rest = [version] if version else []
    if whole:
        rest = [version or "", "Full"]
    return Unknown(f"reference({', '.join(map(quote, [wanted, *rest]))})", False, (wanted,))


def _references(env: Env, symbol: Any, full: Any = None) -> Any:
    _live_only(env, "references")
    name = text("references", symbol)
    units = env.deployment.loop(name) if env.deployment is not None else None
    if units is None:
        raise Problem(f"there is no resource loop with the symbolic name '{name}'")
    extra = () if full is None else (None, full)
    return [_reference(env, f"{name}[{place}]", *extra) for place in range(len(units))]


def _resource_info(env: Env, symbol: Any) -> Any:
    name = text("resourceInfo", symbol)
    unit = env.deployment.find(name) if env.deployment is not None else None
    if unit is None:
        raise Problem(f"there is no resource with the symbolic name '{name}'")
    return {
        "id": unit.id,
        "name": unit.name,
        "type": unit.type,
        "apiVersion": unit.api_version,
        "scope": unit.scope,
    }


def _list(env: Env, function: str, *args: Any) -> Any:
    _live_only(env, function)
    identity, api, body = (*args, None, None)[:3]
    if any(isinstance(item, Unknown) for item in args[:2]):
        return _secret(residual_call(function, args))
    wanted, unit = _find(env, function, text(function, identity))
    version = text(function, api) if api is not None else unit.api_version if unit is not None else ""
    if not unknowns(body):
        answer = env.run.lists(function, wanted, version, body)
        if answer is not None:
            return answer
    parts = [wanted, version, *args[2:3]]
    waits = [name for item in unknowns(body) for name in item.references]
    names = tuple(dict.fromkeys(name for item in unknowns(body) for name in item.parameters))
    return Unknown(
        f"{function}({', '.join(map(render, parts))})", True, tuple(dict.fromkeys([wanted, *waits])), names
    )


def _secret(value: Unknown) -> Unknown:
    return Unknown(value.expression, True, value.references, value.parameters)


def _live(name: str, least: int, most: int | None) -> Function:
    """A function whose answer depends on the subscription."""

    def call(env: Env, *args: Any) -> Any:
        return residual_call(name, args)

    return Function(name, call, least, most)


def _providers(env: Env, *args: Any) -> Any:
    return residual_call("providers", args)


SCOPED.update(
    {
        function.name.lower(): function
        for function in (
            Function("reference", _reference, 1, 3),
            Function("references", _references, 1, 2),
            Function("resourceInfo", _resource_info, 1, 1),
            Function("list", _list, 1, 3),
            Function("providers", _providers, 1, 2),
            _live("pickZones", 3, 5),
            _live("toLogicalZone", 3, 3),
            _live("toLogicalZones", 3, 3),
            _live("toPhysicalZone", 3, 3),
            _live("toPhysicalZones", 3, 3),
        )
    }
)
