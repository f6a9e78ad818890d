"""Carry out a plan: wave by wave, brothers side by side, every call recorded before and after.

Before a call its intent is saved, after it what came of it; so a crash at any point leaves a state from which
the next run goes on. What does not end before the deadline is left as a resume token."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler import triggers
from reconciler.change import Action, Change
from reconciler.errors import Busy, Forbidden, ReconcilerError, Throttled, Unreachable
from reconciler.graph import Graph
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.record import Entry, Intent, State
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.settle import trouble
from reconciler.step import Ended, Step, Tools, work
from reconciler.waves import Waves

WORKERS = 8
ROLE_DELAY = timedelta(minutes=30)
"""How long a role assignment may take to work (https://learn.microsoft.com/azure/role-based-access-control/troubleshooting)."""
LATE = "the tick's time is over; the next one goes on."
UNSURE = (Unreachable, Throttled, Busy)
"""An earlier attempt of the same call may have come through unanswered: the next run settles the intent."""


@dataclass(frozen=True)
class Applied:
    state: State
    outcomes: tuple[Outcome, ...]


def run(plan: Plan, graph: Graph, live: Mapping[Key, Observation], state: State, tools: Tools) -> Applied:
    """Carry out the plan's changes. Raises StalePlan where the state is not the plan's, and StateError."""
    plan.fits(state)
    return _Run(plan, graph, dict(live), state, tools).run()


class _Run:
    """One apply under way."""

    def __init__(
        self, plan: Plan, graph: Graph, live: dict[Key, Observation], state: State, tools: Tools
    ) -> None:
        self.plan, self.graph, self.live, self.state, self.tools = plan, graph, live, state, tools
        entries = state.entries if plan.changes else {}
        recorded = {key: entry.needs for key, entry in entries.items()}
        owned = {key for key, entry in entries.items() if entry.ours}
        self.waves = Waves(plan.changes, graph, recorded, owned)
        self.outcomes: dict[Key, Outcome] = {}

    def run(self) -> Applied:
        self._adopt()
        self._refresh()
        try:
            self._pause()
            self._waves()
        finally:
            self._resume()
        planned = [change.key for change in self.plan.changes]
        ordered = [self.outcomes[key] for key in planned if key in self.outcomes]
        rest = [self.outcomes[key] for key in self.outcomes.keys() - set(planned)]
        return Applied(self.state, (*ordered, *rest))

    def _pause(self) -> None:
        if self.tools.pauser is None:
            return
        self.state = triggers.mark(self.state, self.tools.pauses, self.tools.save)
        for key in self.tools.pauses:
            self.tools.pauser.pause(self.state.entries[key])

    def _resume(self) -> None:
        """On any exit: no trigger is left stopped by us."""
        if self.tools.pauser is None:
            return
        self.state, trouble = triggers.resume(self.state, self.tools.pauser, self.tools.save)
        for outcome in trouble:
            self.outcomes.setdefault(outcome.key, outcome)

    def _waves(self) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            while self.waves.todo:
                self._skip()
                steps = [self._step(changes) for changes in self.waves.ready()]
                if not steps:
                    break
                if time.monotonic() >= self.tools.deadline:
                    self._leave()
                    break
                self._intend(steps)
                self.tools.progress("wave", tuple(c for step in steps for c in step.changes), ())
                started = time.monotonic()
                running = {
                    pool.submit(work, step, self.tools, self.live, self.state.entries): step for step in steps
                }
                for future in as_completed(running):
                    self._record(running[future], future.result(), time.monotonic() - started)

    # What is next

    def _skip(self) -> None:
        """Skip what can't be done any more: what it needs failed, was skipped, or goes on."""
        while doomed := self.waves.doomed(self.outcomes):
            for change, bad in doomed:
                pending = bad.result is Result.PENDING
                told = {Result.PENDING: "is still going on", Result.FAILED: "failed"}
                result = Result.PENDING if pending else Result.SKIPPED
                self._outcome(change, result, error=f"{bad.key} {told.get(bad.result, 'was skipped')}.")

    def _step(self, changes: tuple[Change, ...]) -> Step:
        first = changes[0]
        provider = self.tools.provider(first.key)
        if self.waves.deletes(first):
            entry = self.state.entries[first.key]
            return Step(changes, (), entry, provider.intend_delete(entry))
        resources = tuple(self.tools.resolve(self._where_found(change.key), self.live) for change in changes)
        return Step(changes, resources, None, provider.intend(resources, str(uuid.uuid4())))

    def _where_found(self, key: Key) -> Resource:
        """The resource; one that was adopted under another name than Git's is written under that."""
        resource, entry = self.graph[key], self.state.entries.get(key)
        id_ = str(entry.at.get("id", "")) if entry is not None and entry.adopted else ""
        if not id_ or id_.lower() == str(resource.at.get("id", "")).lower():
            return resource
        return replace(resource, at={**resource.at, "id": id_, "name": id_.rsplit("/", 1)[1]})

    # Doing it

    def _intend(self, steps: list[Step]) -> None:
        """Save what is about to be called, so that a crash leaves a trace."""
        now = self.tools.now().isoformat()
        for step in steps:
            specs = {resource.key: resource for resource in step.resources}
            for change in step.changes:
                resource = specs.get(change.key)
                spec = self.tools.mask(resource.type, resource.spec) if resource else {}
                action = "delete" if step.entry is not None else change.action.value
                entry = self.state.entries.get(change.key)
                if entry is None:
                    assert resource is not None
                    entry = Entry(change.key, resource.type, resource.at, resource.needs)
                self.state = self.state.put(replace(entry, intent=Intent(action, now, spec, step.token)))
        self.state = self.tools.save(self.state)

    # Writing down

    def _adopt(self) -> None:
        now = self.tools.now().isoformat()
        for change in [c for c in self.waves.todo.values() if c.action is Action.ADOPT]:
            resource, seen = self.graph[change.key], self.live[change.key]
            at = {**resource.at, "id": seen.id} if seen.id and "id" in resource.at else resource.at
            self.state = self.state.put(
                Entry(
                    change.key,
                    resource.type,
                    at,
                    resource.needs,
                    applied=self.tools.mask(resource.type, resource.spec),
                    baseline=self.tools.mask(resource.type, seen.spec, resource.spec),
                    id=seen.id,
                    stamp=seen.stamp,
                    written=now,
                    commit=self.plan.commit,
                    adopted=True,
                )
            )
            self._outcome(change, Result.DONE)
        if self.outcomes:
            self.state = self.tools.save(self.state)

    def _refresh(self) -> None:
        """Keep what moved in Git without a difference to live: the spec, the API version, the needs."""
        held = {h.key for h in (*self.plan.blocked, *self.plan.waiting)} | self.waves.todo.keys()
        moved: dict[Key, Entry] = {}
        for resource, entry in self._behind():
            seen = self.live.get(resource.key)
            if seen is None or resource.key in held:
                continue
            at = _at(resource, entry)
            fresh = replace(
                entry,
                at=at,
                needs=resource.needs,
                applied=self.tools.mask(resource.type, resource.spec),
                doubted=False,
            )
            if seen.status is Status.PRESENT and seen.stamp and seen.stamp != entry.stamp:
                shown = self.tools.mask(resource.type, seen.spec, resource.spec)
                baseline = _as_shown(entry.baseline or {}, shown, resource.spec)
                fresh = replace(fresh, stamp=seen.stamp, baseline=baseline)
            if at.get("apiVersion") != entry.at.get("apiVersion"):
                fresh = replace(fresh, baseline=self.tools.mask(resource.type, seen.spec, resource.spec))
            if fresh != entry:
                moved[resource.key] = fresh
        if moved:
            self.state = self.tools.save(replace(self.state, entries={**self.state.entries, **moved}))

    def _behind(self) -> list[tuple[Resource, Entry]]:
        """What Git says otherwise than it is recorded, and what a list shows with another stamp."""
        graph, entries, tools = self.graph, self.state.entries, self.tools

        def said() -> frozenset[Key]:
            known = ((resource, entries.get(resource.key)) for resource in graph)
            return frozenset(r.key for r, entry in known if entry is not None and not _stays(r, entry, tools))

        keys = tools.memo.of("behind", (graph, entries), "", said) | {
            key
            for key, seen in self.live.items()
            if seen.stamp and key in graph and key in entries and seen.stamp != entries[key].stamp
        }
        return [(graph[key], entries[key]) for key in keys if entries[key].ours and entries[key].settled]

    def _record(self, step: Step, ended: Ended, seconds: float) -> None:
        for change in step.changes:
            error = ended.whole or ended.failed.get(change.key)
            entry = self.state.entries[change.key]
            if ended.late:
                self._unsaid(entry)
                self._outcome(change, Result.PENDING, error=LATE)
                continue
            if ended.whole is not None and len(step.changes) > 1 and not ended.whole.retry:
                self.waves.split.add(self.graph[change.key].batch)
                self._put(change, replace(entry, intent=None))
            elif error is not None:
                self._fail(change, entry, error, seconds)
            elif ended.pending is not None:
                assert entry.intent is not None
                self._put(change, replace(entry, intent=replace(entry.intent, token=ended.pending)))
                self._outcome(
                    change, Result.PENDING, seconds, "it goes on in Azure; the next tick looks after it."
                )
            elif step.entry is not None:
                self.state = self.state.drop(change.key)
                self.live[change.key] = Observation(change.key, Status.ABSENT)
                self.waves.owned.discard(change.key)
                if change.action is Action.DELETE:
                    self._outcome(change, Result.DONE, seconds)
            else:
                resource = next(r for r in step.resources if r.key == change.key)
                self._written(change, entry, resource, ended.seen.get(change.key), seconds)
        self.state = self.tools.save(self.state)

    def _written(
        self, change: Change, entry: Entry, resource: Resource, seen: Observation | None, seconds: float
    ) -> None:
        before = self.live.get(change.key)
        shown = seen is not None and seen.status is Status.PRESENT
        stale = shown and change.action is Action.UPDATE and before is not None and seen.spec == before.spec  # type: ignore[union-attr]
        if shown and not stale:
            assert seen is not None
            self.live[change.key] = seen
        baseline = (
            self.tools.mask(resource.type, seen.spec, resource.spec)
            if shown and seen is not None
            else entry.baseline
        )
        resolved = self.tools.resolve(resource, self.live)
        self._put(
            change,
            replace(
                entry,
                type=resource.type,
                at=resource.at,
                needs=resource.needs,
                applied=self.tools.mask(resource.type, resolved.spec),
                baseline=baseline,
                id=(seen.id if seen else "") or entry.id,
                stamp=seen.stamp if shown and seen is not None else {},
                written=self.tools.now().isoformat(),
                commit=self.plan.commit,
                settled=bool(shown and not stale),
                doubted=False,
                paused=entry.to_start_after(resource.spec),
                intent=None,
                trouble=None,
            ),
        )
        self._outcome(change, Result.DONE, seconds)

    def _fail(self, change: Change, entry: Entry, error: ReconcilerError, seconds: float) -> None:
        """Write down why; what time alone may mend is pending, the rest has its own back-off."""
        unsure = isinstance(error, UNSURE)
        soon = (
            error.retry
            or (isinstance(error, Forbidden) and self._role_written())
            or error.code == "RoleAssignmentExists"
        )
        why = entry.trouble if soon else trouble(entry, error, self.plan.commit, self.tools.now())
        self._unsaid(replace(entry, trouble=why), entry.intent if unsure else None)
        skipped = error.code == "not-attempted"
        result = Result.SKIPPED if skipped else Result.PENDING if soon else Result.FAILED
        self._outcome(change, result, seconds, error.message, error.code)

    def _role_written(self) -> bool:
        now = self.tools.now()
        return any(
            entry.type.lower() == "microsoft.authorization/roleassignments"
            and entry.written
            and now - datetime.fromisoformat(entry.written) < ROLE_DELAY
            for entry in self.state.entries.values()
        )

    def _leave(self) -> None:
        for change in list(self.waves.todo.values()):
            self._outcome(change, Result.PENDING, error=LATE)

    def _unsaid(self, entry: Entry, intent: Intent | None = None) -> None:
        """Keep an entry with this intent in place of its own; drop one that then says nothing."""
        kept = replace(entry, intent=intent)
        says = kept.ours or kept.intent or kept.trouble
        self.state = self.state.put(kept) if says else self.state.drop(kept.key)

    def _put(self, change: Change, entry: Entry) -> None:
        self.state = self.state.put(entry)

    def _outcome(
        self, change: Change, result: Result, seconds: float = 0.0, error: str = "", code: str = ""
    ) -> None:
        outcome = Outcome(change.key, change.action, result, round(seconds, 3), error, code)
        self.waves.todo.pop(change.key, None)
        self.outcomes[change.key] = outcome
        self.tools.progress("done", (), (outcome,))


def _at(resource: Resource, entry: Entry) -> Mapping[str, Any]:
    """Where a resource is found; one that was adopted under another name than Git's, under that."""
    id_ = entry.at.get("id") if entry.adopted else None
    return resource.at if id_ in (None, resource.at.get("id")) else {**resource.at, "id": id_}


def _stays(resource: Resource, entry: Entry, tools: Tools) -> bool:
    """Whether the record holds what Git says of a resource."""
    said = (_at(resource, entry), resource.needs, False)
    return said == (entry.at, entry.needs, entry.doubted) and tools.applied_stays(resource, entry)


def _as_shown(
    baseline: Mapping[str, Any], shown: Mapping[str, Any], said: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The baseline with what Git says as it was read together with a stamp: while a list shows that stamp,
    the baseline is taken for live. What Git does not say stays, so that a write tells what it would reset."""
    rest = {name: value for name, value in baseline.items() if name not in said}
    return {**rest, **{name: value for name, value in shown.items() if name in said}}
