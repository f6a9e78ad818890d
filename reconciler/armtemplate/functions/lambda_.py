"""Lambda functions. Source: ARM documentation, "Lambda functions for ARM templates".

A lambda may name an index after its value (and after the second value of `reduce`).
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any, Final

from ..errors import Problem
from ..values import RESIDUAL, LambdaValue, Unknown, find_key
from .signature import Function, array, function, kind, mapping


def _apply(call: LambdaValue, values: tuple[Any, ...], index: int) -> Any:
    return call.call(*(*values, index)[: len(call.names)])


def _filter(values: Any, predicate: Any) -> Any:
    call = function("filter", predicate, 2)
    kept = []
    for index, item in enumerate(array("filter", values)):
        keep = _apply(call, (item,), index)
        if isinstance(keep, Unknown):
            return RESIDUAL
        if not isinstance(keep, bool):
            raise Problem(f"the lambda of 'filter' must give a boolean, but gave {kind(keep)}")
        if keep:
            kept.append(item)
    return kept


def _map(values: Any, change: Any) -> list[Any]:
    call = function("map", change, 2)
    return [_apply(call, (item,), index) for index, item in enumerate(array("map", values))]


def _map_values(value: Any, change: Any) -> dict[str, Any]:
    call = function("mapValues", change, 1)
    return {key: call.call(item) for key, item in mapping("mapValues", value).items()}


def _reduce(values: Any, start: Any, change: Any) -> Any:
    call = function("reduce", change, 3)
    result = start
    for index, item in enumerate(array("reduce", values)):
        result = _apply(call, (result, item), index)
    return result


def _sort(values: Any, before: Any) -> Any:
    call = function("sort", before, 2)
    undecided = False

    def compare(left: Any, right: Any) -> int:
        nonlocal undecided
        first = call.call(left, right)
        if isinstance(first, Unknown):
            undecided = True
            return 0
        if not isinstance(first, bool):
            raise Problem(f"the lambda of 'sort' must give a boolean, but gave {kind(first)}")
        return -1 if first else int(call.call(right, left) is True)

    result = sorted(array("sort", values), key=cmp_to_key(compare))
    return RESIDUAL if undecided else result


def _key(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Problem(f"the lambda of '{name}' must give a string as the key, but gave {kind(value)}")
    return str(value)


def _to_object(values: Any, key_of: Any, value_of: Any = None) -> Any:
    key_call = function("toObject", key_of, 2)
    value_call = None if value_of is None else function("toObject", value_of, 2)
    result: dict[str, Any] = {}
    for index, item in enumerate(array("toObject", values)):
        key = _apply(key_call, (item,), index)
        if isinstance(key, Unknown):
            return RESIDUAL
        name = _key("toObject", key)
        held = find_key(result, name)
        result[held or name] = item if value_call is None else _apply(value_call, (item,), index)
    return result


def _group_by(values: Any, key_of: Any, value_of: Any = None) -> Any:
    key_call = function("groupBy", key_of, 2)
    value_call = None if value_of is None else function("groupBy", value_of, 2)
    result: dict[str, Any] = {}
    for index, item in enumerate(array("groupBy", values)):
        key = _apply(key_call, (item,), index)
        if isinstance(key, Unknown):
            return RESIDUAL
        name = _key("groupBy", key)
        group = result.setdefault(find_key(result, name) or name, [])
        group.append(item if value_call is None else _apply(value_call, (item,), index))
    return result


FUNCTIONS: Final = (
    Function("filter", _filter, 2, 2, shallow=True),
    Function("map", _map, 2, 2, shallow=True),
    Function("mapValues", _map_values, 2, 2, shallow=True),
    Function("reduce", _reduce, 3, 3, shallow=True),
    Function("sort", _sort, 2, 2, shallow=True),
    Function("toObject", _to_object, 2, 3, shallow=True),
    Function("groupBy", _group_by, 2, 3, shallow=True),
)
