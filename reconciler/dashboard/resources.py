"""The resources of an environment with the state of each, from the plan of the last tick. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.dashboard.words import STATES, SYSTEMS, WATCHED, Named, named

ORDER = {word: at for at, word in enumerate(STATES)}
RESULTS = {"failed": "failed", "pending": "pending", "skipped": "pending"}
"""The state that the result of an attempt gives."""


@dataclass(frozen=True)
class Shown:
    """One resource. at: its number, which its place on the page bears; needs: numbers of what it needs; why:
    what there is to say of its state."""

    at: int
    key: str
    named: Named
    state: str
    why: str = ""
    needs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kind:
    """All resources of one kind. states: how many are in which, the worst first."""

    system: str
    kind: str
    slug: str
    states: tuple[tuple[str, int], ...]
    count: int


def outcomes(document: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What became of the plan's changes, by key; none where the plan is a later one than the last tick's."""
    if str(last.get("time", "")) < str(document.get("time", "")):
        return {}
    return {each["key"]: each for each in last.get("outcomes") or ()}


def resources(document: Mapping[str, Any], last: Mapping[str, Any], drift: Iterable[str]) -> list[Shown]:
    """All that the plan knows of, in its order.

    document: as `lastplan.document` makes it; last: the last tick's line; drift: keys of what has drifted."""
    graph = document.get("graph") or {}
    keys, needs = list(graph.get("keys") or ()), list(graph.get("needs") or ())
    found = _states(document, last, drift)
    more = [
        key for key in dict.fromkeys((*found, *(document.get("unmanaged") or ()))) if key not in set(keys)
    ]
    return [
        Shown(
            at, key, named(key), *found.get(key, ("healthy", "")), tuple(needs[at]) if at < len(needs) else ()
        )
        for at, key in enumerate((*keys, *more))
    ]


def _states(
    document: Mapping[str, Any], last: Mapping[str, Any], drift: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """State and reason by key, of all that are not healthy: the worst that holds."""
    ended = outcomes(document, last)
    said: list[tuple[str, str, str]] = []
    for change in document["changes"]:
        result = ended.get(change["key"], {}).get("result", "")
        if not change.get("blocked") and result != "done" and change["action"] != "adopt":
            said.append((change["key"], "pending", f"{change['action']}: {change['cause']}"))
    said += [
        (key, RESULTS[each["result"]], str(each.get("error") or each["action"]))
        for key, each in ended.items()
        if each["result"] in RESULTS
    ]
    said += [
        (held["key"], "drifted" if held["code"] in WATCHED else "blocked", held["reason"])
        for held in document["blocked"]
    ]
    said += [(held["key"], "pending", held["reason"]) for held in document.get("waiting") or ()]
    said += [(each["key"], "not accepted", "") for each in document.get("notAccepted") or ()]
    said += [(key, "orphaned", "") for key in document.get("orphaned") or ()]
    said += [(key, "unmanaged", "") for key in document.get("unmanaged") or ()]
    said += [(key, "drifted", "") for key in drift]
    found: dict[str, tuple[str, str]] = {}
    for key, state, why in sorted(said, key=lambda each: ORDER[each[1]]):
        found.setdefault(key, (state, why))
    return found


def kinds(shown: Iterable[Shown]) -> list[Kind]:
    """What there is of each kind, by system."""
    of: dict[tuple[str, str, str], Counter[str]] = {}
    for each in shown:
        of.setdefault((each.named.system, each.named.kind, each.named.slug), Counter())[each.state] += 1
    systems = [*SYSTEMS.values(), "Other"]
    return [
        Kind(system, kind, slug, counted(states), states.total())
        for (system, kind, slug), states in sorted(
            of.items(), key=lambda it: (systems.index(it[0][0]), it[0])
        )
    ]


def by_state(shown: Shown) -> tuple[int, int]:
    """Sorts the worst first."""
    return ORDER[shown.state], shown.at


def by_kind(shown: Shown) -> tuple[str, str, int]:
    return shown.named.kind, shown.named.name, shown.at


def counted(states: Counter[str]) -> tuple[tuple[str, int], ...]:
    """How many are in which state, the worst first."""
    return tuple((state, states[state]) for state in STATES if states[state])
