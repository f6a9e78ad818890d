"""What a run leaves behind: health, drift and its age in the state, a line of the history, alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler import alerts, approval
from reconciler.alerts import Ended, Post
from reconciler.change import HARMLESS
from reconciler.checkout import Checkout
from reconciler.cloud import Cloud
from reconciler.diff import Cause
from reconciler.environment import Environment
from reconciler.errors import ReconcilerError, StateLocked
from reconciler.outcome import Result
from reconciler.plan import Plan
from reconciler.record import Drift, State
from reconciler.state import Store
from reconciler.tick import Planned, Tick, history_line

log = logging.getLogger(__name__)

Reader = Callable[[str], str]
"""Gives the value of a secret's source; raises CloudError."""


def nobody(_: Reader | None) -> Post:
    """Alerts go nowhere."""
    return Post(address=lambda _: ("", "no address is set"))


@dataclass(frozen=True)
class Report:
    """Tells of the runs of one repository's environments.

    post: how alerts are sent; its argument reads addresses in vaults, None where nobody is signed in."""

    checkout: Checkout
    store: Store
    post: Callable[[Reader | None], Post] = nobody

    def told(self, tick: Tick) -> Tick:
        """Add a line to the history."""
        self.store.append_history(tick.environment, history_line(tick, datetime.now(UTC)))
        return tick

    def remember(self, state: State, tick: Tick, plan: Plan, now: datetime) -> State:
        """The state with health, drift and its age, and the last outcomes; `keep` is to save it."""
        differing = {
            change.key: tuple(f.path for f in change.fields)
            for change in (*plan.changes, *(held.change for held in plan.blocked if held.change is not None))
            if change.cause in (Cause.DRIFT, Cause.BOTH)
        }
        healed = {outcome.key for outcome in tick.outcomes if outcome.result is Result.DONE}
        left = [change for change in plan.writes if change.key not in healed]
        holds = [held.code for held in plan.blocked if held.code not in HARMLESS]
        drift = {
            key: Drift(
                state.drift[key].since if key in state.drift else now.isoformat(timespec="seconds"), fields
            )
            for key, fields in differing.items()
            if key not in healed
        }
        line = history_line(tick, now)
        done = not left and tick.result != "pending"
        notes = approval.ended(
            {**state.notes, "last": line, "holds": holds, "began": tick.began}, tick.commit, done=done
        )
        if tick.result == "done" and not holds and not left:
            notes["healthy"] = tick.commit
        commit = state.commit if left else tick.commit
        return replace(state, drift=drift, commit=commit, notes=notes)

    def keep(self, state: State) -> State:
        """Save what is remembered of a run; add a line to the history."""
        saved = self.store.save(state)
        self.store.append_history(state.environment, saved.notes["last"])
        return saved

    def keep_plan(self, planned: Planned, now: datetime, first: Planned | None = None) -> None:
        """Keep the last plan for those who look later. It is for the eye: where it is lost, nothing fails."""
        try:
            document = planned.document(now.isoformat(timespec="seconds"), first)
            self.store.keep_plan(planned.plan.environment, document)
        except Exception as error:  # also what cannot be shown must not end the tick
            log.warning("plan not kept environment=%s message=%s", planned.plan.environment, error)

    def ended_early(self, tick: Tick, error: ReconcilerError | None = None) -> Tick:
        """Tell of a tick that came to no plan, or to none that was carried out."""
        self.told(tick)
        try:
            with self.store.lock(tick.environment, "alerts"):
                state = self.store.load(tick.environment) or State.new(tick.environment)
                self.alert(tick, state, state, self._last_read(state), error=error)
        except StateLocked:
            pass  # whoever holds it tells what it finds
        return tick

    def alert(
        self,
        tick: Tick,
        before: State,
        after: State,
        environment: Environment | None,
        cloud: Cloud | None = None,
        *,
        planned: Planned | None = None,
        manual: bool = False,
        error: ReconcilerError | None = None,
        keep: Callable[[State], State] | None = None,
    ) -> None:
        """Tell what is new, and remember that it was told.

        planned: the last plan of the tick. keep: saves `after`, where that is not saved yet: before anything
        is told, so that no crash tells it otherwise; where there is nothing to tell, one save is enough."""
        ended = Ended(
            tick.environment,
            tick.commit,
            tick.result,
            planned.plan if planned else None,
            tick.planned.plan.changes if tick.planned else (),
            tick.outcomes,
            tick.reason,
            manual,
            error,
        )
        post = self.post(cloud.values.value if cloud else None)
        now = cloud.now() if cloud else datetime.now(UTC)
        log = cloud.arm if cloud else None
        live = tick.planned.live if tick.planned else None
        save = keep or (lambda state: state)
        told = alerts.after_tick(ended, before, after, environment, post, now, log=log, live=live, save=save)
        if keep is not None and told.serial == after.serial:
            keep(told)
        elif told != after:
            self.store.save(told)

    def _last_read(self, state: State) -> Environment | None:
        """The environment as Git says now, else as it was last applied: it names whom to tell."""
        for commit in (None, state.commit or None):
            try:
                snapshot = self.checkout.snapshot(state.environment, commit)
                return self.checkout.environment(state.environment, snapshot)
            except ReconcilerError:
                continue
        return None
