"""Plans, ticks and states as JSON, and what texts for people share. Pure: values in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.armtemplate import Evaluation, to_json
from reconciler.change import WRITES, Change, Held
from reconciler.diff import REASONS, FieldChange
from reconciler.equality.trees import ABSENT
from reconciler.errors import InputError, ReconcilerError
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.resource import Key

VERSION = 1
"""Of every JSON document that a command prints."""

SIGNS: Mapping[str, tuple[str, str]] = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "delete": ("-", "red"),
    "adopt": ("=", "cyan"),
}


# JSON


def field_json(field: FieldChange) -> dict[str, Any]:
    sides = {"recorded": field.recorded, "desired": field.desired, "live": field.live}
    return {
        "path": field.path,
        **{side: value for side, value in sides.items() if value is not ABSENT},
        "cause": field.cause.value,
        "reason": REASONS.get(field.reason, field.reason),
    }


def change_json(change: Change) -> dict[str, Any]:
    return {
        "key": str(change.key),
        "action": change.action.value,
        "cause": change.cause.value,
        "reason": change.reason,
        "fields": [field_json(field) for field in change.fields],
        "resets": [{"path": reset.path, "live": reset.live} for reset in change.resets],
    }


def held_json(held: Held) -> dict[str, Any]:
    return {"key": str(held.key), "code": held.code, "reason": held.reason}


def plan_json(plan: Plan, calls: Mapping[str, int], warnings: Iterable[str] = ()) -> dict[str, Any]:
    """The plan as `plan --json` promises it. What is blocked is among the changes too, and marked so."""
    blocked = [
        {**change_json(held.change), "blocked": held.code} for held in plan.blocked if held.change is not None
    ]
    return {
        "version": VERSION,
        "environment": plan.environment,
        "commit": plan.commit,
        "summary": plan.summary,
        "changes": [change_json(change) for change in plan.changes] + blocked,
        "blocked": [held_json(held) for held in plan.blocked],
        "waiting": [held_json(held) for held in plan.waiting],
        "notAccepted": [
            {"key": str(key), "fields": [field_json(field) for field in fields]}
            for key, fields in sorted(plan.not_accepted.items())
        ],
        "unmanaged": [str(key) for key in plan.unmanaged],
        "orphaned": [str(key) for key in plan.orphaned],
        "unsafe": plan.unsafe,
        "warnings": list(warnings),
        "calls": {kind: calls.get(kind, 0) for kind in ("read", "write")},
        "digest": plan.digest,
    }


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """What `template` prints: resources in template order, and the outputs' values."""
    return {
        "resources": [
            {
                "id": found.id,
                "type": found.type,
                "apiVersion": found.api_version,
                "name": found.name,
                "scope": found.scope,
                **to_json(found.body),
            }
            for found in evaluation.resources
            if not found.existing
        ],
        "outputs": {name: to_json(output.value) for name, output in evaluation.outputs.items()},
    }


def error_json(error: ReconcilerError) -> dict[str, Any]:
    """The one document that a command with `--json` prints when it ends in a fault."""
    document: dict[str, Any] = {"code": error.code, "message": error.message, "where": error.where}
    if isinstance(error, InputError):
        document["faults"] = [
            {"where": fault.place, "message": fault.message, "hint": fault.hint} for fault in error.faults
        ]
    return {"version": VERSION, "error": document}


def state_json(name: str, state: State | None) -> dict[str, Any]:
    """One environment as `status --json` tells it."""
    last = dict((state.notes.get("last") or {}) if state else {})
    return {
        "environment": name,
        "commit": state.commit if state else "",
        "health": health(state),
        "suspended": state.suspended if state else "",
        "resources": len(state.ours) if state else 0,
        "drift": [
            {"key": str(key), "since": drift.since, "fields": list(drift.fields)}
            for key, drift in sorted(state.drift.items())
        ]
        if state
        else [],
        "checks": list(last.get("checks") or ()),
        "undelivered": undelivered(state),
        "last": last,
        "nextTick": (state.notes.get("next") if state else None),
    }


def undelivered(state: State | None) -> list[dict[str, Any]]:
    """Alerts that could not be sent yet; `shown` is an address without its secrets."""
    notes = (state.notes.get("alerts") or {}) if state else {}
    shown = ("shown", "attempts", "next", "error", "since")
    return [
        {"fact": note["fact"]["kind"], **{name: note.get(name) for name in shown}}
        for note in notes.get("undelivered", ())
    ]


def health(state: State | None) -> str:
    """unknown, suspended, pending, failed, blocked, drifted, pending (for an approval) or healthy: the first
    that holds."""
    if state is None or not state.notes.get("last"):
        return "suspended" if state is not None and state.suspended else "unknown"
    result = str(state.notes["last"].get("result", ""))
    if state.suspended:
        return "suspended"
    if result in ("pending", "failed"):
        return result
    if state.notes.get("holds"):
        return "blocked"
    if state.drift:
        return "drifted"
    return "pending" if _waits(state.notes["last"]) else "healthy"


def _waits(last: Mapping[str, Any]) -> bool:
    """Whether the last tick planned writes and made none: they wait for an approval."""
    planned = last.get("summary") or {}
    return any(planned.get(action) for action in WRITES) and not last.get("outcomes")


# Text, with Rich's markup


_BRACKET = re.compile(r"(\\*)(\[[a-z#/@][^\[]*?\])|\[")
"""What Rich takes for a tag, with the backslashes before it, halved there alone; or any bracket."""


def escape(value: Any) -> str:
    return _BRACKET.sub(lambda found: f"{(found[1] or '') * 2}\\{found[2] or '['}", str(value))


def styled(style: str, value: Any) -> str:
    """A value in a style. A backslash at its end would else take the closing tag for text."""
    text = escape(value)
    slashes = len(text) - len(text.rstrip("\\"))
    return f"[{style}]{text}{text[len(text) - slashes :]}[/{style}]"


def plain(key: str) -> str:
    """A key that a document holds, for the eye; what is no key is left as it is."""
    try:
        return Key.parse(key).plain
    except ValueError:
        return key
