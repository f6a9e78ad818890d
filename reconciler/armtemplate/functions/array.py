"""Array functions, and those that take strings, arrays and objects alike.

Source: ARM documentation, "Array functions for ARM templates".
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from ..errors import Problem
from ..values import MAX_NODES, RESIDUAL, Unknown, find_key, has_unknown
from .formatting import join
from .signature import Function, array, fold, kind, limited, mapping, number, same, shown, text, wrong


def _concat(*args: Any) -> Any:
    if isinstance(args[0], list):
        parts = [array("concat", item) for item in args]
        if sum(map(len, parts)) > MAX_NODES:
            raise Problem("the result of 'concat' has too many items")
        return list(chain.from_iterable(parts))
    for item in args:
        if isinstance(item, list | dict):
            raise Problem(
                "the function 'concat' joins either strings or arrays, but was given both or an object"
            )
    return limited("".join(map(shown, args)))


def _contains(container: Any, item: Any) -> Any:
    if isinstance(container, str):
        if isinstance(item, dict | list):
            raise wrong("contains", "a string to look for", item)
        return shown(item) in container
    if isinstance(container, list):
        if any(same(item, other) for other in container if not has_unknown(other)):
            return True
        return RESIDUAL if has_unknown(container) or has_unknown(item) else False
    if isinstance(container, dict):
        return find_key(container, shown(item)) is not None
    raise wrong("contains", "a string, an array or an object", container)


def _empty(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str | list | dict):
        return not value
    raise wrong("empty", "a string, an array or an object", value)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    if isinstance(value, list | dict):
        return len(value)
    raise wrong("length", "a string, an array or an object", value)


def _end(name: str, place: int) -> Function:
    def call(value: Any) -> Any:
        if isinstance(value, str):
            return value[place] if value else ""
        items = array(name, value)
        return items[place] if items else None

    return Function(name, call, 1, 1, shallow=True)


def _find(name: str, values: Any, item: Any) -> Any:
    if isinstance(values, str):
        source, wanted = fold(values), fold(text(name, item))
        return source.find(wanted) if name == "indexOf" else source.rfind(wanted)
    items = array(name, values)
    if has_unknown(items) or has_unknown(item):
        return RESIDUAL
    places = range(len(items)) if name == "indexOf" else range(len(items) - 1, -1, -1)
    return next((place for place in places if same(items[place], item)), -1)


def _take(value: Any, count: Any) -> Any:
    if not isinstance(value, str | list):
        raise wrong("take", "a string or an array", value)
    return value[: max(number("take", count), 0)]


def _skip(value: Any, count: Any) -> Any:
    if not isinstance(value, str | list):
        raise wrong("skip", "a string or an array", value)
    return value[max(number("skip", count), 0) :]


def _from_end(name: str, values: Any, index: Any) -> Any:
    items, place = array(name, values), number(name, index)
    if 1 <= place <= len(items):
        return items[-place]
    if name == "tryIndexFromEnd":
        return None
    raise Problem(
        f"the index {place} given to 'indexFromEnd' is out of range: the array has {len(items)} items"
    )


def _flatten(values: Any) -> Any:
    items = array("flatten", values)
    if any(isinstance(item, Unknown) for item in items):
        return RESIDUAL
    result = [inner for item in items for inner in array("flatten", item)]
    if len(result) > MAX_NODES:
        raise Problem("the result of 'flatten' has too many items")
    return result


def _distinct(items: list[Any]) -> list[Any]:
    """Without repetitions, in order. Scalars are compared by a set, so that long lists stay linear."""
    seen: set[tuple[type, Any]] = set()
    complex_seen: list[Any] = []
    result = []
    for item in items:
        if isinstance(item, dict | list):
            if any(same(item, other) for other in complex_seen):
                continue
            complex_seen.append(item)
        else:
            mark = (type(item), item)
            if mark in seen:
                continue
            seen.add(mark)
        result.append(item)
    return result


def _distinct_of(values: Any) -> list[Any]:
    return _distinct(array("distinct", values))


def merge(left: dict[str, Any], right: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Objects one over the other, deep; arrays and scalars of the later one win."""
    if depth > 128:
        raise Problem("the objects given to 'union' are nested too deep")
    result = dict(left)
    for key, item in right.items():
        held = find_key(result, key) or key
        before = result.get(held)
        both = isinstance(before, dict) and isinstance(item, dict)
        result[held] = merge(before, item, depth + 1) if both and before is not None else item
    return result


def _union(*args: Any) -> Any:
    if isinstance(args[0], dict):
        result = args[0]
        for item in args[1:]:
            result = merge(result, mapping("union", item))
        return result
    parts = [array("union", item) for item in args]
    if has_unknown(parts):
        return RESIDUAL
    return _distinct(list(chain.from_iterable(parts)))


def _intersection(*args: Any) -> Any:
    if has_unknown(list(args)):
        return RESIDUAL
    if isinstance(args[0], dict):
        result = args[0]
        for item in args[1:]:
            other = mapping("intersection", item)
            result = {
                key: value
                for key, value in result.items()
                if (held := find_key(other, key)) is not None and same(value, other[held])
            }
        return result
    kept = _distinct(array("intersection", args[0]))
    for values in args[1:]:
        others = array("intersection", values)
        kept = [item for item in kept if any(same(item, other) for other in others)]
    return kept


def _array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _create(*args: Any) -> list[Any]:
    for item in args:
        if kind(item) == "a lambda":
            raise wrong("createArray", "values", item)
    return list(args)


FUNCTIONS: Final = (
    Function("array", _array, 1, 1, shallow=True),
    Function("concat", _concat, 1, None, shallow=True),
    Function("distinct", _distinct_of, 1, 1),
    Function("contains", _contains, 2, 2, shallow=True),
    Function("createArray", _create, 0, None, shallow=True, builds=True),
    Function("empty", _empty, 1, 1, shallow=True),
    _end("first", 0),
    _end("last", -1),
    Function("flatten", _flatten, 1, 1, shallow=True),
    Function(
        "indexFromEnd", lambda values, index: _from_end("indexFromEnd", values, index), 2, 2, shallow=True
    ),
    Function(
        "tryIndexFromEnd",
        lambda values, index: _from_end("tryIndexFromEnd", values, index),
        2,
        2,
        shallow=True,
    ),
    Function("indexOf", lambda values, item: _find("indexOf", values, item), 2, 2, shallow=True),
    Function("lastIndexOf", lambda values, item: _find("lastIndexOf", values, item), 2, 2, shallow=True),
    Function("intersection", _intersection, 2, None, shallow=True),
    Function("join", join, 2, 2),
    Function("length", _length, 1, 1, shallow=True),
    Function("skip", _skip, 2, 2, shallow=True),
    Function("take", _take, 2, 2, shallow=True),
    Function("union", _union, 1, None, shallow=True),
)
