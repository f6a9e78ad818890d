"""A plan as lines for people, with Rich's markup: by system, within it by cause. Pure: values in, lines out.

Readable without colour and, but for long names, in 80 columns."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from reconciler.change import Action, Change, Held
from reconciler.diff import REASONS, Cause, FieldChange
from reconciler.equality.trees import ABSENT
from reconciler.plan import Plan
from reconciler.render import SIGNS, escape, styled
from reconciler.resource import Key

MOST_CHANGES, MOST_FIELDS, MOST_LINES = 20, 12, 24
"""How much is shown of a group of changes, of one change, and of one value, unless all is asked for."""
WIDTH = 80

SYSTEMS: Mapping[str, str] = {
    "arm": "Azure",
    "adf": "Data Factory",
    "databricks": "Databricks",
    "keyvault": "Key Vault",
}
"""By the family of a key's kind, in the order of a plan."""

CAUSES: Mapping[Cause, str] = {
    Cause.COMMIT: "commit: Git moved",
    Cause.DRIFT: "drift: changed behind Git's back",
    Cause.BOTH: "both: Git and what is live moved",
    Cause.NEW: "new",
    Cause.REMOVED: "removed: left Git",
}
COLOURS: Mapping[Cause, str] = {
    Cause.COMMIT: "cyan",
    Cause.DRIFT: "yellow",
    Cause.BOTH: "magenta",
    Cause.NEW: "green",
    Cause.REMOVED: "red",
}

PLAIN_REASONS = frozenset(cause.value for cause in Cause)
"""Reasons of a field that its cause tells already."""

WAYS_OUT: Mapping[str, str] = {
    "foreign": "Take it out of one of the two environments, or give it another name in one.",
    "resets": "Write them into Git, or let them go: `policy.resets: allow`.",
    "needs": "Look after that one first.",
    "heal": "Write it into Git, or let it be put back: `policy.heal: true`.",
    "secret": "Set it where the reconciler runs, and name it in RECONCILER_SECRETS.",
}
"""By the code of what is blocked; the others tell theirs with the reason."""
ACKNOWLEDGED = ("protected", "replace")


def plan_lines(plan: Plan, warnings: Iterable[str] = (), *, verbose: bool = False) -> Iterator[str]:
    """The plan, a line at a time. verbose: everything, also what is unmanaged and what was judged equal."""
    for warning in warnings:
        yield f"[yellow]warning:[/yellow] {escape(warning)}"
    yield f"{styled('bold', plan.environment)} at {plan.commit[:12]}"
    for (system, scope), changes in _by_place(plan.changes):
        yield ""
        yield f"[bold]{system}[/bold] {escape(scope)}".rstrip()
        for cause, alike in _by_cause(changes):
            yield f"  [{COLOURS[cause]}]{CAUSES[cause]}[/{COLOURS[cause]}]" + _count(alike)
            for change in alike if verbose else alike[:MOST_CHANGES]:
                yield from change_lines(change, verbose=verbose)
            yield from _more(len(alike), verbose, MOST_CHANGES, "    ")
    yield from _held("blocked", "red", plan.blocked, verbose)
    yield from _held("waiting", "blue", plan.waiting, verbose)
    yield from _not_accepted(plan, verbose)
    yield from _keys("orphaned: ours and no longer in Git, nothing is deleted", plan.orphaned, True)
    yield from _keys("unmanaged: beside ours, never touched", plan.unmanaged, verbose)
    if verbose:
        yield from _equal(plan)
    yield ""
    yield summary_line(plan)
    if plan.unsafe:
        yield f"[red]unsafe:[/red] {escape(plan.unsafe)}"


def next_line(plan: Plan, *, offline: bool = False) -> str:
    """What to do with the plan; "" where there is nothing to do."""
    name = escape(plan.environment)
    if plan.writes and not plan.unsafe:
        live = f"`reconciler plan {name}` compares with Azure; " if offline else ""
        return f"[dim]{live}`reconciler apply {name}` writes this.[/dim]"
    if plan.orphaned and not plan.writes:
        return f"[dim]`reconciler destroy {name}` removes what is orphaned.[/dim]"
    return ""


def summary_line(plan: Plan) -> str:
    told = [f"{count} to {action}" for action, count in plan.summary.items() if action in SIGNS and count]
    told += [f"{plan.summary[name]} {name}" for name in ("blocked", "notAccepted") if plan.summary[name]]
    if plan.waiting:
        told.append(f"{len(plan.waiting)} waiting")
    rest = f"{plan.unchanged} unchanged"
    return (
        f"[bold]{', '.join(told)}, {rest}.[/bold]" if told else f"[green]Nothing to change ({rest}).[/green]"
    )


# Changes


def change_lines(change: Change, *, verbose: bool = False, indent: str = "    ") -> Iterator[str]:
    sign, colour = SIGNS[change.action.value]
    plain = change.action in (Action.CREATE, Action.DELETE) and change.cause in (Cause.NEW, Cause.REMOVED)
    reason = "" if plain or not change.reason else f" {styled('dim', change.reason)}"
    yield f"{indent}{styled(colour, f'{sign} {_name(change.key)}')}{reason}"
    if change.action is not Action.ADOPT:
        for field in change.fields if verbose else change.fields[:MOST_FIELDS]:
            yield from field_lines(field, change.cause, verbose, indent + "    ")
        yield from _more(len(change.fields), verbose, MOST_FIELDS, indent + "    ")
    for reset in change.resets:
        yield f"{indent}    {styled('red', 'resets ' + reset.path)}: {one_line(reset.live)}"


def field_lines(
    field: FieldChange, cause: Cause | None = None, verbose: bool = False, indent: str = "        "
) -> Iterator[str]:
    """Path, what is live and what becomes of it: on one line where it is short, else below each other.

    cause: of the change; where the field's own is another one, it is told."""
    told = [] if field.cause is cause else [field.cause.value]
    if field.reason not in PLAIN_REASONS:
        told.append(REASONS.get(field.reason, field.reason))
    note = f" [dim]({escape('; '.join(told))})[/dim]" if told else ""
    wide = len("; ".join(told)) + 3 if told else 0
    path, live, desired = escape(field.path), *_sides(field.live, field.desired, verbose)
    if field.live == field.desired:
        yield f"{indent}{path}: {live}{note}"
    elif _nested(field.live) and _nested(field.desired):
        yield f"{indent}{path}:{note}"
        yield from _difference(field.live, field.desired, verbose, indent + "  ")
    elif len(indent) + len(field.path) + len(live) + len(desired) + wide + 5 <= WIDTH:
        yield f"{indent}{path}: {live} → {desired}{note}"
    else:
        yield f"{indent}{path}:{note}"
        yield f"{indent}  [red]- {live}[/red]"
        yield f"{indent}  [green]+ {desired}[/green]"
    if field.cause is Cause.BOTH and field.recorded not in (ABSENT, field.live, field.desired):
        yield f"{indent}  [dim]was {one_line(field.recorded)} when last applied[/dim]"


def _nested(value: Any) -> bool:
    return isinstance(value, (dict, list)) and len(json.dumps(value, default=str)) > WIDTH // 2


def _difference(live: Any, desired: Any, verbose: bool, indent: str) -> Iterator[str]:
    """Two nested values as a difference of their JSON: only the lines that differ, with one around them."""
    was, to = (_json_lines(side) for side in (live, desired))
    lines = [
        line for line in difflib.unified_diff(was, to, lineterm="", n=1) if line[:3] not in ("---", "+++")
    ]
    for line in lines if verbose else lines[:MOST_LINES]:
        if line.startswith("@@"):
            yield f"{indent}[dim]…[/dim]"
        else:
            colour = {"-": "red", "+": "green"}.get(line[0], "dim")
            yield f"{indent}{styled(colour, f'{line[0]} {line[1:]}')}"
    yield from _more(len(lines), verbose, MOST_LINES, indent, "lines")


def _json_lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str).splitlines()


def _sides(live: Any, desired: Any, whole: bool) -> tuple[str, str]:
    """Both on one line each; of long texts the part that differs."""
    told = one_line(live, whole), one_line(desired, whole)
    if live == desired or told[0] != told[1]:
        return told
    sides = [json.dumps(side, ensure_ascii=False, default=str) for side in (live, desired)]
    same = next((at for at, pair in enumerate(zip(*sides, strict=False)) if pair[0] != pair[1]), 0)
    begin = max(0, same - 20)
    was, to = (escape(f"… {side[begin : begin + 56]} …") for side in sides)
    return was, to


def one_line(value: Any, whole: bool = False) -> str:
    """A value on one line, JSON-like, cut in its middle where it is long; escaped for Rich."""
    if value is ABSENT:
        return "(none)"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return escape(text if whole or len(text) <= 64 else f"{text[:40]} … {text[-16:]}")


# What is not done


def _held(word: str, colour: str, held: Sequence[Held], verbose: bool) -> Iterator[str]:
    """What is left alone, those with the same reason together: the reason once, and its way out."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for each in held:
        groups.setdefault((each.code, each.reason), []).append(each)
    for (code, reason), alike in groups.items():
        yield ""
        yield f"[{colour}]{word}: {code}[/{colour}]{_count(alike)}"
        for each in alike if verbose else alike[:MOST_CHANGES]:
            yield from _held_lines(each, verbose)
        yield from _more(len(alike), verbose, MOST_CHANGES, "    ")
        yield f"  {escape(reason)}"
        yield from (f"  {escape(way)}" for way in _ways_out(code, alike))


def _held_lines(held: Held, verbose: bool) -> Iterator[str]:
    change = held.change
    sign = SIGNS[change.action.value][0] if change is not None else "!"
    yield f"    {sign} {escape(held.key.plain)}"
    if change is not None:
        for field in change.fields if verbose else change.fields[:MOST_FIELDS]:
            known = replace(field, reason=field.cause.value) if held.code == "exists" else field
            yield from field_lines(known, change.cause, verbose)
        yield from _more(len(change.fields), verbose, MOST_FIELDS, "        ")
        for reset in change.resets:
            yield f"        {styled('red', 'resets ' + reset.path)}: {one_line(reset.live)}"


def _ways_out(code: str, held: Sequence[Held]) -> Iterator[str]:
    if code in WAYS_OUT:
        yield WAYS_OUT[code]
    if code not in ACKNOWLEDGED:
        return
    yield "To let it pass until a day, commit this to the environment file:"
    yield "  policy:"
    yield "    acknowledge:"
    for each in held[:MOST_CHANGES]:
        if each.change is not None:
            yield f"      - {{{each.change.action.value}: {each.key.plain!r}, until: YYYY-MM-DD}}"


def _not_accepted(plan: Plan, verbose: bool) -> Iterator[str]:
    if not plan.not_accepted:
        return
    yield ""
    yield f"[yellow]not accepted[/yellow]{_count(plan.not_accepted)}: Azure keeps another value than was sent"
    for key, fields in sorted(plan.not_accepted.items()):
        yield f"    ≠ {escape(key.plain)}"
        for field in fields if verbose else fields[:MOST_FIELDS]:
            yield f"        {escape(field.path)}: sent {one_line(field.desired)}, kept {one_line(field.live)}"
        yield from _more(len(fields), verbose, MOST_FIELDS, "        ")


def _keys(title: str, keys: Sequence[Key], listed: bool) -> Iterator[str]:
    if not keys:
        return
    yield ""
    yield f"[dim]{len(keys):,} {title}" + ("[/dim]" if listed else "; -v lists what it is[/dim]")
    if listed:
        yield from (f"    {styled('dim', key.plain)}" for key in keys)


def _equal(plan: Plan) -> Iterator[str]:
    for key, equal in sorted(plan.equal.items()):
        for judged in equal:
            yield f"  [dim]= {escape(key.plain)} {escape(judged.path)}: judged equal, {judged.rule}[/dim]"


# Groups


def _place(key: Key) -> tuple[str, str]:
    family = key.kind.partition(".")[0]
    return SYSTEMS.get(family, family), key.name if key.kind == "arm.group" else key.scope


def _by_place(changes: Sequence[Change]) -> Iterator[tuple[tuple[str, str], list[Change]]]:
    """By system and what it is in; within them in the order of the plan."""
    order = list(SYSTEMS.values())
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault(_place(change.key), []).append(change)
    rank = {name: number for number, name in enumerate(order)}
    yield from sorted(groups.items(), key=lambda item: rank.get(item[0][0], len(order)))


def _by_cause(changes: Sequence[Change]) -> Iterator[tuple[Cause, list[Change]]]:
    ordered = sorted(changes, key=lambda change: list(CAUSES).index(change.cause))
    for cause, alike in groupby(ordered, key=lambda change: change.cause):
        yield cause, list(alike)


def _name(key: Key) -> str:
    """A key below the heading of its system and place."""
    kind = key.kind.partition(".")[2]
    if key.kind == "arm.group":
        return "resource group"
    return key.name if key.kind == "arm.resource" else f"{kind} {key.name}"


def _count(items: Any) -> str:
    return f" [dim]({len(items)})[/dim]" if len(items) > 1 else ""


def _more(count: int, verbose: bool, most: int, indent: str, what: str = "") -> Iterator[str]:
    if not verbose and count > most:
        yield f"{indent}[dim]… and {count - most:,} more{' ' + what if what else ''}; -v shows all[/dim]"


def actions(changes: Iterable[Change]) -> str:
    """How many of each, as in `3 +, 1 ~`, for a line about a wave."""
    counts = Counter(change.action.value for change in changes)
    return ", ".join(f"{counts[name]} {SIGNS[name][0]}" for name in SIGNS if counts[name])
