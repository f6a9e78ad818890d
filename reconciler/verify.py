"""An environment that is as Git says is put to its tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler import checks, factory
from reconciler import resolve as resolve_
from reconciler.change import HARMLESS
from reconciler.checks import Record, Tools
from reconciler.checks.record import FAILED, NOTES
from reconciler.cloud import Cloud
from reconciler.environment import Environment, databricks_host
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.providers.workspace import Place
from reconciler.record import State
from reconciler.redaction import redact
from reconciler.resource import Key, Resource
from reconciler.tick import Planned

Progress = Callable[[str, Record], None]


def converged(plan: Plan, outcomes: Iterable[Outcome]) -> bool:
    """Whether nothing of the plan is left to be done, so that a test would be one of what Git says."""
    done = {outcome.key for outcome in outcomes if outcome.result is Result.DONE}
    left = [change for change in plan.writes if change.key not in done]
    held = [held for held in plan.blocked if held.code not in HARMLESS]
    return not (left or held or plan.waiting)


def live_digest(state: State) -> str:
    """A hash of the live state as far as it is ours: what was applied, and to which thing.

    An edit that was put back leaves the same, and is not tested again."""
    said = [[str(key), entry.id, _plain(entry.applied)] for key, entry in sorted(state.ours.items())]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=repr).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return getattr(value, "fingerprint", value)


def verified(
    environment: Environment,
    planned: Planned,
    state: State,
    cloud: Cloud,
    save: Callable[[State], State],
    deadline: float,
    progress: Progress,
) -> State:
    """Run the checks that are due, and give back the state with what came of them. Raises StateError."""
    if not environment.checks and NOTES not in state.notes:
        return state
    kept = [state]

    def keep(records: Mapping[str, Any]) -> None:
        kept[0] = save(replace(kept[0], notes={**kept[0].notes, NOTES: dict(records)}))

    tools = Tools(
        workspaces=cloud.workspaces,
        arm=cloud.arm,
        save=keep,
        now=cloud.now,
        deadline=deadline,
        place=_place(planned),
        factory=factory.id_of(environment) if environment.data_factory is not None else "",
        libraries=planned.desired.libraries if planned.desired is not None else (),
        redact=lambda text: _hushed(text, planned, cloud),
        progress=progress,
    )
    wanted = checks.wanted(environment, live_digest(state), lambda value, path: _put_in(planned, value, path))
    before = dict(state.notes.get(NOTES) or {})
    records = checks.run(wanted, before, tools)
    if records != kept[0].notes.get(NOTES, {}):
        keep(records)
    return kept[0]


def outcome_of(environment: Environment, state: State) -> tuple[str, str]:
    """What the checks make of a run that is done otherwise: done, failed or pending, and why."""
    reason = checks.healthy(state.notes, environment)
    results = {note.get("result") for note in (state.notes.get(NOTES) or {}).values()}
    if not reason:
        return "done", ""
    return ("failed" if FAILED in results else "pending"), reason


def forgotten(state: State) -> State:
    """The state without failed checks: a person asks for them to be run again."""
    records = dict(state.notes.get(NOTES) or {})
    kept = {name: note for name, note in records.items() if note.get("result") != FAILED}
    return replace(state, notes={**state.notes, NOTES: kept}) if kept != records else state


def _hushed(text: str, planned: Planned, cloud: Cloud) -> str:
    """What a notebook or a pipeline says, which may hold any secret that it reads. A run that writes none has
    not read most of them: they are read now, so that they are known."""
    cloud.values.know(planned.desired.graph if planned.desired is not None else ())
    return redact(text)


def _place(planned: Planned) -> Place | None:
    """The environment's workspace, where it has one with an address."""
    at = planned.desired.workspace if planned.desired is not None else None
    if at is None:
        return None
    known = _resolved(planned, at)
    if not isinstance(known["host"], str):
        return None
    return Place.of({**known, "host": databricks_host(known["host"])})


def _put_in(planned: Planned, value: Any, path: str) -> Any:
    assert planned.desired is not None
    return _resolved(planned, {"value": planned.desired.put_in(value, path)})["value"]


def _resolved(planned: Planned, values: Mapping[str, Any]) -> Mapping[str, Any]:
    carrier = Resource(Key("", "", ""), "", values, {})
    return resolve_.resolve(carrier, planned.live, planned.others).spec
