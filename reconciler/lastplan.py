"""The plan of the last tick as a document that is kept beside the state, for those who look without a call to
Azure. Pure: values in, JSON values out, without any secret and of bounded size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler import render
from reconciler.graph import Graph
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.redaction import cleaned

IN_FULL = 300
"""Changes that are kept with their fields; of the others it is kept what is done to them, and why."""
FIELDS = 20
"""Fields of one change that are kept; of the others, how many they are."""
LONGEST = 400
"""Characters of one value's JSON."""


def document(
    plan: Plan,
    drawn: Mapping[str, Any],
    time: str,
    *,
    first: Plan | None = None,
    sync: str = "auto",
    calls: Mapping[str, int] | None = None,
    warnings: Iterable[str] = (),
) -> dict[str, Any]:
    """As `render.plan_json`, with `time` (ISO 8601), `sync` and `graph`.

    drawn: see `drawing`. first: the plan that the same tick made first; what it did since is told too.
    A change has `more`: how many of its fields are left out."""
    found: dict[str, Any] = cleaned(render.plan_json(plan, calls or {}, warnings))
    there = {change["key"] for change in found["changes"]}
    done = [render.change_json(change) for change in first.changes] if first and first is not plan else []
    changes = [change for change in cleaned(done) if change["key"] not in there] + found["changes"]
    return {
        **found,
        "time": time,
        "sync": sync,
        "changes": [_short(change, at < IN_FULL) for at, change in enumerate(changes)],
        "notAccepted": [_short(each, at < IN_FULL) for at, each in enumerate(found["notAccepted"])],
        "graph": drawn,
    }


def drawing(graph: Graph, state: State) -> dict[str, Any]:
    """`keys` of all that Git wants or that is recorded, and `needs`: for each of them the places in `keys` of
    what it needs."""
    needs = {resource.key: resource.needs for resource in graph}
    needs |= {key: entry.needs for key, entry in state.ours.items() if key not in needs}
    place = {key: at for at, key in enumerate(needs)}
    return {
        "keys": cleaned([str(key) for key in needs]),
        "needs": [sorted(place[need] for need in each if need in place) for each in needs.values()],
    }


def _short(change: Mapping[str, Any], full: bool) -> dict[str, Any]:
    """The change with its first fields, each value cut: it is cleaned before, no secret is cut in two."""
    fields, resets = (
        [{name: _cut(value) for name, value in each.items()} for each in (change.get(part) or ())[:FIELDS]]
        if full
        else []
        for part in ("fields", "resets")
    )
    left = sum(len(change.get(part) or ()) for part in ("fields", "resets")) - len(fields) - len(resets)
    return {**change, "fields": fields, "resets": resets, "more": left}


def _cut(value: Any) -> Any:
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(text) <= LONGEST else f"{text[:LONGEST]}…"
