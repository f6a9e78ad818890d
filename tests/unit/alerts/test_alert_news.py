"""Facts are told when they come to be so, once, and never while nobody knows anything new."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.facts import ACCOUNT, INTERVAL, VAULT, World, change, done, held, kinds

from reconciler.alerts.standing import DELETED, OBSERVED
from reconciler.change import Action
from reconciler.diff import Cause
from reconciler.errors import Fault, InputError, SignInError, Unreachable, UnsafePlan
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan

HEAL = held(ACCOUNT, "heal", change(ACCOUNT, "tags.team"))


def plan(*blocked: object, changes: tuple[object, ...] = (), unsafe: str = "") -> Plan:
    return Plan("one", "c" * 40, changes, blocked, unsafe=unsafe)  # type: ignore[arg-type]


def test_ten_ticks_with_the_same_drift_tell_it_once_and_its_end_once() -> None:
    """Report only: `policy.heal: false`."""
    world = World()
    world.drifts(ACCOUNT, "tags.team")
    told = [world.tick(plan=plan(HEAL)) for _ in range(10)]
    assert [kinds(each) for each in told] == [["drift.appeared"], *[[]] * 9]
    (first,) = told[0]
    assert (first.key, first.fields, first.since) == (str(ACCOUNT), ("tags.team",), first.since)
    world.drifts_no_more(ACCOUNT)
    (gone,) = world.tick()
    assert (gone.kind, gone.of, gone.fields) == ("drift.gone", first.id, ("tags.team",))
    assert world.tick() == []


def test_drift_that_grows_is_told_again_and_drift_that_shrinks_is_not() -> None:
    world = World()
    world.drifts(ACCOUNT, "tags.team")
    world.tick()
    world.drifts(ACCOUNT, "tags.team", "sku.name")
    (grown,) = world.tick()
    assert (grown.kind, set(grown.fields)) == ("drift.appeared", {"tags.team", "sku.name"})
    world.drifts(ACCOUNT, "sku.name")
    assert world.tick() == []


def test_a_deleted_resource_is_told_as_deleted() -> None:
    world = World()
    world.drifts(ACCOUNT)
    gone = held(ACCOUNT, "heal", change(ACCOUNT, action=Action.CREATE))
    (fact,) = world.tick(plan=plan(gone))
    assert (fact.kind, fact.code) == ("drift.appeared", DELETED)


def test_drift_that_is_put_back_at_once_is_one_fact() -> None:
    world = World()
    (fact,) = world.tick(found=(change(ACCOUNT, "tags.team"),), outcomes=done(ACCOUNT))
    assert (fact.kind, fact.key, fact.fields) == ("drift.healed", str(ACCOUNT), ("tags.team",))
    assert world.tick() == []


def test_drift_that_could_not_be_put_back_is_drift_and_a_failure() -> None:
    world = World()
    world.drifts(ACCOUNT, "tags.team")
    world.fails(ACCOUNT, "a lock")
    failed = (Outcome(ACCOUNT, Action.UPDATE, Result.FAILED, error="a lock", code="denied"),)
    told = world.tick("failed", found=(change(ACCOUNT, "tags.team"),), outcomes=failed)
    assert sorted(kinds(told)) == ["apply.failed", "drift.appeared"]
    world.fails(ACCOUNT, "")
    world.drifts_no_more(ACCOUNT)
    told = world.tick(found=(change(ACCOUNT, "tags.team"),), outcomes=done(ACCOUNT))
    assert sorted(kinds(told)) == ["drift.gone", "recovered"]
    assert next(fact for fact in told if fact.kind == "drift.gone").text == "It was put back."


def test_a_change_by_commit_is_no_fact() -> None:
    world = World()
    by_commit = change(ACCOUNT, "tags.team", cause=Cause.COMMIT)
    assert world.tick(found=(by_commit,), outcomes=done(ACCOUNT)) == []


def test_what_something_else_keeps_writing_is_told_three_times_an_hour() -> None:
    """An Azure Policy that fights us must not send a message every five minutes."""
    world = World()
    told = [world.tick(found=(change(ACCOUNT, "t"),), outcomes=done(ACCOUNT)) for _ in range(10)]
    assert [len(each) for each in told] == [1, 1, 1, *[0] * 7]
    assert "something keeps changing it" in told[2][0].text and not told[1][0].text
    world.now += timedelta(hours=1)
    assert len(world.tick(found=(change(ACCOUNT, "t"),), outcomes=done(ACCOUNT))) == 1


def test_a_failure_stands_while_it_waits_for_its_next_attempt() -> None:
    """Between attempts there is no outcome; the record tells that it did not come about."""
    world = World()
    world.fails(ACCOUNT, "no")
    failed = (Outcome(ACCOUNT, Action.UPDATE, Result.FAILED, error="no", code="denied"),)
    (fact,) = world.tick("failed", outcomes=failed)
    assert (fact.kind, fact.key, fact.code, fact.text) == ("apply.failed", str(ACCOUNT), "denied", "no")
    assert [world.tick("failed") for _ in range(3)] == [[], [], []]
    world.fails(ACCOUNT, "another", "quota")
    assert kinds(world.tick("failed")) == ["apply.failed"], "another error is another fact"
    world.fails(ACCOUNT, "")
    (recovered,) = world.tick()
    assert (recovered.kind, recovered.text) == ("recovered", "It was: apply.failed.")


def test_a_failed_check_is_told_once_and_not_again_while_it_is_tested_again() -> None:
    world = World()
    note = {"result": "failed", "error": "boom", "url": "https://run", "since": "2026-03-01T11:00:00+00:00"}
    world.check("smoke", **note)
    (fact,) = world.tick("failed")
    assert (fact.kind, fact.key, fact.text, fact.url) == ("check.failed", "smoke", "boom", "https://run")
    assert fact.since == note["since"]
    world.check("smoke", result="running")
    assert world.tick("pending") == []
    world.check("smoke", **note)
    assert world.tick("failed") == []
    world.check("smoke", result="passed")
    assert kinds(world.tick()) == ["recovered"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("exists", ["blocked"]),
        ("unreadable", ["blocked"]),
        ("protected", ["blocked"]),
        ("resets", ["blocked"]),
        ("needs", []),  # what it needs is blocked or failed, and that is told
        ("kept", []),
        ("heal", []),  # drift tells it
    ],
)
def test_what_is_blocked_is_told_where_it_needs_somebody(code: str, expected: list[str]) -> None:
    world = World()
    told = world.tick(plan=plan(held(VAULT, code)))
    assert kinds(told) == expected
    assert all((fact.key, fact.code) == (str(VAULT), code) for fact in told)
    assert world.tick(plan=plan(held(VAULT, code))) == []


def test_what_is_only_watched_is_told_when_it_differs() -> None:
    """`policy.observe`: nothing is recorded of it, so no drift is either."""
    world = World()
    watched = held(VAULT, "observed", change(VAULT, "sku", cause=Cause.NEW))
    (fact,) = world.tick(plan=plan(watched))
    assert (fact.kind, fact.code, fact.fields) == ("drift.appeared", OBSERVED, ("sku",))
    assert world.tick(plan=plan(watched)) == []
    assert kinds(world.tick()) == ["drift.gone"]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InputError([Fault("environments/one.yaml:1:1", "wrong")]), "blocked", "invalid-input"),
        (UnsafePlan("too many"), "blocked", "plan-unsafe"),
        (SignInError("nobody"), "tick.failed", "sign-in"),
    ],
)
def test_what_ends_a_tick_is_told_once_and_leaves_the_rest_known(
    error: InputError | UnsafePlan | SignInError, kind: str, code: str
) -> None:
    """A tick that could not look must not tell that drift is gone, nor that it is new once it looks again."""
    world = World()
    world.drifts(ACCOUNT, "tags.team")
    world.tick()
    (fact,) = world.tick("failed", plan=None, error=error)
    assert (fact.kind, fact.code, fact.key) == (kind, code, "")
    assert world.tick("failed", plan=None, error=error) == []
    assert kinds(world.tick()) == ["recovered"]


def test_what_may_pass_by_itself_is_told_when_it_stays() -> None:
    world = World()
    away = Unreachable("no answer")
    assert world.tick("failed", plan=None, error=away) == []
    assert world.tick() == [], "nothing was told, so nothing has recovered"
    assert world.tick("failed", plan=None, error=away) == []
    assert kinds(world.tick("failed", plan=None, error=away)) == ["tick.failed"]
    assert kinds(world.tick()) == ["recovered"]


def test_held_back_is_told_when_it_lasts_longer_than_an_interval() -> None:
    """That test waits for dev for a tick is how every release goes."""
    world = World()
    reason = "dev comes first and is not healthy now."
    assert world.tick("held", plan=None, reason=reason) == []
    (fact,) = world.tick("held", plan=None, reason=reason)
    assert (fact.kind, fact.text) == ("held", reason)
    assert world.tick("held", plan=None, reason=reason) == []
    assert kinds(world.tick()) == ["recovered"]


def test_changes_that_wait_for_an_approval_are_told_once_per_plan() -> None:
    world = World()
    one = plan(changes=(change(ACCOUNT, "a", cause=Cause.COMMIT),))
    other = plan(changes=(change(ACCOUNT, "b", cause=Cause.COMMIT),))
    (fact,) = world.tick(plan=one, manual=True)
    assert fact.kind == "approval.wanted" and one.digest in fact.text
    assert world.tick(plan=one, manual=True) == []
    assert kinds(world.tick(plan=other, manual=True)) == ["approval.wanted"]


def test_a_manual_plan_over_its_limits_is_blocked() -> None:
    world = World()
    (fact,) = world.tick(plan=plan(unsafe="six deletes, five allowed"), manual=True)
    assert (fact.kind, fact.code, fact.text) == ("blocked", "plan-unsafe", "six deletes, five allowed")


def test_it_is_not_well_before_all_troubles_have_ended() -> None:
    world = World()
    world.fails(ACCOUNT, "no")
    world.fails(VAULT, "no")
    assert kinds(world.tick("failed")) == ["apply.failed", "apply.failed"]
    world.fails(ACCOUNT, "")
    assert world.tick("failed") == []
    world.fails(VAULT, "")
    assert world.tick("pending") == [], "an operation goes on: it is not well yet"
    assert kinds(world.tick()) == ["recovered"]


@pytest.mark.parametrize("result", ["suspended", "declined"])
def test_a_tick_that_did_nothing_changes_nothing(result: str) -> None:
    world = World()
    world.tick("failed", plan=None, error=SignInError("nobody"))
    assert world.tick(result, plan=None) == []
    assert world.tick("failed", plan=None, error=SignInError("nobody")) == []


def test_ids_are_the_same_for_the_same_fact_and_others_when_it_comes_again() -> None:
    """Receivers drop what they have by its id: a second delivery, and not the same drift a week later."""
    first, again = World(), World()
    for world in (first, again):
        world.drifts(ACCOUNT, "tags.team")
    (one,), (other,) = first.tick(), again.tick()
    assert one.id == other.id
    first.drifts_no_more(ACCOUNT)
    first.tick()
    first.drifts(ACCOUNT, "tags.team")
    (later,) = first.tick()
    assert later.id != one.id and first.now - again.now == 2 * INTERVAL
