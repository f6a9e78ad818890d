"""Which item of one list is which item of another: by identity where they have one, else by likeness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from reconciler.equality import moment, region, regional, seconds, squeezed
from reconciler.rules import Spot

Pairs = list[tuple[int | None, int | None]]
"""Index left, index right; None where there is no partner. Every index stands once."""

_CROWD: Final = 8
"""A value that more items share than this says nothing about which is which."""
_LEAVES: Final = 64


def identities(lists: Iterable[Sequence[Any]], spot: Spot) -> list[list[str]] | None:
    """The identity of each item of each list, in one case; None where any item has none or shares it."""
    form = region if regional(spot.name) else str.casefold
    found: list[list[str]] = []
    for items in lists:
        names = [identity(each, spot) for each in items]
        keys = [form(name) for name in names if name]
        if len(keys) < len(items) or len(set(keys)) < len(keys):
            return None
        found.append(keys)
    return found


def identity(value: Any, spot: Spot) -> str:
    """What an item of the list at `spot` is known by: its `name`, or the fields of a rule; "" = nothing."""
    if not isinstance(value, Mapping):
        return ""
    by = spot.kinds["keyed"].by if "keyed" in spot.kinds else ()
    if not by:
        name = value.get("name")
        return name if isinstance(name, str) else ""
    parts = [value.get(part) for part in by]
    return ",".join(str(part) for part in parts if part is not None)


def paired(left: Sequence[str], right: Sequence[str]) -> Pairs:
    """Pairs of equal identities; a child's may come back with its parents' before it (`account/pool`)."""
    at = {name: index for index, name in enumerate(right)}
    partner = {index: at.pop(name) for index, name in enumerate(left) if name in at}
    short = {name.rpartition("/")[2]: name for name in at if "/" in name}
    for index, name in enumerate(left):
        if index not in partner and short.get(name) in at:
            partner[index] = at.pop(short[name])
    pairs: Pairs = [(index, partner.get(index)) for index in range(len(left))]
    return pairs + [(None, index) for index in at.values()]


def aligned(left: Sequence[Any], right: Sequence[Any]) -> Pairs:
    """Pairs of the same index: of a list with itself, or with an empty one."""
    return list(zip_longest(range(len(left)), range(len(right))))


def leaves(items: Sequence[Any]) -> list[frozenset[Any]]:
    """By what each item is like another: its values with their paths."""
    return [frozenset(_leaves(each)) for each in items]


def matched(ours: Sequence[frozenset[Any]], theirs: Sequence[frozenset[Any]]) -> Pairs:
    """Pairs of like items, given by their `leaves`: an index of values proposes, the likest win. Linear.

    Items that are left over on both sides are paired in their order: the one was changed into the other."""
    where: dict[Any, list[int]] = defaultdict(list)
    for index, has in enumerate(theirs):
        for leaf in has:
            where[leaf].append(index)
    shift = len(theirs) - len(ours)
    proposals: list[tuple[float, int, int, int]] = []
    for index, has in enumerate(ours):
        candidates = {index, index + shift}
        for leaf in has:
            if len(where.get(leaf, ())) <= _CROWD:
                candidates.update(where.get(leaf, ()))
        for other in candidates:
            if 0 <= other < len(theirs):
                likeness = len(has & theirs[other]) / max(1, len(has))
                if likeness:
                    proposals.append((-likeness, abs(index - other), index, other))
    proposals.sort()
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, index, other in proposals:
        if index not in partner and other not in taken:
            partner[index] = other
            taken.add(other)
    _pair_the_rest(partner, taken, len(ours), len(theirs))
    pairs: Pairs = [(index, partner.get(index)) for index in range(len(ours))]
    return pairs + [(None, index) for index in range(len(theirs)) if index not in taken]


def _pair_the_rest(partner: dict[int, int], taken: set[int], left: int, right: int) -> None:
    ours = [index for index in range(left) if index not in partner]
    theirs = [index for index in range(right) if index not in taken]
    for index in sorted(set(ours) & set(theirs)):
        partner[index] = index
        taken.add(index)
    ours = [index for index in ours if index not in partner]
    theirs = [index for index in theirs if index not in taken]
    for index, other in zip(ours, theirs, strict=False):
        partner[index] = other
        taken.add(other)


def reordered(pairs: Pairs) -> bool:
    """Whether the pairs cross each other."""
    last = -1
    for _, right in pairs:
        if right is not None:
            if right < last:
                return True
            last = max(last, right)
    return False


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterable[Any]:
    stack = [(path, value)]
    count = 0
    while stack and count < _LEAVES:
        where, each = stack.pop()
        if isinstance(each, Mapping):
            stack.extend(((*where, name.casefold()), part) for name, part in each.items())
        elif isinstance(each, list):
            stack.extend(((*where, "[]"), part) for part in each)
        else:
            count += 1
            yield (where, _form(each))


def _form(value: Any) -> Any:
    """One form for values that are written differently and mean the same, as far as that is cheap."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return repr(value)
    if value[:1].isdigit() and (when := moment(value)):
        return when[0]
    if (span := seconds(value)) is not None:
        return span
    return squeezed(value).strip("/")
