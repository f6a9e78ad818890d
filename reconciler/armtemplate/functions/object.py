"""Object functions. Source: ARM documentation, "Object functions for ARM templates"."""

from __future__ import annotations

from typing import Any, Final

from ..errors import Problem
from ..values import RESIDUAL, Unknown, find_key
from .signature import Function, array, kind, mapping, order, text


def _create(*args: Any) -> Any:
    if len(args) % 2:
        raise Problem("the function 'createObject' takes pairs of a key and a value; one value is missing")
    result: dict[str, Any] = {}
    for key, value in zip(args[::2], args[1::2], strict=True):
        if isinstance(key, Unknown):
            return RESIDUAL
        name = text("createObject", key)
        result[find_key(result, name) or name] = value
    return result


def _items(value: Any) -> list[dict[str, Any]]:
    source = mapping("items", value)
    return [{"key": key, "value": source[key]} for key in sorted(source, key=order)]


def _keys(value: Any) -> list[str]:
    return sorted(mapping("objectKeys", value), key=order)


def _shallow_merge(values: Any) -> Any:
    result: dict[str, Any] = {}
    for item in array("shallowMerge", values):
        if isinstance(item, Unknown):
            return RESIDUAL
        for key, value in mapping("shallowMerge", item).items():
            result[find_key(result, key) or key] = value
    return result


def _try_get(value: Any, *keys: Any) -> Any:
    """The value under the keys one after the other; null where one is missing."""
    for key in keys:
        if isinstance(value, Unknown) or isinstance(key, Unknown):
            return RESIDUAL
        if isinstance(value, dict) and isinstance(key, str):
            held = find_key(value, key)
            value = None if held is None else value[held]
        elif isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
            value = value[key] if 0 <= key < len(value) else None
        elif not isinstance(value, dict | list):
            return None
        else:
            raise Problem(f"the function 'tryGet' cannot look up {kind(key)} in {kind(value)}")
        if value is None:
            return None
    return value


FUNCTIONS: Final = (
    Function("createObject", _create, 0, None, shallow=True, builds=True),
    Function("items", _items, 1, 1, shallow=True),
    Function("objectKeys", _keys, 1, 1, shallow=True),
    Function("shallowMerge", _shallow_merge, 1, 1, shallow=True),
    Function("tryGet", _try_get, 2, None, shallow=True),
)
