"""The same judgements for whole values: what need not come back, and whether two bodies mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.armtemplate import Unknown
from reconciler.equality import empty, lists, scalar
from reconciler.resource import Secret
from reconciler.rules import HASHED, Spot, is_mask, is_secure_string


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
        return "empty" if seen is ABSENT or empty(seen) or holds("default", seen, spot) else None
    gone = seen is ABSENT or empty(seen)
    if gone and empty(sent) and not (seen is ABSENT and _tells(sent, spot)):
        return "empty" if sent is not None else "null"
    if gone:
        return _unreturned(sent, spot)
    if isinstance(sent, Mapping | list) or isinstance(seen, Mapping | list):
        return None
    return scalar(sent, seen, spot)


def _tells(value: Any, spot: Spot) -> bool:
    """Whether an empty value says something by being there: a tag without text, an identity by its id."""
    return ("exact" in spot.kinds and value == "") or (spot.name.startswith("/") and value == {})


def _unreturned(sent: Any, spot: Spot) -> str | None:
    """The rule by which nothing that was sent need come back."""
    if hidden := spot.hidden():
        return hidden
    if isinstance(sent, Unknown):
        return "unknown"
    if isinstance(sent, Secret) or "secret" in spot.kinds or is_secure_string(sent):
        return "secret"
    if "unreadable" in spot.kinds:
        return "unreadable"
    if holds("omitted", sent, spot):
        return "omitted"
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
        there = other if one is ABSENT or one is None else one
        return there is ABSENT or (empty(there) and not _tells(there, spot))
    if isinstance(one, Mapping | list) or isinstance(other, Mapping | list):
        return False
    if is_hash(one) != is_hash(other):
        return True  # a hash cannot be held against a plain value
    if is_hash(one) or is_mask(one) or is_mask(other):
        return bool(one == other)
    return scalar(one, other, spot) not in (None, "connection")


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(HASHED)


def holds(kind: str, value: Any, spot: Spot) -> bool:
    """Whether the rule of this kind at the spot names this very value."""
    rule = spot.kinds.get(kind)
    if rule is None or rule.any_value:
        return False
    if rule.where:
        return isinstance(value, Mapping) and all(
            name in value and _is(value[name], wanted, spot.key(name)) for name, wanted in rule.where.items()
        )
    return same(value, rule.value, spot)


def _is(value: Any, wanted: Any, spot: Spot) -> bool:
    if isinstance(wanted, str) and "*" in wanted:
        return isinstance(value, str) and fnmatchcase(value.casefold(), wanted.casefold())
    return same(value, wanted, spot)


def pairing(spot: Spot, *sides: Sequence[Any]) -> tuple[bool, Callable[[int, int], lists.Pairs]]:
    """Whether all items of these lists at `spot` have identities, and what pairs one list with another."""
    names = lists.identities(sides, spot)
    known: dict[tuple[int, int], lists.Pairs] = {}
    leaves: dict[int, list[frozenset[Any]]] = {}

    def likeness(side: int) -> list[frozenset[Any]]:
        if side not in leaves:
            leaves[side] = lists.leaves(sides[side])
        return leaves[side]

    def pair(left: int, right: int) -> lists.Pairs:
        if (left, right) not in known:
            if sides[left] is sides[right] or not sides[left] or not sides[right]:
                known[left, right] = lists.aligned(sides[left], sides[right])
            elif names is not None:
                known[left, right] = lists.paired(names[left], names[right])
            else:
                known[left, right] = lists.matched(likeness(left), likeness(right))
        return known[left, right]

    return names is not None, pair
