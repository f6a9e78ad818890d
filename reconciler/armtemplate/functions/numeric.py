"""Numeric, logical and comparison functions. Source: ARM documentation, the pages of those names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..errors import Problem
from .signature import Function, boolean, integer, kind, number, order, same, text


def _div(left: Any, right: Any) -> int:
    dividend, divisor = number("div", left), number("div", right)
    if divisor == 0:
        raise Problem("the function 'div' cannot divide by zero")
    size = abs(dividend) // abs(divisor)
    return integer(size if (dividend < 0) == (divisor < 0) else -size)


def _mod(left: Any, right: Any) -> int:
    dividend, divisor = number("mod", left), number("mod", right)
    if divisor == 0:
        raise Problem("the function 'mod' cannot divide by zero")
    size = abs(dividend) % abs(divisor)
    return -size if dividend < 0 else size


def _int(value: Any) -> int:
    if isinstance(value, float):
        return integer(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    source = text("int", value).strip()
    try:
        if len(source) > 30:
            raise ValueError
        return integer(int(source))
    except ValueError as error:
        raise Problem(f"the function 'int' was given text that is not an integer: '{source[:40]}'") from error


def _float(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    source = text("float", value).strip()
    try:
        return float(source)
    except ValueError as error:
        raise Problem(f"the function 'float' was given text that is not a number: '{source[:40]}'") from error


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    known = {"true": True, "false": False, "1": True, "0": False}
    source = text("bool", value).strip().lower()
    if source not in known:
        raise Problem(f"the function 'bool' was given text that is neither true nor false: '{source[:40]}'")
    return known[source]


def _extreme(name: str, pick: Callable[[list[int]], int]) -> Callable[..., int]:
    def call(*args: Any) -> int:
        values = args[0] if len(args) == 1 and isinstance(args[0], list) else list(args)
        if not values:
            raise Problem(f"the function '{name}' takes at least one integer")
        return pick([number(name, value) for value in values])

    return call


def _compare(name: str, test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def call(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return test(order(left), order(right))
        for value in (left, right):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Problem(
                    f"the function '{name}' compares two integers or two strings, but was given {kind(value)}"
                )
        return test(left, right)

    return call


def _arithmetic(name: str, compute: Callable[[int, int], int]) -> Function:
    return Function(name, lambda left, right: integer(compute(number(name, left), number(name, right))), 2, 2)


def _range(start: Any, count: Any) -> list[int]:
    first, many = number("range", start), number("range", count)
    if not 0 <= many <= 10_000:
        raise Problem(f"the count given to 'range' must be from 0 to 10000, not {many}")
    if abs(first + many) > 2_147_483_647:
        raise Problem("the sum of the numbers given to 'range' must not exceed 2147483647")
    return list(range(first, first + many))


def _xor(left: Any, right: Any) -> bool:
    return boolean("xor", left) != boolean("xor", right)


FUNCTIONS: Final = (
    _arithmetic("add", lambda left, right: left + right),
    _arithmetic("sub", lambda left, right: left - right),
    _arithmetic("mul", lambda left, right: left * right),
    Function("div", _div, 2, 2),
    Function("mod", _mod, 2, 2),
    Function("int", _int, 1, 1),
    Function("float", _float, 1, 1),
    Function("bool", _bool, 1, 1),
    Function("min", _extreme("min", min), 1, None),
    Function("max", _extreme("max", max), 1, None),
    Function("range", _range, 2, 2),
    Function("equals", same, 2, 2),
    Function("less", _compare("less", lambda left, right: left < right), 2, 2),
    Function("lessOrEquals", _compare("lessOrEquals", lambda left, right: left <= right), 2, 2),
    Function("greater", _compare("greater", lambda left, right: left > right), 2, 2),
    Function("greaterOrEquals", _compare("greaterOrEquals", lambda left, right: left >= right), 2, 2),
    Function("not", lambda value: not boolean("not", value), 1, 1),
    Function("xor", _xor, 2, 2),
    Function("true", lambda: True, 0, 0),
    Function("false", lambda: False, 0, 0),
    Function("null", lambda: None, 0, 0),
)
