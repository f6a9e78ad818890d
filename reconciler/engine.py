"""The only conductor: reads Git, looks at live, makes the plan, carries it out, records what happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler import approval, githost, promotion, triggers, verify
from reconciler import environment as environment_
from reconciler.alerts import Post
from reconciler.change import Action
from reconciler.checkout import Checkout
from reconciler.checks import Record, checks_json
from reconciler.cloud import Cloud, Material
from reconciler.destroy import destroy
from reconciler.errors import Fault, InputError, ReconcilerError, StateError, StateLocked
from reconciler.execute import execute
from reconciler.githost import Host
from reconciler.outcome import Outcome
from reconciler.planner import Planner
from reconciler.record import State
from reconciler.report import Reader, Report, nobody
from reconciler.resource import Key
from reconciler.source import Snapshot
from reconciler.state import Store
from reconciler.step import Progress
from reconciler.tick import Planned, Tick, result_of

TICK_SECONDS = 480.0
"""A tick ends after so long, whatever is left (an Azure Function's message is hidden for ten minutes)."""


class _Moved(Exception):
    """Git is at another commit than a moment ago: other threads fetch, too."""


@dataclass(frozen=True)
class Reconciler:
    """Plans and applies the environments of one repository, and records what it did.

    post: how alerts are sent; its argument reads addresses in vaults, None where nobody is signed in.
    host: where pull requests are answered and statuses of commits are told; None for nowhere."""

    checkout: Checkout
    store: Store
    planner: Planner
    seconds: float = TICK_SECONDS
    post: Callable[[Reader | None], Post] = nobody
    host: Host | None = None

    def plan(self, name: str, *, commit: str | None = None, offline: bool = False) -> Planned:
        """What would be done, and why. Writes nothing."""
        state = self.store.load(name) or State.new(name)
        return self.planner.plan(name, state, commit=commit, offline=offline)

    @property
    def report(self) -> Report:
        return Report(self.checkout, self.store, self.post)

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
        """Plan, ask, apply, record: one whole run of the loop for one environment; none while suspended.

        confirm: asked again where waiting for an earlier run's operations brings writes that were not shown.
        Raises UnsafePlan where the plan is over its limits, StateLocked where another run is at it."""
        try:
            return self._apply(name, confirm, allow_destructive, progress, holder)
        finally:
            self._start_stopped(name)

    def _apply(
        self,
        name: str,
        confirm: Callable[[Planned], bool] = lambda _: True,
        allow_destructive: bool = False,
        progress: Progress = lambda *_: None,
        holder: str = "tick",
        began: str = "",
        looked: str = "",
    ) -> Tick:
        """looked: the commit at which nothing was seen to hold the environment. Raises _Moved at another."""
        started = time.monotonic()
        deadline = started + self.seconds
        with self.store.lock(name, holder) as lease:
            state = self.store.load(name) or State.new(name)
            if state.suspended:
                return Tick(name, state.commit, "suspended", reason=state.suspended)
            snapshot = self._newest(name, state)
            if looked and snapshot.commit != looked:
                raise _Moved
            environment = self.checkout.environment(name, snapshot)
            if environment is None:
                return Tick(name, snapshot.commit, "done", self.planner.orphans(name, snapshot, state))
            before = state
            session = self.planner.session(environment, snapshot)
            cloud, identity = session.cloud, session.identity
            outcomes: dict[Key, Outcome] = {}
            first: Planned | None = None
            shown: set[tuple[Key, Action]] = set()
            waiting: frozenset[Key] = frozenset()
            while True:
                lease.check()
                planned, running = self.planner.live(environment, snapshot, state, session)
                self.report.keep_plan(planned, cloud.now(), first)
                planned.plan.check(allow_destructive=allow_destructive)
                writes = _told_as(planned, waiting)
                if first is None or writes - shown:
                    if not confirm(planned):
                        done = tuple(outcomes.values())
                        return Tick(name, snapshot.commit, "declined", planned, done, calls=cloud.calls())
                    first, shown = first or planned, shown | writes
                planned = replace(planned, state=approval.begun(planned.state, planned.plan))
                state = execute(planned, self.planner, self.store, cloud, deadline, progress, outcomes)
                if planned.unplaced and planned.unplaced != waiting and time.monotonic() < deadline:
                    waiting = planned.unplaced  # the workspace may have its address now
                elif not running or not self._wait(state, running, cloud, deadline):
                    break
            result, reason = result_of(planned.plan, outcomes.values()), ""
            unread = [held for held in planned.plan.blocked if held.code == "unreadable"] if waiting else []
            if result == "done" and unread:
                result = "failed"
                reason = f"{len(unread)} resources of the new workspace were not made. {unread[0].reason}"
            if result == "done" and verify.converged(planned.plan, outcomes.values()):
                state = verify.verified(
                    environment, planned, state, cloud, self.store.save, deadline, _checked(progress)
                )
                result, reason = verify.outcome_of(environment, state)
            tick = Tick(
                name,
                snapshot.commit,
                result,
                first,
                tuple(outcomes.values()),
                reason,
                tuple(checks_json(state.notes.get("checks") or {}, _waiting(environment, state))),
                seconds=round(time.monotonic() - started, 3),
                calls=cloud.calls(),
                began=began,
            )
            state = replace(
                state,
                notes={
                    **state.notes,
                    "identity": [identity.object_id, identity.tenant_id],
                    "client": environment.azure.identity if environment.azure else None,
                },
            )
            state = self.report.remember(state, tick, planned.plan, cloud.now())
            self.report.alert(tick, before, state, environment, cloud, planned=planned, keep=self.report.keep)
            return tick

    def _newest(self, name: str, state: State) -> Snapshot:
        """What Git says, asked once more where that does not come after what the last tick saw: another
        instance may have fetched and applied a newer commit since we fetched."""
        found = self.checkout.snapshot(name)
        seen = str((state.notes.get("last") or {}).get("commit") or state.commit)
        if not seen or self.checkout.source.leads(seen, found.commit):
            return found
        self.checkout.fetch()
        return self.checkout.snapshot(name)

    def _wait(self, state: State, running: set[Key], cloud: Cloud, deadline: float) -> bool:
        """Wait until an operation that an earlier run left has ended; False when time is over first."""
        pause = 1.0
        while time.monotonic() + pause < deadline:
            time.sleep(pause)
            _, still = self.planner.look_after(state, cloud)
            if still != running:
                return True
            pause = min(pause * 2, 15.0)
        return False

    def tick(self, name: str, *, progress: Progress = lambda *_: None) -> Tick:
        """One whole loop as the Function app runs it: fetch, plan, policy, apply, record."""
        try:
            return self._tick(name, progress)
        finally:
            self._start_stopped(name)
            githost.ended(self.host, self.store, name)

    def _tick(self, name: str, progress: Progress) -> Tick:
        state = self.store.load(name)
        if state is not None and state.suspended:
            return Tick(name, state.commit, "suspended", reason=state.suspended)
        began, commit = datetime.now(UTC).isoformat(), ""
        try:
            self.checkout.fetch()
            while True:
                snapshot = self.checkout.snapshot(name)
                commit = snapshot.commit
                try:
                    return self._at(snapshot, name, progress, began)
                except _Moved:
                    continue
        except StateError:
            raise
        except ReconcilerError as error:
            self.report.ended_early(Tick(name, commit, "failed", reason=str(error)), error)
            raise

    def _at(self, snapshot: Snapshot, name: str, progress: Progress, began: str) -> Tick:
        """A tick at this commit, unless what comes before holds it. Raises _Moved where Git has another by
        now: what may hold that one was not looked at."""
        commit = snapshot.commit
        githost.begun(self.host, self.store, name, commit)
        environment = self.checkout.environment(name, snapshot)
        if environment is not None:
            held = promotion.held(
                environment,
                commit,
                self.store.load,
                self.checkout.source.changed,
                lambda before: self._fit(before, snapshot),
            )
            if held:
                return self.report.ended_early(Tick(name, commit, "held", reason=held))
            if environment.policy.sync == "manual":
                return self._manual(environment, progress, began, commit)
        return self._apply(name, progress=progress, began=began, looked=commit)

    def _fit(self, name: str, snapshot: Snapshot) -> environment_.Environment | None:
        """An environment as a snapshot has it; None where it is faulty there."""
        try:
            return self.checkout.load(name, snapshot)
        except InputError:
            return None

    def _manual(
        self, environment: environment_.Environment, progress: Progress, began: str, commit: str
    ) -> Tick:
        """`sync: manual`: the plan that was approved is applied, and checks are looked after where there is
        nothing to apply; any other plan is planned alone."""
        name = environment.name
        if environment.checks or approval.found(self.store.load(name)) is not None:
            tick = self._apply(
                name,
                lambda planned: not planned.plan.changes or approval.allows(planned.state, planned.plan),
                progress=progress,
                began=began,
                looked=commit,
            )
            if tick.result != "declined":
                return tick
        return self._plan_alone(name, began)

    def _start_stopped(self, name: str) -> None:
        """Start the triggers that a killed run has left stopped, where the run that ends now wrote nothing:
        held, manual, suspended, over its limits, or with faults in Git.

        Raises nothing of its own: what cannot be started stays marked, and the history tells why."""
        try:
            state = self.store.load(name)
            if state is None or not any(entry.paused for entry in state.entries.values()):
                return
            with self.store.lock(name, "triggers"):
                state = self.store.load(name) or state
                ids = [str(entry.at["id"]) for entry in state.entries.values() if entry.paused]
                client = state.notes.get("client")
                cloud, _ = self.planner.sign_in(ids[0].split("/")[2], client, name, Material())
                _, trouble = triggers.resume(state, cloud.adf, self.store.save)
            if trouble:
                told = "; ".join(f"{outcome.key}: {outcome.error}" for outcome in trouble)
                self.report.told(Tick(name, state.commit, "failed", outcomes=trouble, reason=told))
        except StateLocked:
            return  # whoever holds it looks after them
        except ReconcilerError as error:
            self.report.told(Tick(name, "", "failed", reason=f"triggers are not started again: {error}"))

    def _plan_alone(self, name: str, began: str) -> Tick:
        """Plan and record what was seen, write nothing."""
        started = time.monotonic()
        with self.store.lock(name, "tick"):
            planned = self.plan(name)
            self.report.keep_plan(planned, datetime.now(UTC))
            reason = approval.waits(planned.state, planned.plan)
            seconds = round(time.monotonic() - started, 3)
            tick = Tick(
                name, planned.plan.commit, "done", planned, (), reason, (), seconds, planned.calls, began
            )
            before = planned.state
            state = self.report.remember(planned.state, tick, planned.plan, datetime.now(UTC))
            environment = planned.desired.environment if planned.desired else None
            self.report.alert(
                tick, before, state, environment, planned=planned, manual=True, keep=self.report.keep
            )
            return tick

    # One environment as a whole

    def destroy(
        self,
        name: str,
        *,
        confirm: Callable[[Planned], bool] = lambda _: True,
        progress: Progress = lambda *_: None,
    ) -> Tick:
        """Remove what is ours of one environment, in reverse order. Protected types stay and are told.

        Raises InputError and StateError where nothing was ever recorded of it, unknown to Git or not."""
        with self.store.lock(name, "destroy"):
            return destroy(name, self.planner, self.report, self.seconds, confirm, progress)

    def suspend(self, name: str, why: str) -> None:
        """Stop reconciling one environment until `resume`."""
        self._set_suspended(name, why)

    def resume(self, name: str) -> None:
        self._set_suspended(name, "")

    def approve(self, name: str, digest: str, by: str) -> None:
        """Let the plan with this digest through, for an environment with `sync: manual`; the next tick that
        makes just this plan applies it. Raises StateLocked while a run is at the environment, and InputError
        where no approval is asked for."""
        environment = self.checkout.load(name, self.checkout.snapshot(name))
        if environment.policy.sync != "manual":
            place = environment.where("policy.sync")
            raise InputError(
                [Fault(place, "`sync` is not manual: every plan is applied, no approval is due.")]
            )
        with self.store.lock(name, "approve"):
            state = self.store.load(name) or State.new(name)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self.store.save(approval.given(state, digest, by, now))

    def _set_suspended(self, name: str, why: str) -> None:
        with self.store.lock(name, "suspend"):
            state = self.store.load(name)
            if state is None:
                self.checkout.expect(name)
            known = state or State.new(name)
            self.store.save(replace(known if why else verify.forgotten(known), suspended=why))

    def status(self, name: str) -> State | None:
        return self.store.load(name)

    def known(self) -> tuple[str, ...]:
        """Environments of the repository and those that only have a state left."""
        return tuple(dict.fromkeys((*self.checkout.names(), *self.store.environments())))


def _checked(progress: Progress) -> Callable[[str, Record], None]:
    """Progress of checks, told as that of changes is."""
    return lambda name, record: progress("check", (), ((name, record),))


def _waiting(environment: environment_.Environment, state: State) -> list[str]:
    """Checks that were not run."""
    return [check.name for check in environment.checks if check.name not in (state.notes.get("checks") or {})]


def _told_as(planned: Planned, waiting: frozenset[Key]) -> set[tuple[Key, Action]]:
    """The plan's writes; one of a workspace that had no address yet under the key that it was shown by."""
    shown = {(key.kind, key.name): key for key in waiting}
    return {
        (shown.get((change.key.kind, change.key.name), change.key), change.action)
        for change in planned.plan.writes
    }
