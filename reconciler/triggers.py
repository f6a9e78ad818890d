"""Triggers of a data factory as a transaction: stopped for as long as it must be, and never left so.

That we stopped one is written down before it is stopped, and struck out after it runs again; so whoever
comes after a crash starts what is still marked. Only our own triggers are ever stopped, and of these only
those that change or that start a pipeline which changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from reconciler.change import Action
from reconciler.errors import ReconcilerError
from reconciler.graph import Graph
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.record import RUNTIME_STATE as STATE
from reconciler.record import STARTED, Entry, State
from reconciler.resource import Key, Observation, Status


class Pauser(Protocol):
    """Stops and starts a trigger; one that is gone is as it should be. Raises CloudError."""

    def pause(self, entry: Entry) -> None: ...

    def resume(self, entry: Entry) -> None: ...


def as_running(seen: Mapping[Key, Observation], state: State) -> dict[Key, Observation]:
    """What was seen, but for our own stops: a trigger that we stopped counts as running."""
    told = dict(seen)
    for key in [key for key, entry in state.entries.items() if entry.paused]:
        observation = seen.get(key)
        if observation is not None and observation.status is Status.PRESENT:
            told[key] = replace(observation, spec={**observation.spec, STATE: STARTED})
    return told


def to_pause(plan: Plan, graph: Graph, state: State, seen: Mapping[Key, Observation]) -> tuple[Key, ...]:
    """Running triggers of ours that change, or that start a pipeline which changes or goes."""
    moving = {change.key for change in plan.writes if change.action is not Action.CREATE}
    if not moving:
        return ()
    found = []
    for key, entry in state.entries.items():
        observation = seen.get(key)
        if key.kind != "adf.trigger" or not entry.ours or observation is None:
            continue
        wanted = graph.get(key)
        pipelines = {*entry.needs, *(wanted.needs if wanted else ())}
        if observation.spec.get(STATE) == STARTED and (key in moving or pipelines & moving):
            found.append(key)
    return tuple(sorted(found))


def mark(state: State, keys: Iterable[Key], save: Callable[[State], State]) -> State:
    """Write down that these triggers are about to be stopped by us."""
    before = state
    for key in keys:
        state = state.put(replace(state.entries[key], paused=True))
    return state if state is before else save(state)


def resume(state: State, pauser: Pauser, save: Callable[[State], State]) -> tuple[State, tuple[Outcome, ...]]:
    """Start what we stopped. What cannot be started stays marked.

    What Git wants stopped now is no longer marked once that is written."""
    trouble = []
    before = state
    for key, entry in state.entries.items():
        if not entry.paused:
            continue
        try:
            pauser.resume(entry)
        except ReconcilerError as error:
            result = Result.PENDING if error.retry else Result.FAILED
            trouble.append(Outcome(key, Action.UPDATE, result, error=f"not started again: {error.message}"))
            continue
        state = state.put(replace(entry, paused=False))
    return (state if state is before else save(state)), tuple(trouble)
