"""One plan carried out: what was settled is saved first, then apply runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from reconciler import resolve as resolve_
from reconciler.apply import run
from reconciler.cloud import Cloud
from reconciler.errors import CloudError
from reconciler.outcome import Outcome
from reconciler.planner import Planner
from reconciler.record import State
from reconciler.resource import Key, Observation, Resource
from reconciler.state import Store
from reconciler.step import Progress, Tools
from reconciler.tick import Planned


def execute(
    planned: Planned,
    planner: Planner,
    store: Store,
    cloud: Cloud,
    deadline: float,
    progress: Progress,
    outcomes: dict[Key, Outcome],
) -> State:
    """Save what was settled, then apply the plan made on it; outcomes are added to `outcomes`.

    deadline: of time.monotonic(). Raises StateError and SignInError."""
    before = store.load(planned.plan.environment)
    state = planned.state
    if before is None or (state.entries is not before.entries and state.entries != before.entries):
        state = store.save(state)
    changes = tuple(change for change in planned.plan.changes if change.key not in planned.unplaced)
    plan = replace(planned.plan, changes=changes, lineage=state.lineage, serial=state.serial)
    tools = Tools(
        providers=cloud.providers,
        resolve=partial(_resolve, planned=planned, cloud=cloud),
        save=store.save,
        mask=planner.mask,
        doubts=planner.doubts,
        pauser=cloud.adf,
        pauses=planned.pauses,
        memo=planner.memo(planned.plan.environment),
        now=cloud.now,
        deadline=deadline,
        progress=progress,
    )
    applied = run(plan, planned.graph, planned.live, state, tools)
    outcomes.update({outcome.key: outcome for outcome in applied.outcomes})
    return applied.state


def _resolve(
    resource: Resource, observations: Mapping[Key, Observation], planned: Planned, cloud: Cloud
) -> Resource:
    """The resource with all put in that is known by now."""
    known = resolve_.carry(resolve_.resolve(resource, observations, planned.others), observations)
    outputs = planned.desired.outputs if planned.desired is not None else {}
    try:
        return cloud.values.seal(known, planned.state.entries.get(known.key), observations, outputs)
    except CloudError:
        return known  # the write reads the value itself, and tells what is wrong with it
