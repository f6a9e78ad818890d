"""Which facts stand after a tick: what drifts, what failed, what is blocked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.alerts.fact import Fact
from reconciler.change import HARMLESS, Action, Change
from reconciler.diff import Cause
from reconciler.errors import InputError, ReconcilerError, UnsafePlan
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.resource import Key

DELETED, OBSERVED = "deleted", "observed"
"""`Fact.code` of drift: it is not there any more; it is only watched."""
CONSEQUENCES = ("needs",)
"""Codes of what is blocked only since something else is: that is told."""
LONGEST = 600
"""Most characters of an error or a reason that are kept."""
SILENT = ("suspended", "declined")
"""Results of a tick that did nothing and found nothing out."""


@dataclass(frozen=True)
class Ended:
    """How a tick ended, as far as facts need it.

    plan: the last one that was made, None where none was; found: the changes that were found first, before
    anything was written. manual: `policy.sync` is manual, so nothing was to be applied. error: what ended the
    tick before its time."""

    environment: str
    commit: str
    result: str
    plan: Plan | None = None
    found: tuple[Change, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    reason: str = ""
    manual: bool = False
    error: ReconcilerError | None = None

    @property
    def put_back(self) -> dict[Key, Change]:
        """Drift that this tick found and put back."""
        done = {outcome.key for outcome in self.outcomes if outcome.result is Result.DONE}
        return {
            change.key: change
            for change in self.found
            if change.cause in (Cause.DRIFT, Cause.BOTH) and change.key in done
        }


def standing(ended: Ended, after: State, known: Iterable[Fact], now: datetime) -> dict[str, Fact]:
    """The facts that stand, by name; since when, and by whom, where that was known before.

    known: what stood before. A tick that made no plan leaves what is known of resources as it was."""
    before = {fact.name: fact for fact in known}
    if ended.result in SILENT:
        return before
    found = {fact.name: fact for fact in _whole(ended, now)}
    if ended.plan is not None:
        found |= {fact.name: fact for fact in _parts(ended, ended.plan, after, now)}
    else:
        found |= {name: fact for name, fact in before.items() if fact.key or fact.kind == "approval.wanted"}
    tested = _tested_again(after, ended.environment)
    found |= {name: fact for name, fact in before.items() if name in tested}
    return {name: _as_before(fact, before.get(name)) for name, fact in found.items()}


def _as_before(fact: Fact, before: Fact | None) -> Fact:
    text = fact.text if len(fact.text) <= LONGEST else fact.text[: LONGEST - 1] + "…"
    if before is None:
        return replace(fact, text=text)
    return replace(fact, text=text, since=before.since, who=before.who, when=before.when)


def _whole(ended: Ended, now: datetime) -> Iterator[Fact]:
    """What is said of the environment as a whole."""
    at = now.isoformat(timespec="seconds")
    fact = Fact("tick.failed", ended.environment, at, text=ended.reason, commit=ended.commit)
    error = ended.error
    if isinstance(error, (InputError, UnsafePlan)):
        yield replace(fact, kind="blocked", code=error.code, text=str(error))
    elif error is not None:
        yield replace(fact, code=error.code, text=str(error))
    elif ended.manual and ended.plan is not None and ended.plan.unsafe:
        yield replace(fact, kind="blocked", code=UnsafePlan.code, text=ended.plan.unsafe)
    elif ended.result == "held":
        yield replace(fact, kind="held")
    elif ended.result == "failed" and ended.plan is None:
        yield replace(fact, code="failed")


def _parts(ended: Ended, plan: Plan, after: State, now: datetime) -> Iterator[Fact]:
    fact = Fact("", ended.environment, now.isoformat(timespec="seconds"), commit=ended.commit)
    yield from _drifting(replace(fact, kind="drift.appeared"), plan, after)
    yield from _failed(replace(fact, kind="apply.failed"), ended, after)
    yield from _checks(replace(fact, kind="check.failed"), after)
    for held in plan.blocked:
        if held.code == "protected" or held.code not in (*HARMLESS, *CONSEQUENCES):
            yield replace(fact, kind="blocked", key=str(held.key), code=held.code, text=held.reason)
    if ended.manual and plan.writes:
        told = f"Changes that wait for an approval: {len(plan.writes)}. The plan's digest is {plan.digest}."
        yield replace(fact, kind="approval.wanted", code=plan.digest[:16], text=told)


def _drifting(fact: Fact, plan: Plan, after: State) -> Iterator[Fact]:
    """What differs by somebody's hand, and what is only observed and differs from Git."""
    held = [each for each in plan.blocked if each.change is not None]
    changes = (*plan.changes, *(each.change for each in held if each.change is not None))
    gone = {change.key for change in changes if change.action is Action.CREATE}
    for key, drift in after.drift.items():
        code = DELETED if key in gone else ""
        yield replace(fact, key=str(key), since=drift.since, fields=drift.fields, code=code)
    for each in held:
        change = each.change
        if each.code != "observed" or change is None or each.key in after.drift:
            continue
        if change.action is not Action.DELETE:
            fields = tuple(field.path for field in change.fields)
            yield replace(fact, key=str(each.key), fields=fields, code=OBSERVED)


def _failed(fact: Fact, ended: Ended, after: State) -> Iterator[Fact]:
    """What cannot be written: it stays so while it waits for its next attempt."""
    recorded = {key for key, entry in after.entries.items() if entry.trouble is not None}
    for key in sorted(recorded):
        trouble = after.entries[key].trouble
        assert trouble is not None
        yield replace(fact, key=str(key), code=trouble.code, text=trouble.error)
    for outcome in ended.outcomes:
        if outcome.result is Result.FAILED and outcome.key not in recorded:
            yield replace(fact, key=str(outcome.key), code=outcome.code, text=outcome.error)


def _tested_again(after: State, environment: str) -> set[str]:
    """Facts of checks that run: what failed before is not known to be mended until they end."""
    records = after.notes.get("checks") or {}
    running = (name for name, note in records.items() if note.get("result") == "running")
    return {Fact("check.failed", environment, "", name).name for name in running}


def _checks(fact: Fact, after: State) -> Iterator[Fact]:
    """Records of checks, as `reconciler.checks` keeps them in the notes."""
    for name, note in sorted((after.notes.get("checks") or {}).items()):
        if note.get("result") == "failed":
            told = {field: str(note.get(field, "")) for field in ("error", "url", "since")}
            yield replace(
                fact, key=name, since=told["since"] or fact.since, text=told["error"], url=told["url"]
            )
