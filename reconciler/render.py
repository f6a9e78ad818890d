"""Plans, ticks and states as JSON and as text for people. Pure: values in, values out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.armtemplate import Evaluation, to_json
from reconciler.change import Action, Change, Held
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


PLAIN = (("create", "new"), ("delete", "removed"))
"""Actions whose cause says it all."""


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
    """unknown, suspended, pending, failed, blocked, drifted or healthy: the first that holds."""
    if state is None or not state.notes.get("last"):
        return "suspended" if state is not None and state.suspended else "unknown"
    result = str(state.notes["last"].get("result", ""))
    if state.suspended:
        return "suspended"
    if result in ("pending", "failed"):
        return result
    if state.notes.get("holds"):
        return "blocked"
    return "drifted" if state.drift else "healthy"


# Text, with Rich's markup


_BRACKET = re.compile(r"(\\*)\[")


def escape(value: Any) -> str:
    return _BRACKET.sub(r"\1\1\\[", str(value))


def plain(key: str) -> str:
    """A key that a document holds, for the eye; what is no key is left as it is."""
    try:
        return Key.parse(key).plain
    except ValueError:
        return key


def short(value: Any) -> str:
    """A value on one line: JSON-like, cut where it is long."""
    if value is ABSENT:
        return "(none)"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return escape(text if len(text) <= 80 else text[:77] + "…")


def field_line(field: FieldChange) -> str:
    was, to = short(field.live), short(field.desired)
    said = f"[dim]{field.cause.value}: {escape(REASONS.get(field.reason, field.reason))}[/dim]"
    told = was if was == to else f"{was} → {to}"
    return f"      {escape(field.path)}: {told}  {said}"


def change_lines(change: Change, note: str = "") -> Iterator[str]:
    sign, colour = SIGNS[change.action.value]
    reason = "" if (change.action.value, change.cause.value) in PLAIN else escape(change.reason)
    why = f"[dim]({change.cause.value}{': ' + reason if reason else ''})[/dim]"
    yield f"  [{colour}]{sign} {escape(change.key.plain)}[/{colour}] {why}{note}"
    if change.action is not Action.ADOPT:
        yield from (field_line(field) for field in change.fields)
    for reset in change.resets:
        yield f"      [red]resets {escape(reset.path)}[/red]: {short(reset.live)}"


def plan_lines(plan: Plan, warnings: Iterable[str] = (), *, verbose: bool = False) -> Iterator[str]:
    """The plan for people, a line at a time."""
    for warning in warnings:
        yield f"[yellow]warning:[/yellow] {escape(warning)}"
    yield f"[bold]{escape(plan.environment)}[/bold] at {plan.commit[:12]}"
    for change in plan.changes:
        yield from change_lines(change)
    for held in plan.blocked:
        if held.change is not None:
            yield from change_lines(held.change, f" [red]blocked: {held.code}[/red]")
            yield f"      {escape(held.reason)}"
            if held.code in ("protected", "replace"):
                let = f"[{{{held.change.action.value}: {held.key.plain!r}, until: YYYY-MM-DD}}]"
                yield f"      [dim]policy.acknowledge: {escape(let)} lets it pass until that day.[/dim]"
        else:
            yield f"  [red]! {escape(held.key.plain)}[/red] {held.code}: {escape(held.reason)}"
    for held in plan.waiting:
        yield f"  [blue]… {escape(held.key.plain)}[/blue] {held.code}: {escape(held.reason)}"
    for key, fields in sorted(plan.not_accepted.items()):
        yield f"  [yellow]≠ {escape(key.plain)}[/yellow] Azure keeps another value than was sent:"
        yield from (f"      {escape(f.path)}: sent {short(f.desired)}, kept {short(f.live)}" for f in fields)
    yield from _list("orphaned: ours, and no longer in Git; nothing is deleted", plan.orphaned)
    yield from _list("unmanaged: beside ours, never touched", plan.unmanaged)
    if verbose:
        for key, equal in sorted(plan.equal.items()):
            for judged in equal:
                yield f"  [dim]= {escape(key.plain)} {escape(judged.path)}: judged equal, {judged.rule}[/dim]"
    yield summary_line(plan)
    if plan.unsafe:
        yield f"[red]unsafe:[/red] {escape(plan.unsafe)}"


def _list(title: str, keys: Iterable[Key]) -> Iterator[str]:
    keys = tuple(keys)
    if keys:
        yield f"  [dim]{title}[/dim]"
        yield from (f"    [dim]{escape(key.plain)}[/dim]" for key in keys)


def summary_line(plan: Plan) -> str:
    told = [f"{count} to {action}" for action, count in plan.summary.items() if action in SIGNS and count]
    told += [f"{plan.summary[name]} {name}" for name in ("blocked", "notAccepted") if plan.summary[name]]
    if plan.waiting:
        told.append(f"{len(plan.waiting)} waiting")
    rest = f"{plan.unchanged} unchanged"
    return (
        f"[bold]{', '.join(told)}, {rest}.[/bold]" if told else f"[green]Nothing to change ({rest}).[/green]"
    )
