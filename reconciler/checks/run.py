"""Run checks: start what is due, look after what runs, and write down each step before it is made.

What does not end before the deadline is left with its token; the next tick, or the next process after a
crash, goes on with it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler.checks.kind import Kind, Look, Tools
from reconciler.checks.notebook import Notebook
from reconciler.checks.pipeline import Pipeline
from reconciler.checks.probe import Probe
from reconciler.checks.record import FAILED, PASSED, RUNNING, SKIPPED, Record, Wanted, due
from reconciler.environment.values import duration_text
from reconciler.errors import ReconcilerError

WORKERS = 8
POLLS = (1.0, 1.0, 2.0, 3.0, 5.0)
"""Seconds between two looks, counted from the last start."""
LONGEST = 1000
"""Most characters of an error that are kept."""
KINDS: Mapping[str, Kind] = {
    "databricksNotebook": Notebook(),
    "dataFactoryPipeline": Pipeline(),
    "http": Probe(),
}


def run(wanted: Iterable[Wanted], recorded: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    """Bring what is due to its end, as far as time allows, and give back `state.notes["checks"]`.

    recorded: what is there of that now. Raises what `tools.save` raises."""
    wanted = tuple(wanted)
    before = {name: Record.of(note) for name, note in recorded.items()}
    asked = {each.name: each.digest for each in wanted}
    records = {name: record for name, record in before.items() if asked.get(name) == record.digest}
    for name in before.keys() - records.keys():
        if before[name].result == RUNNING and before[name].ran:
            _cancel(before[name], tools)
    todo = due(wanted, recorded)
    if not todo:
        return _notes(records)
    return _notes(_Run(tools, before, records).to_the_end(todo))


class _Run:
    """Checks under way, by name; written down after each round in which anything came about."""

    def __init__(self, tools: Tools, before: Mapping[str, Record], records: dict[str, Record]) -> None:
        self.tools, self.before, self.records = tools, before, records

    def to_the_end(self, todo: tuple[Wanted, ...]) -> Mapping[str, Record]:
        looks = 0
        with ThreadPoolExecutor(WORKERS) as pool:
            while (todo := self._without_skipped(todo)) and time.monotonic() < self.tools.deadline:
                ready = self._ready(todo)
                opened = [each for each in ready if not self._under_way(each.name)]
                for each in opened:
                    self.records[each.name] = _opened(each, self.records.get(each.name), self.tools.now())
                going = self._round(ready, pool)
                looks = 0 if opened else looks + 1
                if len(going) < len(ready):  # what waited for one that has ended starts at once
                    todo = tuple(each for each in todo if each in going or each not in ready)
                    continue
                pause = POLLS[min(looks, len(POLLS) - 1)]
                if time.monotonic() + pause >= self.tools.deadline:
                    break
                self.tools.sleep(pause)
        return self.records

    def _under_way(self, name: str) -> bool:
        record = self.records.get(name)
        return record is not None and record.result == RUNNING

    def _ready(self, todo: tuple[Wanted, ...]) -> tuple[Wanted, ...]:
        """Those that run, and those that wait for nothing any more."""
        names = {each.name for each in todo}
        return tuple(
            each for each in todo if self._under_way(each.name) or names.isdisjoint(each.check.after)
        )

    def _without_skipped(self, todo: tuple[Wanted, ...]) -> tuple[Wanted, ...]:
        """The same without what waits for one that did not pass, which is skipped."""
        names = {each.name for each in todo}
        for each in todo:
            missed = next((name for name in each.check.after if name not in names | self._passed()), None)
            if missed is not None and not self._under_way(each.name):
                self.records[each.name] = _skipped(
                    each, missed, self.records.get(each.name), self.tools.now()
                )
                self.tools.progress(each.name, self.records[each.name])
                return self._without_skipped(tuple(other for other in todo if other is not each))
        return todo

    def _passed(self) -> set[str]:
        return {name for name, record in self.records.items() if record.result == PASSED}

    def _round(self, todo: tuple[Wanted, ...], pool: ThreadPoolExecutor) -> tuple[Wanted, ...]:
        """One step of each, side by side; those that go on."""
        fresh = [each for each in todo if not self.records[each.name].token]
        for each in fresh:
            self.records[each.name] = _intended(each, self.records[each.name], self.tools.now())
            self.tools.progress(each.name, self.records[each.name])
        if fresh:
            self.tools.save(_notes(self.records))
        old = dict(self.records)
        stepped = pool.map(lambda each: _step(each, old[each.name], each in fresh, self.tools), todo)
        self.records.update(zip((each.name for each in todo), stepped, strict=True))
        going = tuple(each for each in todo if self.records[each.name].result == RUNNING)
        for name in (each.name for each in todo if each not in going):
            self.records[name] = _since(self.records[name], self.before.get(name))
            self.tools.progress(name, self.records[name])
        if self.records != old:
            self.tools.save(_notes(self.records))
        return going


def _notes(records: Mapping[str, Record]) -> dict[str, Any]:
    return {name: record.note for name, record in records.items()}


def _opened(each: Wanted, before: Record | None, now: datetime) -> Record:
    """The record of a check that starts, without an intent."""
    begun = now.isoformat()
    attempt = before.attempt + 1 if before is not None else 1
    return Record(each.kind, RUNNING, each.digest, started=begun, since=begun, attempt=attempt)


def _skipped(each: Wanted, missed: str, before: Record | None, now: datetime) -> Record:
    """The record of a check that waits for one that did not pass: the one from before if it says so too."""
    told = f"it comes after {missed}, which did not pass."
    if before is not None and (before.result, before.error) == (SKIPPED, told):
        return before
    seen = now.isoformat()
    return Record(each.kind, SKIPPED, each.digest, started=seen, since=seen, error=told)


def _intended(each: Wanted, record: Record, now: datetime) -> Record:
    """The record with the intent of a start: a text that no other start has, and when it was asked for."""
    asked = now.isoformat()
    said = "\n".join((each.environment, each.name, each.digest, asked))
    return replace(record, token={"mark": hashlib.sha256(said.encode()).hexdigest(), "asked": asked})


def _step(each: Wanted, record: Record, fresh: bool, tools: Tools) -> Record:
    """One step of one check: start it, find its start, or look at it."""
    kind, token = KINDS[each.kind], record.token
    act = kind.look if record.ran else kind.begin if fresh else kind.settle
    try:
        look = act(each, token, tools)
    except ReconcilerError as error:
        lasting = not record.ran and not error.retry
        look = Look(token, passed=False if lasting else None, error=error.message)
    return _seen(each, record, look, tools)


def _seen(each: Wanted, record: Record, look: Look, tools: Tools) -> Record:
    """What a look means. A check that takes longer than its timeout has failed, however late that is seen."""
    now, limit = tools.now(), each.check.timeout.total_seconds()
    lasted = (now - datetime.fromisoformat(record.started)).total_seconds()
    following = replace(
        record,
        token=look.token,
        url=look.url or record.url,
        error=_short(look.error, tools),
        attempt=record.attempt if look.token else record.attempt + 1,
    )
    if look.passed is None and lasted <= limit:
        return following
    seconds = round(lasted if look.seconds is None else look.seconds, 3)
    ended = replace(following, seconds=seconds, since=now.isoformat())
    span = duration_text(each.check.timeout)
    if look.passed is None:
        stopped = _cancel(following, tools) if following.ran else ""
        told = f"It did not end within {span}{stopped}. {look.error}".rstrip()
        return replace(ended, result=FAILED, error=_short(told, tools))
    if look.passed and seconds > limit:
        return replace(ended, result=FAILED, error=f"It took {seconds:g} s, longer than {span}.")
    return replace(ended, result=PASSED if look.passed else FAILED)


def _short(error: str, tools: Tools) -> str:
    return tools.redact(error)[:LONGEST] if error else ""


def _cancel(record: Record, tools: Tools) -> str:
    """Stop what still runs, and tell what came of that: no trouble with it may keep a check from its end."""
    try:
        return KINDS[record.kind].cancel(record.token, tools)
    except ReconcilerError as error:
        return f" and could not be cancelled ({error.message})"


def _since(record: Record, before: Record | None) -> Record:
    """A result that was the same before is as old as it was."""
    if before is None:
        return record
    same = (before.result, before.digest, before.error) == (record.result, record.digest, record.error)
    return replace(record, since=before.since) if same else record
