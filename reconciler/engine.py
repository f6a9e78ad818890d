"""The only conductor: reads Git, looks at live, makes the plan, carries it out, records what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from reconciler import desired as desired_
from reconciler import environment as environment_
from reconciler import live as live_
from reconciler import plan as plan_
from reconciler import promotion
from reconciler import resolve as resolve_
from reconciler.apply import Outcome, Progress, Result, Tools, run
from reconciler.change import Action
from reconciler.cloud import Cloud, Identity
from reconciler.desired import Facts
from reconciler.diff import Cause
from reconciler.environment import Environment
from reconciler.errors import Fault, InputError, ReconcilerError, StateError
from reconciler.graph import Graph
from reconciler.plan import Plan
from reconciler.policy import Acknowledgement, Policy, Rule
from reconciler.providers.provider import Pending
from reconciler.record import Drift, State
from reconciler.resource import Key, Observation, Status
from reconciler.rules import for_type, masked
from reconciler.settle import settle
from reconciler.source import Snapshot, Source
from reconciler.state import Store
from reconciler.tick import Planned, Tick, history_line, result_of

TICK_SECONDS = 480.0
"""A tick ends after so long, whatever is left (an Azure Function's message is hidden for ten minutes)."""


UNKNOWN_IDENTITY = Identity("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000")
"""Stands for our own identity where nobody is signed in, as for `validate`."""


@dataclass
class Reconciler:
    """Plans and applies environments of one repository.

    cloud: signs in for a subscription and the client id of an identity (None = the app's own).
    secret: the value of `env:NAME` and its like, None where it is not set or not allowed.
    follow: reads each environment's own branch; else all is read at `ref`."""

    source: Source
    store: Store
    cloud: Callable[[str, str | None, str, Callable[[str], Mapping[str, Any]]], tuple[Cloud, Identity]]
    secret: Callable[[str], str | None] = lambda _: None
    ref: str = "HEAD"
    follow: bool = False
    seconds: float = TICK_SECONDS

    # What Git says

    def snapshot(self, name: str | None = None, commit: str | None = None) -> Snapshot:
        """The repository at a commit, else where this environment follows it."""
        if commit:
            return self.source.snapshot(commit)
        first = self.source.snapshot(self.ref)
        if not self.follow or name is None or name not in environment_.names(first.root):
            return first
        follows = environment_.load(first.root, name).source
        ref = (follows.tag or follows.branch) if follows else None
        return self.source.snapshot(ref) if ref and ref != self.ref else first

    def names(self) -> tuple[str, ...]:
        return environment_.names(self.snapshot().root)

    def validate(self, names: tuple[str, ...] = (), commit: str | None = None) -> tuple[str, ...]:
        """Check environments offline. Raises InputError with every fault of all of them; gives warnings."""
        snapshot = self.snapshot(commit=commit)
        faults: list[Fault] = []
        warnings = list(snapshot.warnings)
        for name in names or environment_.names(snapshot.root):
            try:
                environment = environment_.load(snapshot.root, name)
                warnings += desired_.build(environment, snapshot.root, self._facts(environment)).warnings
            except InputError as error:
                faults.extend(error.faults)
        if faults:
            raise InputError(sorted(set(faults)))
        return tuple(dict.fromkeys(warnings))

    def graph(self, name: str, commit: str | None = None) -> Graph:
        """What one environment wants and what needs what, offline."""
        snapshot = self.snapshot(name, commit)
        environment = environment_.load(snapshot.root, name)
        return desired_.build(environment, snapshot.root, self._facts(environment)).graph

    def _facts(self, environment: Environment, identity: Identity | None = None) -> Facts:
        asked = {reference.text[2:-1] for _, reference in environment.references() if reference.is_secret}
        values = {text: value for text in asked if (value := self.secret(text)) is not None}
        known = identity or UNKNOWN_IDENTITY
        return Facts(
            identity=known.object_id,
            tenant=known.tenant_id,
            secrets=values,
            key=self.store.key(),
        )

    # The plan

    def plan(self, name: str, *, commit: str | None = None, offline: bool = False) -> Planned:
        """What would be done, and why. Writes nothing."""
        snapshot = self.snapshot(name, commit)
        state = self.store.load(name) or State.new(name)
        if name not in environment_.names(snapshot.root) and state.entries:
            return self._orphans(name, snapshot, state)
        environment = environment_.load(snapshot.root, name)
        if offline:
            return self._offline(environment, snapshot, state)
        planned, _ = self._plan(environment, snapshot, state, *self._sign_in(environment))
        return planned

    def _sign_in(self, environment: Environment) -> tuple[Cloud, Identity, dict[str, Any]]:
        """The cloud of an environment; the last value is filled with secure parameters later."""
        secure: dict[str, Any] = {}
        azure = environment.azure
        if azure is None:
            where = environment.where()
            fault = Fault(
                where,
                f"The environment {environment.name!r} has no section `azure`.",
                "Add it: there is nothing to sign in to without it.",
            )
            raise InputError([fault])
        cloud, identity = self.cloud(
            azure.subscription,
            azure.identity,
            environment.name,
            lambda deployment: secure.get(deployment, {}),
        )
        return cloud, identity, secure

    def _plan(
        self,
        environment: Environment,
        snapshot: Snapshot,
        state: State,
        cloud: Cloud,
        identity: Identity,
        secure: dict[str, Any],
    ) -> tuple[Planned, set[Key]]:
        """The plan, and the keys whose earlier operations still go on."""
        desired = desired_.build(environment, snapshot.root, self._facts(environment, identity))
        secure.update(desired.secure)
        ended, running = self._look_after(state, cloud)
        live = live_.observe(desired.graph, state, cloud.providers)
        others = cloud.look_up(resolve_.referred(desired.graph))
        graph = Graph(resolve_.resolve(resource, live.observations, others) for resource in desired.graph)
        now = cloud.now()
        state = settle(state, graph, live.observations, ended, mask=self.mask, now=now)
        plan = plan_.make(
            graph,
            live.observations,
            state,
            policy_of(environment, len(state.ours)),
            environment=environment.name,
            commit=snapshot.commit,
            now=now,
            unmanaged=live.unmanaged,
            stopped=desired.blocked,
        )
        warnings = (*snapshot.warnings, *desired.warnings)
        return Planned(
            plan, state, graph, live.observations, desired, others, cloud.calls(), warnings
        ), running

    def _look_after(self, state: State, cloud: Cloud) -> tuple[dict[Key, ReconcilerError | None], set[Key]]:
        """Look once at every long operation that an earlier run left, and at calls without an answer."""
        tokens: dict[str, list[Key]] = {}
        for key, entry in state.entries.items():
            if entry.intent is not None:
                tokens.setdefault(repr(sorted(entry.intent.token.items())), []).append(key)
        ended: dict[Key, ReconcilerError | None] = {}
        running: set[Key] = set()
        for keys in tokens.values():
            intent = state.entries[keys[0]].intent
            provider = next(p for p in cloud.providers if keys[0].kind in p.kinds)
            assert intent is not None
            answer = provider.poll(intent.token)
            if isinstance(answer, Pending):
                running.update(keys)
            else:
                ended.update({key: answer.failed.get(key) for key in keys})
        return ended, running

    def _orphans(self, name: str, snapshot: Snapshot, state: State) -> Planned:
        """Its file has gone: that deletes nothing, it is only told."""
        plan = Plan(
            name,
            snapshot.commit,
            orphaned=tuple(sorted(state.ours)),
            lineage=state.lineage,
            serial=state.serial,
        )
        told = f"environments/{name}.yaml is gone; nothing is deleted. `reconciler destroy {name}` does that."
        return Planned(plan, state, warnings=(*snapshot.warnings, told))

    def _offline(self, environment: Environment, snapshot: Snapshot, state: State) -> Planned:
        """The plan against what was recorded, without a call."""
        recorded = state.notes.get("identity")
        identity = Identity(*recorded) if recorded else None
        desired = desired_.build(environment, snapshot.root, self._facts(environment, identity))
        seen = {
            resource.key: Observation(
                resource.key,
                Status.PRESENT,
                entry.id,
                entry.baseline if entry.baseline is not None else entry.applied or {},
            )
            if (entry := state.entries.get(resource.key)) is not None and entry.ours
            else Observation(resource.key, Status.ABSENT)
            for resource in desired.graph
        }
        seen |= {
            key: Observation(key, Status.PRESENT, entry.id, entry.baseline or {})
            for key, entry in state.entries.items()
            if key not in seen
        }
        graph = Graph(resolve_.resolve(resource, seen) for resource in desired.graph)
        plan = plan_.make(
            graph,
            seen,
            state,
            policy_of(environment, len(state.ours)),
            environment=environment.name,
            commit=snapshot.commit,
            now=datetime.now(UTC),
            stopped=desired.blocked,
        )
        warnings = (
            *snapshot.warnings,
            *desired.warnings,
            "offline: compared with what was recorded, not with Azure.",
        )
        return Planned(plan, state, graph, seen, desired, warnings=warnings)

    def mask(self, type_: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of a spec may be kept in state."""
        return masked(spec, for_type(type_), self.store.key())

    # The loop

    def apply(
        self,
        name: str,
        *,
        confirm: Callable[[Planned], bool] = lambda _: True,
        allow_destructive: bool = False,
        progress: Progress = lambda *_: None,
        holder: str = "apply",
    ) -> Tick:
        """Plan, ask, apply, record: one whole run of the loop for one environment.

        Raises UnsafePlan where the plan is over its limits, StateLocked where another run is at it."""
        started = time.monotonic()
        deadline = started + self.seconds
        with self.store.lock(name, holder) as lease:
            state = self.store.load(name) or State.new(name)
            snapshot = self.snapshot(name)
            if name not in environment_.names(snapshot.root) and state.entries:
                return Tick(name, snapshot.commit, "done", self._orphans(name, snapshot, state))
            environment = environment_.load(snapshot.root, name)
            cloud, identity, secure = self._sign_in(environment)
            outcomes: dict[Key, Outcome] = {}
            first: Planned | None = None
            while True:
                lease.check()
                planned, running = self._plan(environment, snapshot, state, cloud, identity, secure)
                planned.plan.check(allow_destructive=allow_destructive)
                if first is None:
                    first = planned
                    if not confirm(planned):
                        return Tick(name, snapshot.commit, "declined", planned, calls=cloud.calls())
                state = self._carry_out(planned, cloud, deadline, progress, outcomes)
                if not running or not self._wait(state, running, cloud, deadline):
                    break
            tick = Tick(
                name,
                snapshot.commit,
                result_of(planned.plan, outcomes.values()),
                first,
                tuple(outcomes.values()),
                seconds=round(time.monotonic() - started, 3),
                calls=cloud.calls(),
            )
            state = replace(
                state, notes={**state.notes, "identity": [identity.object_id, identity.tenant_id]}
            )
            self._remember(state, tick, planned.plan, cloud.now())
            return tick

    def _carry_out(
        self,
        planned: Planned,
        cloud: Cloud,
        deadline: float,
        progress: Progress,
        outcomes: dict[Key, Outcome],
    ) -> State:
        """Save what was settled, then apply the plan made on it."""
        before = self.store.load(planned.plan.environment)
        state = planned.state
        if before is None or state.entries != before.entries:
            state = self.store.save(state)
        plan = replace(planned.plan, lineage=state.lineage, serial=state.serial)
        tools = Tools(
            providers=cloud.providers,
            resolve=partial(_resolve, others=planned.others),
            save=self.store.save,
            mask=self.mask,
            now=cloud.now,
            deadline=deadline,
            progress=progress,
        )
        applied = run(plan, planned.graph, planned.live, state, tools)
        outcomes.update({outcome.key: outcome for outcome in applied.outcomes})
        return applied.state

    def _wait(self, state: State, running: set[Key], cloud: Cloud, deadline: float) -> bool:
        """Wait until an operation that an earlier run left has ended; False when time is over first."""
        pause = 1.0
        while time.monotonic() + pause < deadline:
            time.sleep(pause)
            _, still = self._look_after(state, cloud)
            if still != running:
                return True
            pause = min(pause * 2, 15.0)
        return False

    def tick(self, name: str, *, progress: Progress = lambda *_: None) -> Tick:
        """One whole loop as the Function app runs it: fetch, plan, policy, apply, record."""
        state = self.store.load(name)
        if state is not None and state.suspended:
            return Tick(name, state.commit, "suspended", reason=state.suspended)
        self.source.fetch()
        snapshot = self.snapshot(name)
        if name in environment_.names(snapshot.root):
            environment = environment_.load(snapshot.root, name)
            held = promotion.held(environment, snapshot.commit, self.store.load, self.source.changed)
            if held:
                return self._told(Tick(name, snapshot.commit, "held", reason=held))
            if environment.policy.sync == "manual":
                planned = self.plan(name)
                waits = "policy.sync is manual: planned, and applied by `reconciler apply` or an approval."
                return self._told(
                    Tick(name, snapshot.commit, "done", planned, reason=waits, calls=planned.calls)
                )
        return self.apply(name, progress=progress, holder="tick")

    def _told(self, tick: Tick) -> Tick:
        self.store.append_history(tick.environment, history_line(tick, datetime.now(UTC)))
        return tick

    def _remember(self, state: State, tick: Tick, plan: Plan, now: datetime) -> None:
        """Keep health, drift and its age, and the last outcomes; add a line to the history."""
        differing = {
            change.key: tuple(f.path for f in change.fields)
            for change in (*plan.changes, *(held.change for held in plan.blocked if held.change is not None))
            if change.cause in (Cause.DRIFT, Cause.BOTH)
        }
        healed = {outcome.key for outcome in tick.outcomes if outcome.result is Result.DONE}
        drift = {
            key: Drift(
                state.drift[key].since if key in state.drift else now.isoformat(timespec="seconds"), fields
            )
            for key, fields in differing.items()
            if key not in healed
        }
        line = history_line(tick, now)
        notes = {**state.notes, "last": line}
        if tick.result == "done" and not plan.blocked:
            notes["healthy"] = tick.commit
        self.store.save(replace(state, drift=drift, commit=tick.commit, notes=notes))
        self.store.append_history(tick.environment, line)

    # One environment as a whole

    def destroy(
        self,
        name: str,
        *,
        confirm: Callable[[Planned], bool] = lambda _: True,
        progress: Progress = lambda *_: None,
    ) -> Tick:
        """Remove what is ours of one environment, in reverse order. Protected types stay and are told."""
        started = time.monotonic()
        with self.store.lock(name, "destroy"):
            state = self.store.load(name)
            if state is None or not state.entries:
                raise StateError(
                    f"Nothing is recorded of an environment {name!r}: there is nothing to remove."
                )
            snapshot = self.snapshot(name)
            known = name in environment_.names(snapshot.root)
            environment = environment_.load(snapshot.root, name) if known else None
            policy = policy_of(environment, 0) if environment else Policy(protect=DEFAULT_PROTECT)
            ids = [str(entry.at["id"]) for entry in state.entries.values() if "id" in entry.at]
            azure = environment.azure if environment else None
            subscription = azure.subscription if azure else ids[0].split("/")[2]
            cloud, _ = self.cloud(subscription, azure.identity if azure else None, name, lambda _: {})
            ended, _ = self._look_after(state, cloud)
            live = live_.observe(Graph(), state, cloud.providers)
            now = cloud.now()
            state = settle(state, Graph(), live.observations, ended, mask=self.mask, now=now)
            plan = plan_.make(
                Graph(), live.observations, state, policy, environment=name, commit=snapshot.commit, now=now,
                unmanaged=live.unmanaged, destroy=True,
            )  # fmt: skip
            planned = Planned(plan, state, Graph(), live.observations, calls=cloud.calls())
            if not confirm(planned):
                return Tick(name, snapshot.commit, "declined", planned, calls=cloud.calls())
            outcomes: dict[Key, Outcome] = {}
            state = self._carry_out(planned, cloud, started + self.seconds, progress, outcomes)
            result = result_of(plan, outcomes.values())
            seconds = round(time.monotonic() - started, 3)
            tick = Tick(
                name, snapshot.commit, result, planned, tuple(outcomes.values()), "", seconds, cloud.calls()
            )
            self._remember(state, tick, plan, cloud.now())
            return tick

    def suspend(self, name: str, why: str) -> None:
        """Stop reconciling one environment until `resume`."""
        self._set_suspended(name, why)

    def resume(self, name: str) -> None:
        self._set_suspended(name, "")

    def _set_suspended(self, name: str, why: str) -> None:
        with self.store.lock(name, "suspend"):
            state = self.store.load(name)
            if state is None and name not in self.names():
                environment_.load(self.snapshot().root, name)
            self.store.save(replace(state or State.new(name), suspended=why))

    def status(self, name: str) -> State | None:
        return self.store.load(name)

    def known(self) -> tuple[str, ...]:
        """Environments of the repository and those that only have a state left."""
        return tuple(dict.fromkeys((*self.names(), *self.store.environments())))


DEFAULT_PROTECT = environment_.Policy().protect


def _resolve(resource: Any, observations: Mapping[Key, Observation], others: Mapping[str, Any]) -> Any:
    return resolve_.resolve(resource, observations, others)


def policy_of(environment: Environment, recorded: int) -> Policy:
    """The environment's policy in the form that the plan asks, with so many resources recorded as ours."""
    said = environment.policy
    return Policy(
        heal=said.heal,
        prune=said.prune,
        adopt=said.adopt,
        resets_allowed=said.resets == "allow",
        deletes=said.limits.deletes.of(recorded),
        changes=said.limits.changes.of(recorded),
        protect=tuple(said.protect),
        ignore=tuple(Rule(rule.key, rule.path) for rule in said.ignore),
        observe=tuple(said.observe),
        acknowledge=tuple(
            Acknowledgement(action, pattern, known.until)
            for known in said.acknowledge
            for action, pattern in (
                (Action.DELETE, known.delete),
                (Action.REPLACE, known.replace),
            )
            if pattern
        ),
    )
