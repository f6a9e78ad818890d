"""The values an expression can have beyond JSON's own, and what is done with any value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import Problem

MAX_NODES: Final = 1_000_000
MAX_EXPRESSION: Final = 1_000_000
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A leaf that only Azure can answer.

    `expression` is closed and has no brackets: what is known is folded in. `references` are the ids of the
    resources it waits for, `parameters` the secure parameters it mentions.
    """

    expression: str
    secure: bool = False
    references: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyVaultReference:
    """A parameter whose value Azure reads from a vault when it deploys."""

    vault_id: str
    secret_name: str
    secret_version: str | None = None


@dataclass(frozen=True, slots=True)
class LambdaValue:
    """A lambda as an argument: `call` evaluates its body with the given values."""

    names: tuple[str, ...]
    call: Callable[..., Any]


class _Broken:
    """Stands for a value whose fault is reported already."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "BROKEN"


BROKEN: Final = _Broken()
RESIDUAL: Final = object()
"""Returned by a function that could not decide because of an unknown: its whole call becomes residual."""


def has_unknown(value: Any) -> bool:
    """Whether an Unknown (or a broken value) is anywhere inside."""
    stack = [value]
    left = MAX_NODES
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is dict:
            stack.extend(item.values())
        elif kind is list:
            stack.extend(item)
        elif kind is Unknown or kind is _Broken:
            return True
        left -= 1
        if left < 0:
            raise Problem("the value is too large: it holds more than a million items")
    return False


def unknowns(value: Any) -> list[Unknown]:
    """Every Unknown inside, in document order."""
    found: list[Unknown] = []
    stack = [value]
    left = MAX_NODES
    while stack:
        item = stack.pop()
        left -= 1
        if left < 0:
            raise Problem("the value is too large: it holds more than a million items")
        kind = type(item)
        if kind is Unknown:
            found.append(item)
        elif isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list | tuple):
            stack.extend(reversed(item))
    return found


def quote(text: str) -> str:
    """A string literal of the expression language."""
    return "'" + text.replace("'", "''") + "'"


def render(value: Any) -> str:
    """Expression text that yields the value. Raises Problem where it is longer than a million characters."""
    left = [MAX_EXPRESSION]
    return _render(value, left)


def _render(value: Any, left: list[int]) -> str:
    left[0] -= (
        len(value.expression) if type(value) is Unknown else len(value) if isinstance(value, str) else 8
    )
    if left[0] < 0:
        raise Problem("the expression that remains is longer than a million characters")
    if type(value) is Unknown:
        return value.expression
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null()"
    if value is True:
        return "true()"
    if value is False:
        return "false()"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"json({quote(json.dumps(value))})"
    if isinstance(value, LambdaValue):
        body = value.call(*(Unknown(f"lambdaVariables({quote(name)})") for name in value.names))
        return f"lambda({', '.join([*map(quote, value.names), _render(body, left)])})"
    if isinstance(value, Mapping):
        pairs = (f"{quote(key)}, {_render(item, left)}" for key, item in value.items())
        return f"createObject({', '.join(pairs)})"
    if isinstance(value, list | tuple):
        return f"createArray({', '.join(_render(item, left) for item in value)})"
    raise Problem("the value was refused earlier", silent=True)


def _lambda_bodies(args: Iterable[Any]) -> Iterable[Any]:
    for value in args:
        if isinstance(value, LambdaValue):
            yield value.call(*(Unknown(f"lambdaVariables({quote(name)})") for name in value.names))
        else:
            yield value


def residual(text: str, *sources: Any) -> Unknown:
    """An Unknown for `text`, which waits for all that its sources wait for."""
    if len(text) > MAX_EXPRESSION:
        raise Problem("the expression that remains is longer than a million characters")
    found = unknowns(list(_lambda_bodies(sources)))
    return Unknown(
        text,
        any(item.secure for item in found),
        tuple(dict.fromkeys(name for item in found for name in item.references)),
        tuple(dict.fromkeys(name for item in found for name in item.parameters)),
    )


def residual_call(name: str, args: Iterable[Any]) -> Unknown:
    """The call of a function that cannot be made yet."""
    values = list(args)
    return residual(f"{name}({', '.join(map(render, values))})", *values)


def residual_member(base: Unknown | Any, key: Any) -> Unknown:
    """The access to a property or element that is not known yet."""
    if isinstance(key, str) and _IDENTIFIER.match(key):
        return residual(f"{render(base)}.{key}", base)
    return residual(f"{render(base)}[{render(key)}]", base, key)


def find_key(mapping: Any, key: str) -> str | None:
    """The spelling under which an object holds a key. ARM compares names without regard to case.

    None also for what is no object, because a template may hold anything anywhere.
    """
    if type(mapping) is not dict and not isinstance(mapping, Mapping):
        return None
    if key in mapping:
        return key
    folded, length = key.lower(), len(key)
    for candidate in mapping:  # names of another length, the most of them, cost no folding
        if len(candidate) == length and candidate.lower() == folded:
            return str(candidate)
    return None


def get(mapping: Any, key: str, default: Any = None) -> Any:
    """`mapping.get` without regard to case; the default for what is no object."""
    found = find_key(mapping, key)
    return default if found is None else mapping[found]


def to_json(value: Any) -> Any:
    """The value as plain JSON; an Unknown is `{"$unknown": expression}`."""
    if type(value) is str:  # the most of all values
        return value
    if type(value) is dict:
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, Unknown):
        return {"$unknown": value.expression}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def to_template(value: Any) -> Any:
    """The value as template JSON: an Unknown is its expression in brackets, and text that would be read as
    an expression is escaped."""
    if isinstance(value, Unknown):
        return f"[{value.expression}]"
    if isinstance(value, str):
        return "[" + value if value.startswith("[") and value.endswith("]") else value
    if isinstance(value, Mapping):
        return {key: to_template(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_template(item) for item in value]
    return value
