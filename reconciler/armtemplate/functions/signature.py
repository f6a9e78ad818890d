"""How a function is declared, and the checks of its arguments."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import Problem
from ..values import MAX_NODES, LambdaValue

MAX_TEXT: Final = 4 * 1024 * 1024
INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Function:
    """A pure function: takes evaluated values, returns one, raises Problem.

    `most` None means any number. `shallow` says that an unknown inside an array or object does not matter,
    `builds` that an argument may itself be unknown, because it is only put into an array or object.
    """

    name: str
    call: Callable[..., Any]
    least: int
    most: int | None
    shallow: bool = False
    builds: bool = False


def kind(value: Any) -> str:
    """The ARM name of a value's type, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, LambdaValue):
        return "a lambda"
    return "an array"


def wrong(function: str, wanted: str, value: Any) -> Problem:
    return Problem(f"the function '{function}' takes {wanted}, but was given {kind(value)}")


def text(function: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(function, "a string", value)
    return value


def number(function: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(function, "an integer", value)
    return value


def boolean(function: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(function, "a boolean", value)
    return value


def array(function: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise wrong(function, "an array", value)
    return value


def mapping(function: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(function, "an object", value)
    return value


def function(name: str, value: Any, most: int) -> LambdaValue:
    """A lambda with at most `most` names (the last of which is the optional index)."""
    if not isinstance(value, LambdaValue):
        raise wrong(name, "a lambda", value)
    if not 1 <= len(value.names) <= most:
        raise Problem(f"the lambda of '{name}' takes 1 to {most} names, but has {len(value.names)}")
    return value


def integer(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise Problem("the result does not fit into 64 bits")
    return value


def limited(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise Problem("the result is longer than 4 MB")
    return value


def compact(value: Any) -> str:
    """JSON without blanks, as `string()` gives it."""
    pieces = 0
    stack = [value]
    while stack:
        item = stack.pop()
        pieces += 1
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        if pieces > MAX_NODES:
            raise Problem("the value is too large to be made a string")
    return limited(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def shown(value: Any) -> str:
    """A scalar as `concat`, `join` and `string` write it; objects and arrays as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        return plain_float(value)
    if isinstance(value, int):
        return str(value)
    return compact(value)


def plain_float(value: float) -> str:
    """A number as .NET writes it with the invariant culture."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value).replace("e", "E")


def fold(value: str) -> str:
    """Upper case that keeps the length, as an ordinal comparison without regard to case uses it."""
    upper = value.upper()
    if len(upper) == len(value):
        return upper
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in value)


def order(value: str) -> tuple[str, str]:
    """A sort key close to .NET's invariant culture: letters first without case, then small before capital."""
    return value.casefold(), value.swapcase()


def same(left: Any, right: Any) -> bool:
    """Deep equality of JSON values: types matter, the order of an object's keys does not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(key in right and same(item, right[key]) for key, item in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(right, dict | list):
        return False
    return bool(left == right)
