"""Changes that a hand could make to a live body, each with the path under which it must be told."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from reconciler import paths
from reconciler.equality import empty
from reconciler.equality.lists import leaves, matched, reordered
from reconciler.equality.trees import holds
from reconciler.rules import Spot, TypeRules


@dataclass(frozen=True)
class Mutation:
    """What was done to the live body. `told`: the paths that must be reported, and nothing else.

    excuse: why a rule lets this pass without a baseline, "" where none does."""

    kind: str
    told: frozenset[str]
    excuse: str = ""


def mutations(desired: Any, live: Any, rules: TypeRules) -> Iterator[Mutation]:
    """Mutate `live` in place; each change is undone when the next one is asked for.

    Lists without identities that came back in another order are left alone: which index is told is a matter
    of taste there."""
    yield from _keys(desired, live, rules.root(), "")


def _keys(desired: dict[str, Any], live: dict[str, Any], spot: Spot, path: str) -> Iterator[Mutation]:
    index = {name.lower(): name for name in live}
    for name, sent in desired.items():
        at = name if name in live else index.get(name.lower())
        there, here = spot.key(name), paths.child(path, name)
        if at is None:
            continue
        if there.hidden():
            yield Mutation("left out", frozenset(), there.hidden())
            continue
        was = live.pop(at)
        yield Mutation(
            "tag removed" if spot.name == "tags" else "key removed",
            frozenset([here]),
            _gone(sent, was, there),
        )
        live[at] = was
        yield from _value(sent, live, at, there, here)


def _value(sent: Any, live: Any, at: Any, spot: Spot, path: str) -> Iterator[Mutation]:
    was = live[at]
    if isinstance(sent, dict) and isinstance(was, dict):
        yield from _keys(sent, was, spot, path)
    elif isinstance(sent, list) and isinstance(was, list):
        yield from _items(sent, was, spot, path)
    elif not isinstance(sent, dict | list) and not isinstance(was, dict | list):
        live[at] = moved(was)
        yield Mutation("value changed", frozenset([path]), "null" if sent is None else "")
        live[at] = was


def _items(sent: list[Any], live: list[Any], spot: Spot, path: str) -> Iterator[Mutation]:
    by = spot.kinds["keyed"].by if "keyed" in spot.kinds else ("name",)
    names, lives = [_identity(each, by) for each in sent], [_identity(each, by) for each in live]
    named = bool(names) and all(len(set(each)) == len(each) and all(each) for each in (names, lives))
    if not named and (len(sent) != len(live) or reordered(matched(leaves(sent), leaves(live)))):
        return
    added = _another(live, by if named else ())
    if added is not None:
        live.append(added)
        identity = (_identity(added, by) if named else "") or len(live) - 1
        excuse = "default" if holds("default", added, spot.item(identity)) else ""
        yield Mutation("item added", frozenset([paths.item(path, identity)]), excuse)
        live.pop()
    for index, each in enumerate(sent):
        if named and names[index] not in lives:
            continue
        at = lives.index(names[index]) if named else index
        here = paths.item(path, names[index] if named else index)
        there = spot.item(names[index] if named else index)
        if any(live.count(other) > 1 for other in [live[at]]):
            continue
        was = live.pop(at)
        yield Mutation("item removed", frozenset([here]), _gone(each, was, there))
        live.insert(at, was)
        for mutation in _value(each, live, at, there, here):
            renamed = {paths.child(here, part) for part in by} if named else set()
            if not renamed & mutation.told:
                yield mutation


def _identity(value: Any, by: tuple[str, ...]) -> str:
    if not isinstance(value, dict):
        return ""
    return ",".join(str(value[part]) for part in by if value.get(part))


def _another(live: list[Any], by: tuple[str, ...]) -> Any:
    if not live:
        return "by-hand"
    last = deepcopy(live[-1])
    if not isinstance(last, dict):
        return moved(last) if not isinstance(last, list) else None
    for name, value in last.items():
        if not isinstance(value, dict | list) and (not by or name in by):
            last[name] = moved(value)
    return last


def _gone(sent: Any, was: Any, spot: Spot) -> str:
    """The rule by which it is no change that this is gone."""
    if spot.hidden():
        return spot.hidden()
    for value in (sent, was):
        tells = ("exact" in spot.kinds and value == "") or (spot.name.startswith("/") and value == {})
        if empty(value) and not tells:
            return "empty"
    for kind in ("secret", "unreadable"):
        if kind in spot.kinds:
            return kind
    if holds("omitted", sent, spot):
        return "omitted"
    if isinstance(sent, dict) and isinstance(was, dict):
        excuses = [_gone(value, was.get(name, value), spot.key(name)) for name, value in sent.items()]
        return next((each for each in excuses if each), "") if all(excuses) else ""
    return ""


def moved(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value or ''}-by-hand"
