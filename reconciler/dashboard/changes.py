"""The plan as the page shows it: changes by system and cause, their fields side by side. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler import render
from reconciler.dashboard.words import CAUSES, PLAIN, SIGNS, SYSTEMS, WATCHED, Named, named

OPEN = 40
"""Changes that are shown with their fields unfolded; of a longer plan one unfolds what one looks for."""
LISTED = 500
"""Changes and other resources of a list that are shown at all."""
SIDES = ("recorded", "desired", "live")


@dataclass(frozen=True)
class Shown:
    """One change. at: the number of its resource; state and error: what became of it."""

    at: int | None
    key: str
    named: Named
    sign: str
    action: str
    reason: str
    blocked: str
    state: str
    error: str
    fields: tuple[Mapping[str, Any], ...]
    resets: tuple[Mapping[str, Any], ...]
    more: int
    open: bool


@dataclass(frozen=True)
class Group:
    """The changes of one system with one cause."""

    system: str
    cause: str
    said: str
    changes: tuple[Shown, ...]


def groups(
    document: Mapping[str, Any], ended: Mapping[str, Mapping[str, Any]], at: Mapping[str, int]
) -> tuple[list[Group], int]:
    """The changes in groups, and how many are left out. at: numbers of resources by key."""
    of: dict[tuple[str, str], list[Shown]] = {}
    why = {held["key"]: held["reason"] for held in document["blocked"]}
    every = document["changes"]
    for place, change in enumerate(every[:LISTED]):
        found = _change(change, ended.get(change["key"], {}), why, at, unfolded=place < OPEN)
        of.setdefault((found.named.system, change["cause"]), []).append(found)
    order = [(system, cause) for system in (*SYSTEMS.values(), "Other") for cause in CAUSES]
    told = [Group(*each, CAUSES[each[1]], tuple(of[each])) for each in order if each in of]
    return told, max(0, len(every) - LISTED)


def held(document: Mapping[str, Any], part: str, at: Mapping[str, int]) -> tuple[list[dict[str, Any]], int]:
    """What is blocked or waits, without those that stand among the changes; and how many are left out."""
    changed = {change["key"] for change in document["changes"]}
    found = [
        {**each, "name": render.plain(each["key"]), "at": at.get(each["key"])}
        for each in document.get(part) or ()
    ]
    left = [each for each in found if each["key"] not in changed]
    return left[:LISTED], max(0, len(left) - LISTED)


def not_accepted(document: Mapping[str, Any], at: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "name": render.plain(each["key"]),
            "at": at.get(each["key"]),
            "fields": [field(found) for found in each["fields"]],
        }
        for each in (document.get("notAccepted") or ())[:LISTED]
    ]


def names(keys: Iterable[str]) -> Iterator[str]:
    return map(render.plain, keys)


def field(found: Mapping[str, Any]) -> dict[str, Any]:
    """A field with each of its sides as a text; None for a side that has no value."""
    sides = {side: text(found[side]) if side in found else None for side in SIDES}
    return {**sides, **{name: found.get(name, "") for name in ("path", "cause", "reason")}}


def text(value: Any) -> str:
    """A value as people write it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _change(
    change: Mapping[str, Any],
    ended: Mapping[str, Any],
    why: Mapping[str, str],
    at: Mapping[str, int],
    *,
    unfolded: bool,
) -> Shown:
    key, blocked = change["key"], str(change.get("blocked") or "")
    action, cause = change["action"], change["cause"]
    return Shown(
        at=at.get(key),
        key=key,
        named=named(key),
        sign=SIGNS.get(action, "•"),
        action=action,
        reason=why.get(key, "") if blocked else _reason(change, action, cause),
        blocked=blocked,
        state=_state(blocked, ended),
        error=str(ended.get("error") or ""),
        fields=tuple(map(field, change["fields"])),
        resets=tuple(
            {"path": each["path"], "live": text(each["live"])} for each in change.get("resets") or ()
        ),
        more=int(change.get("more") or 0),
        open=unfolded,
    )


def _state(blocked: str, ended: Mapping[str, Any]) -> str:
    if blocked:
        return "drifted" if blocked in WATCHED else "blocked"
    return str(ended.get("result") or "planned")


def _reason(change: Mapping[str, Any], action: str, cause: str) -> str:
    return "" if (action, cause) in PLAIN else str(change.get("reason") or "")
