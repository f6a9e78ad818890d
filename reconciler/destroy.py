"""Everything that is ours of one environment is removed, in reverse order."""

from __future__ import annotations

import time
from collections.abc import Callable

from reconciler import plan as plan_
from reconciler.cloud import Material
from reconciler.environment import Policy as Said
from reconciler.errors import StateError
from reconciler.execute import execute
from reconciler.graph import Graph
from reconciler.memo import Memo
from reconciler.outcome import Outcome
from reconciler.planner import Planner, never_arrived, policy_of
from reconciler.policy import Policy
from reconciler.record import State
from reconciler.report import Report
from reconciler.resource import Key
from reconciler.settle import settle
from reconciler.step import Progress
from reconciler.survey import survey
from reconciler.tick import Planned, Tick, result_of


def destroy(
    name: str,
    planner: Planner,
    report: Report,
    seconds: float,
    confirm: Callable[[Planned], bool],
    progress: Progress,
) -> Tick:
    """Remove what is ours, within so many seconds. Protected types stay and are told. Needs the lock.

    Raises InputError and StateError where nothing was ever recorded of it, unknown to Git or not."""
    started = time.monotonic()
    checkout, store = planner.checkout, report.store
    state = store.load(name)
    if state is None:
        checkout.expect(name)
        raise StateError(
            f"Nothing is recorded of the environment {name!r}: there is nothing to remove. "
            "Is it recorded elsewhere? --state or RECONCILER_STATE names the place."
        )
    if not state.entries:
        return Tick(name, state.commit, "done", reason=f"nothing is left of {name}")
    snapshot = checkout.snapshot(name)
    environment = checkout.environment(name, snapshot)
    policy = policy_of(environment, 0) if environment else Policy(protect=Said().protect)
    azure = environment.azure if environment else None
    subscription = azure.subscription if azure else _subscription_of(state)
    client_id = azure.identity if azure else state.notes.get("client")
    material = Material(disable=environment is not None and environment.policy.secrets == "disable")
    cloud, _ = planner.sign_in(subscription, client_id, name, material)
    ended, running = planner.look_after(state, cloud)
    live = survey(Graph(), state, cloud, Memo())
    ended |= never_arrived(running & live.gone)
    now, commit = cloud.now(), snapshot.commit
    state = settle(state, Graph(), live.observations, ended, mask=planner.mask, commit=commit, now=now)
    plan = plan_.make(
        Graph(), live.observations, state, policy, environment=name, commit=commit, now=now,
        unmanaged=live.unmanaged, destroy=True,
    )  # fmt: skip
    planned = Planned(plan, state, Graph(), live.observations, calls=cloud.calls())
    if not confirm(planned):
        return Tick(name, commit, "declined", planned, calls=cloud.calls())
    outcomes: dict[Key, Outcome] = {}
    state = execute(planned, planner, store, cloud, started + seconds, progress, outcomes)
    result = result_of(plan, outcomes.values())
    took = round(time.monotonic() - started, 3)
    tick = Tick(name, commit, result, planned, tuple(outcomes.values()), "", (), took, cloud.calls())
    report.keep(report.remember(state, tick, plan, cloud.now()))
    return tick


def _subscription_of(state: State) -> str:
    """The subscription of an environment that Git does not mention any more. Raises StateError."""
    names = ("id", "resourceId", "vaultId")
    ids = (str(entry.at.get(name) or "") for entry in state.entries.values() for name in names)
    found = next((id_.split("/")[2] for id_ in ids if id_.startswith("/subscriptions/")), "")
    if not found:
        raise StateError(
            f"Nothing that is recorded of {state.environment} tells its subscription. "
            "Put its file back into Git, and destroy it then."
        )
    return found
