"""`sync: manual`: an approval is of exactly one plan, holds until that plan is done, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

from reconciler import approval
from reconciler.change import Action, Change
from reconciler.diff import Cause
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.resource import Key


def change(name: str, action: Action = Action.UPDATE) -> Change:
    return Change(Key("arm.resource", "group", name), action, Cause.COMMIT)


def plan(*names: str, commit: str = "c1") -> Plan:
    return Plan("prod", commit, changes=tuple(change(name) for name in names))


def approved(of: Plan) -> State:
    return approval.given(State.new("prod"), of.digest, "ann", "2026-01-01T00:00:00+00:00")


def test_nothing_is_allowed_unasked() -> None:
    assert not approval.allows(State.new("prod"), plan("a"))
    assert not approval.allows(State.new("prod"), plan())


def test_only_the_plan_that_was_approved_is_allowed() -> None:
    state = approved(plan("a", "b"))
    assert approval.allows(state, plan("a", "b"))
    for other in (plan("a"), plan("a", "b", "c"), plan("a", "b", commit="c2"), plan()):
        assert not approval.allows(state, other)
        assert approval.begun(state, other) is state


def test_a_begun_plan_is_carried_to_its_end_and_no_further() -> None:
    """A plan may take several ticks; what is left of it has another digest."""
    state = approval.begun(approved(plan("a", "b")), plan("a", "b"))
    assert approval.allows(state, plan("b"))
    assert not approval.allows(state, plan("b", "c"))
    assert not approval.allows(state, plan("b", commit="c2"))
    assert not approval.allows(state, replace(plan(), changes=(change("b", Action.DELETE),)))


def test_an_approval_is_used_up_by_its_end_or_by_a_commit() -> None:
    fresh = approved(plan("a"))
    assert approval.found(State("p", "l", notes=approval.ended(fresh.notes, "c9", done=True))) is not None
    begun = approval.begun(fresh, plan("a")).notes
    assert "approved" in approval.ended(begun, "c1", done=False)
    assert "approved" not in approval.ended(begun, "c1", done=True)
    assert "approved" not in approval.ended(begun, "c2", done=False)


def test_the_one_who_has_to_look_again_is_told_what_to_approve() -> None:
    told = approval.waits(approved(plan("a")), plan("b"))
    assert "ann" in told
    assert plan("b").digest in told
    assert "an approval" in approval.waits(None, plan("b"))
