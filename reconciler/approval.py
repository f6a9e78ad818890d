"""`sync: manual`: an approval lets through exactly the plan that it names, and then what is left of it. Pure.

It is kept in `state.notes["approved"]`: the plan's digest, by whom and when; once that plan is begun also its
commit and its writes, so that a plan which takes several ticks is carried to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.plan import Plan
from reconciler.record import State
from reconciler.redaction import cleaned

NOTE = "approved"


def given(state: State, digest: str, by: str, at: str) -> State:
    """The state with an approval, in place of an earlier one. at: ISO 8601."""
    return _with(state, {"digest": digest, "by": by, "at": at})


def allows(state: State, plan: Plan) -> bool:
    """Whether the plan may be carried out: the approved one, or at its commit no more than its writes."""
    approved = found(state)
    if approved is None:
        return False
    begun_at = approved.get("commit")
    rest = begun_at == plan.commit and _writes(plan) <= set(approved.get("writes") or ())
    return rest or approved["digest"] == plan.digest


def begun(state: State, plan: Plan) -> State:
    """The state when this plan is begun: an approval of it holds for what will be left of it, too."""
    approved = found(state)
    if approved is None or approved["digest"] != plan.digest:
        return state
    return _with(state, {**approved, "commit": plan.commit, "writes": sorted(_writes(plan))})


def ended(notes: Mapping[str, Any], commit: str, *, done: bool) -> dict[str, Any]:
    """The notes after a tick: an approval is used up when its plan is done, or Git has moved on from it."""
    approved = notes.get(NOTE) or {}
    used = "commit" in approved and (done or approved["commit"] != commit)
    return {name: note for name, note in notes.items() if name != NOTE or not used}


def found(state: State | None) -> Mapping[str, Any] | None:
    return (state.notes.get(NOTE) or None) if state is not None else None


def waits(state: State | None, plan: Plan) -> str:
    """What a tick that only planned tells."""
    approved = found(state)
    if approved is None:
        return "policy.sync is manual: planned, and applied by `reconciler apply` or an approval."
    return (
        f"policy.sync is manual, and the plan is not the one that {approved['by']} approved: "
        f"look at it again, and approve {plan.digest}."
    )


def _writes(plan: Plan) -> set[str]:
    """Each write by kind and name: a workspace's scope is not known before it is made."""
    return {f"{change.action.value} {change.key.kind}/{change.key.name}" for change in plan.writes}


def _with(state: State, approved: Mapping[str, Any]) -> State:
    return replace(state, notes={**state.notes, NOTE: cleaned(approved)})
