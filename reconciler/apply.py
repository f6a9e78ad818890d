"""Carry out a plan: wave by wave, brothers side by side, every call recorded before and after.

Before a call its intent is saved, after it what came of it; so a crash at any point leaves a state from which
the next run goes on. What does not end before the deadline is left as a resume token."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler import triggers
from reconciler.change import Action, Change
from reconciler.errors import Busy, Forbidden, ReconcilerError, Throttled, Unreachable
from reconciler.graph import Graph
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.providers.provider import Done, Pending, Provider
from reconciler.record import Entry, Intent, State
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.settle import Mask, trouble
from reconciler.triggers import Pauser
from reconciler.waves import Waves

WORKERS = 8
ROLE_DELAY = timedelta(minutes=30)
"""How long a role assignment may take to work (https://learn.microsoft.com/azure/role-based-access-control/troubleshooting)."""
POLLS = (1.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between two looks at a long operation whose answers do not say how long to wait."""
UNSURE = (Unreachable, Throttled, Busy)
"""An earlier attempt of the same call may have come through unanswered: the next run settles the intent."""


@dataclass(frozen=True)
class Applied:
    state: State
    outcomes: tuple[Outcome, ...]


Progress = Callable[[str, tuple[Change, ...], tuple[Any, ...]], None]
"""Called with "wave" and the changes that start, "done" and the outcomes that are known, or "check" and pairs
of a check's name and its record."""


@dataclass
class Tools:
    """What apply works with. `deadline` is on `time.monotonic`'s scale; `resolve` puts into a resource what
    is known by now; `save` keeps the state and gives it back with its new serial; `doubts` tells whether a
    read after a write shows what was not sent."""

    providers: Iterable[Provider]
    resolve: Callable[[Resource, Mapping[Key, Observation]], Resource]
    save: Callable[[State], State]
    mask: Mask
    now: Callable[[], datetime]
    deadline: float
    progress: Progress = field(default=lambda *_: None)
    doubts: Callable[[Resource, Observation, Entry | None], bool] = field(default=lambda *_: False)
    pauser: Pauser | None = None
    pauses: tuple[Key, ...] = ()

    def provider(self, key: Key) -> Provider:
        return next(provider for provider in self.providers if key.kind in provider.kinds)


@dataclass(frozen=True)
class Step:
    """The unit of apply: one write of one object, or one ARM deployment of several resources."""

    changes: tuple[Change, ...]
    resources: tuple[Resource, ...] = ()
    entry: Entry | None = None
    token: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a step ended: `failed` by key; `pending` holds the resume token of what goes on."""

    failed: Mapping[Key, ReconcilerError] = field(default_factory=dict)
    pending: Mapping[str, Any] | None = None
    seen: Mapping[Key, Observation] = field(default_factory=dict)
    whole: ReconcilerError | None = None
    """The call itself was refused: nothing of the step came about."""


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
        recorded = {key: entry.needs for key, entry in state.entries.items()}
        owned = {key for key, entry in state.entries.items() if entry.ours}
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
                    self._leave("the tick's time is over; the next one goes on.")
                    break
                self._intend(steps)
                self.tools.progress("wave", tuple(c for step in steps for c in step.changes), ())
                started = time.monotonic()
                running = {pool.submit(self._work, step): step for step in steps}
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

    def _work(self, step: Step) -> Ended:
        """Make the step's call and look after it until it ends or time is over. Runs in a thread."""
        provider = self.tools.provider(step.changes[0].key)
        try:
            if step.entry is not None:
                return self._follow(provider, provider.delete(step.entry))
            ended = self._follow(provider, provider.write(step.resources, step.token))
        except ReconcilerError as error:
            return Ended(whole=error)
        made = [resource for resource in step.resources if resource.key not in ended.failed]
        if ended.pending is not None or not made:
            return ended
        try:
            seen = dict(provider.read(made))
            doubted = tuple(resource for resource in made if self._doubted(resource, seen[resource.key]))
            if doubted:
                again = self._follow(provider, provider.write(doubted, step.token))
                if again.pending is not None:
                    return replace(ended, pending=again.pending)
                seen = {key: each for key, each in seen.items() if key not in again.failed}
                sure = [resource for resource in doubted if resource.key in seen]
                seen.update(provider.read(sure) if sure else {})
            return replace(ended, seen=seen)
        except ReconcilerError:
            return ended

    def _doubted(self, resource: Resource, seen: Observation) -> bool:
        """What was read differs from what was sent: by Azure's will, or by somebody between our write and our
        read. The same write once more tells which: what it does not bring either, Azure does not accept."""
        before = self.live.get(resource.key)
        if seen.status is not Status.PRESENT or (before is not None and seen.spec == before.spec):
            return False
        return self.tools.doubts(resource, seen, self.state.entries.get(resource.key))

    def _follow(self, provider: Provider, answer: Done | Pending) -> Ended:
        looks = 0
        while isinstance(answer, Pending):
            own = POLLS[min(looks, len(POLLS) - 1)]
            pause = (
                own if answer.wait is None else max(answer.wait, 0.05 * 2 ** min(looks, 8) if looks else 0.0)
            )
            if time.monotonic() + pause >= self.tools.deadline:
                return Ended(pending=answer.token)
            time.sleep(pause)
            looks += 1
            try:
                answer = provider.poll(answer.token)
            except (Unreachable, Throttled):
                continue
        return Ended(failed=answer.failed)

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
        before = self.state
        for resource in self.graph:
            entry, seen = self.state.entries.get(resource.key), self.live.get(resource.key)
            if entry is None or seen is None or resource.key in held or not (entry.ours and entry.settled):
                continue
            at = {**resource.at, **({"id": entry.at["id"]} if entry.adopted and "id" in entry.at else {})}
            fresh = replace(
                entry,
                at=at,
                needs=resource.needs,
                applied=self.tools.mask(resource.type, resource.spec),
                doubted=False,
            )
            if seen.status is Status.PRESENT and seen.stamp:
                fresh = replace(fresh, stamp=seen.stamp)
            if at.get("apiVersion") != entry.at.get("apiVersion"):
                fresh = replace(fresh, baseline=self.tools.mask(resource.type, seen.spec, resource.spec))
            if fresh != entry:
                self.state = self.state.put(fresh)
        if self.state is not before:
            self.state = self.tools.save(self.state)

    def _record(self, step: Step, ended: Ended, seconds: float) -> None:
        for change in step.changes:
            error = ended.whole or ended.failed.get(change.key)
            entry = self.state.entries[change.key]
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
        kept = replace(entry, intent=entry.intent if unsure else None, trouble=why)
        if kept.ours or kept.intent or kept.trouble:
            self._put(change, kept)
        else:
            self.state = self.state.drop(change.key)
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

    def _leave(self, why: str) -> None:
        for change in list(self.waves.todo.values()):
            self._outcome(change, Result.PENDING, error=why)

    def _put(self, change: Change, entry: Entry) -> None:
        self.state = self.state.put(entry)

    def _outcome(
        self, change: Change, result: Result, seconds: float = 0.0, error: str = "", code: str = ""
    ) -> None:
        outcome = Outcome(change.key, change.action, result, round(seconds, 3), error, code)
        self.waves.todo.pop(change.key, None)
        self.outcomes[change.key] = outcome
        self.tools.progress("done", (), (outcome,))
