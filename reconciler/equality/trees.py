"""The same judgements for whole values: what need not come back, and whether two bodies mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from reconciler.armtemplate.values import Unknown
from reconciler.equality import empty, lists, scalar
from reconciler.resource import Secret
from reconciler.rules import HASHED, Spot


class _Absent:
    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Stands where a side has no value; null is a value."""


def judged(sent: Any, seen: Any, spot: Spot) -> str | None:
    """The rule under which what was sent counts as what is seen: "" if identical, None if it differs."""
    if sent is None and seen is not ABSENT:
        return "" if seen is None else "null"
    if sent is ABSENT:
        return "empty" if seen is ABSENT or empty(seen) or is_default(seen, spot) else None
    gone = seen is ABSENT or empty(seen)
    if gone and empty(sent) and not ("exact" in spot.kinds and sent == "" and seen is ABSENT):
        return "empty" if sent is not None else "null"
    if gone:
        return _unreturned(sent, spot)
    if isinstance(sent, Mapping | list) or isinstance(seen, Mapping | list):
        return "default" if is_default(sent, spot) and is_default(seen, spot) else None
    return scalar(sent, seen, spot)


def _unreturned(sent: Any, spot: Spot) -> str | None:
    """The rule by which nothing that was sent need come back."""
    if hidden := spot.hidden():
        return hidden
    if isinstance(sent, Unknown):
        return "unknown"
    if isinstance(sent, Secret) or "secret" in spot.kinds:
        return "secret"
    if "unreadable" in spot.kinds:
        return "unreadable"
    if is_default(sent, spot):
        return "default"
    if isinstance(sent, Mapping) and sent:
        found = {None if rule is None else rule for rule in _each_unreturned(sent, spot)}
        return None if None in found else next((rule for rule in found if rule and rule != "empty"), "empty")
    return None


def _each_unreturned(sent: Mapping[str, Any], spot: Spot) -> list[str | None]:
    return [
        "empty" if empty(value) and not name.startswith("/") else _unreturned(value, spot.key(name))
        for name, value in sent.items()
    ]


def same(one: Any, other: Any, spot: Spot) -> bool:
    """Whether two bodies of one kind mean the same: both read, or both sent."""
    if spot.hidden():
        return True
    if isinstance(one, Secret) or isinstance(other, Secret):
        return isinstance(one, Secret) and isinstance(other, Secret) and one.fingerprint == other.fingerprint
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        left = {name.lower(): value for name, value in one.items()}
        right = {name.lower(): value for name, value in other.items()}
        return all(
            same(left.get(name, ABSENT), right.get(name, ABSENT), spot.key(name))
            for name in left.keys() | right
        )
    if isinstance(one, list) and isinstance(other, list):
        pairs = pairing(spot, one, other)[1](0, 1)
        if "ordered" in spot.kinds and lists.reordered(pairs):
            return False
        return all(
            mine is not None and theirs is not None and same(one[mine], other[theirs], spot.item(mine))
            for mine, theirs in pairs
        )
    if one is ABSENT or other is ABSENT or one is None or other is None:
        return (one is ABSENT or empty(one)) and (other is ABSENT or empty(other))
    if isinstance(one, Mapping | list) or isinstance(other, Mapping | list):
        return False
    if is_hash(one) != is_hash(other):
        return True  # a hash cannot be held against a plain value
    return one == other if is_hash(one) else scalar(one, other, spot) is not None


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(HASHED)


def is_default(value: Any, spot: Spot) -> bool:
    rule = spot.kinds.get("default")
    if rule is None or rule.any_value:
        return rule is not None
    if rule.where:
        return isinstance(value, Mapping) and all(
            name in value and same(value[name], wanted, spot.key(name)) for name, wanted in rule.where.items()
        )
    return same(value, rule.value, spot)


def pairing(spot: Spot, *sides: Sequence[Any]) -> tuple[bool, Callable[[int, int], lists.Pairs]]:
    """Whether all items of these lists at `spot` have identities, and what pairs one list with another."""
    names = lists.identities(sides, spot)

    def pair(left: int, right: int) -> lists.Pairs:
        if names is not None:
            return lists.paired(names[left], names[right])
        return lists.matched(sides[left], sides[right])

    return names is not None, pair
