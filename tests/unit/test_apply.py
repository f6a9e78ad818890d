"""Carrying out a plan: order, what is recorded of each call, and what one failure does to the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from support.graphs import absent, ago, entry, half, key, resource, seen, state
from support.memory import NOW, Memory

from reconciler.apply import Applied, run
from reconciler.change import Action, Change
from reconciler.diff import Cause
from reconciler.errors import Busy, Conflict, Denied, Forbidden, StalePlan, Throttled, Unreachable
from reconciler.graph import Graph
from reconciler.plan import Plan
from reconciler.record import Entry, State, Trouble
from reconciler.resource import Resource, Status
from reconciler.step import Tools

ROLE = "Microsoft.Authorization/roleAssignments"


class Job:
    """One apply: what Git wants, what is recorded and there, and which actions the plan has."""

    def __init__(self, *resources: Resource, recorded: Iterable[Entry] = (), seconds: float = 5.0) -> None:
        self.graph = Graph(resources)
        self.state = state(*recorded)
        self.cloud = Memory()
        self.cloud.there = {each.key: each.applied or {} for each in recorded if each.ours}
        self.saved: list[State] = []
        self.seconds = seconds

    def save(self, new: State) -> State:
        self.saved.append(replace(new, serial=new.serial + 1))
        return self.saved[-1]

    def run(self, **actions: str) -> Applied:
        """Apply `name=action` in this order."""
        changes = tuple(Change(key(n), Action(a), Cause.COMMIT) for n, a in actions.items())
        live = dict(self.cloud.observe([*self.graph, *self.state.entries.values()]).observations)
        plan = Plan("test", "c1", changes, lineage=self.state.lineage, serial=self.state.serial)
        tools = Tools(
            providers=[self.cloud],
            resolve=lambda each, _: each,
            save=self.save,
            mask=lambda _, spec, sent=None: spec,
            now=lambda: NOW,
            deadline=time.monotonic() + self.seconds,
        )
        return run(plan, self.graph, live, self.state, tools)


def results(applied: Applied) -> dict[str, str]:
    return {outcome.key.name: outcome.result.value for outcome in applied.outcomes}


def test_a_plan_made_from_another_state_is_refused_before_any_call() -> None:
    job = Job(resource("a"))
    tools = Tools(
        [job.cloud], lambda r, _: r, job.save, lambda _, s, sent=None: s, lambda: NOW, time.monotonic() + 1
    )
    with pytest.raises(StalePlan):
        run(Plan("test", "c1", lineage="other"), job.graph, {}, job.state, tools)
    assert job.cloud.calls == []


def test_what_is_needed_is_written_first_and_brothers_in_one_wave() -> None:
    job = Job(resource("a"), resource("b", "a"), resource("c", "a"), resource("d", "b", "c"))
    applied = job.run(d="create", b="create", c="create", a="create")
    assert results(applied) == {"a": "done", "b": "done", "c": "done", "d": "done"}
    names = [call[1] for call in job.cloud.calls]
    assert (names[0], set(names[1:3]), names[3]) == ("a", {"b", "c"}, "d")


def test_the_intent_is_saved_before_the_call_and_gone_after_it() -> None:
    job = Job(resource("a"))
    at_call: list[State] = []
    job.cloud.on_call = lambda: at_call.append(job.saved[-1])
    applied = job.run(a="create")
    intent = at_call[0].entries[key("a")].intent
    assert intent is not None
    assert (intent.action, intent.spec) == ("create", {"v": 1})
    assert intent.token["keys"] == [str(key("a"))]
    after = applied.state.entries[key("a")]
    assert after.intent is None
    assert (after.applied, after.baseline, after.settled, after.commit) == ({"v": 1}, {"v": 1}, True, "c1")
    assert applied.state == job.saved[-1]


def test_a_batch_takes_along_who_needs_only_what_the_same_batch_brings() -> None:
    job = Job(
        resource("a", batch="x"),
        resource("b", "a", batch="x"),
        resource("o"),
        resource("c", "b", "o", batch="x"),
        resource("d", "c", batch="x"),
    )
    applied = job.run(a="create", b="create", o="create", c="create", d="create")
    assert set(results(applied).values()) == {"done"}
    assert {frozenset(call[1:]) for call in job.cloud.calls[:2]} == {frozenset("ab"), frozenset("o")}
    assert [call[1:] for call in job.cloud.calls[2:]] == [("c", "d")]


def test_two_batches_that_need_parts_of_each_other_go_on_in_turns() -> None:
    job = Job(
        resource("x1", batch="x"),
        resource("y1", batch="y"),
        resource("x2", "y1", batch="x"),
        resource("y2", "x2", batch="y"),
        resource("x3", "y2", batch="x"),
    )
    applied = job.run(x3="create", y2="create", x2="create", y1="create", x1="create")
    assert set(results(applied).values()) == {"done"}
    assert [set(call[1:]) for call in job.cloud.calls[2:]] == [{"x2"}, {"y2"}, {"x3"}]


def test_a_failed_parent_skips_its_children_by_name_and_brothers_go_on() -> None:
    job = Job(resource("a"), resource("b", "a"), resource("c", "b"), resource("other"))
    job.cloud.refuse[key("a")] = Denied("locked")
    applied = job.run(a="create", b="create", c="create", other="create")
    assert results(applied) == {"a": "failed", "b": "skipped", "c": "skipped", "other": "done"}
    told = {outcome.key.name: outcome.error for outcome in applied.outcomes}
    assert told["b"] == f"{key('a')} failed."
    assert told["c"] == f"{key('b')} was skipped."


def test_one_that_fails_in_a_batch_leaves_the_others_of_the_batch_done() -> None:
    job = Job(resource("a", batch="x"), resource("b", batch="x"))
    job.cloud.fail[key("a")] = Conflict("taken")
    assert results(job.run(a="create", b="create")) == {"a": "failed", "b": "done"}


def test_a_batch_that_is_refused_as_a_whole_is_written_one_by_one() -> None:
    """One bad object never delays the others: validation refuses a template with one fault as a whole."""
    job = Job(resource("a", batch="x"), resource("b", "a", batch="x"), resource("c", batch="x"))
    job.cloud.refuse[key("c")] = Conflict("InvalidTemplate")
    applied = job.run(c="create", a="create", b="create")
    assert results(applied) == {"a": "done", "b": "done", "c": "failed"}
    assert [call[1:] for call in job.cloud.calls if len(call) == 2] == [("c",), ("a",), ("b",)]
    assert all(each.intent is None for each in applied.state.entries.values())


def test_a_failure_is_recorded_with_a_back_off_that_grows_at_the_same_commit() -> None:
    pauses = []
    recorded = [entry("a")]
    for _ in range(3):
        job = Job(resource("a"), recorded=recorded)
        job.cloud.refuse[key("a")] = Denied("no", code="ScopeLocked")
        recorded = [job.run(a="update").state.entries[key("a")]]
        assert recorded[0].trouble is not None
        pauses.append((recorded[0].trouble.count, recorded[0].trouble.until))
    assert pauses == [(1, ago(minutes=-1)), (2, ago(minutes=-2)), (3, ago(minutes=-5))]
    assert (recorded[0].applied, recorded[0].intent) == ({"v": 1}, None)


@pytest.mark.parametrize("error", [Unreachable("503"), Throttled("429"), Busy("DeploymentActive")])
def test_a_call_whose_fate_is_unknown_is_pending_and_keeps_its_intent(error: Any) -> None:
    """An attempt before the last may have come through: only a look at its token tells."""
    job = Job(resource("a"), resource("b", "a"))
    job.cloud.refuse[key("a")] = error
    applied = job.run(a="create", b="create")
    assert results(applied) == {"a": "pending", "b": "pending"}
    intent = applied.state.entries[key("a")].intent
    assert intent is not None
    assert intent.token["keys"] == [str(key("a"))]
    assert applied.state.entries[key("a")].trouble is None
    assert key("b") not in applied.state.entries


def test_an_operation_that_outlasts_the_deadline_leaves_its_token_and_its_children_wait() -> None:
    job = Job(resource("a"), resource("b", "a"), resource("c"), seconds=0.3)
    job.cloud.goes_on[key("a")] = 99
    applied = job.run(a="create", b="create", c="create")
    assert results(applied) == {"a": "pending", "b": "pending", "c": "done"}
    intent = applied.state.entries[key("a")].intent
    assert intent is not None
    assert intent.token["keys"] == [str(key("a"))]
    assert not applied.state.entries[key("a")].ours


def test_after_the_deadline_nothing_is_started_and_nothing_is_recorded() -> None:
    job = Job(resource("a"), seconds=-1)
    applied = job.run(a="create")
    assert results(applied) == {"a": "pending"}
    assert (job.cloud.calls, dict(applied.state.entries)) == ([], {})


def test_what_a_wave_has_not_started_by_the_deadline_is_left_as_if_never_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wave of thousands of calls under a limit of ten a second lasts longer than any tick."""
    clock = [0.0]
    monkeypatch.setattr("reconciler.step.time", SimpleNamespace(monotonic=lambda: clock[0], sleep=time.sleep))
    monkeypatch.setattr("reconciler.apply.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("reconciler.apply.WORKERS", 1)
    names = "abcdefghij"
    job = Job(*(resource(name) for name in names), seconds=-time.monotonic() + 4.5)
    job.cloud.on_call = lambda: clock.__setitem__(0, clock[0] + 1)
    applied = job.run(**dict.fromkeys(names, "create"))
    assert Counter(results(applied).values()) == {"done": 5, "pending": 5}
    assert len(job.cloud.calls) == len(applied.state.entries) == 5
    assert not any(entry.intent for entry in applied.state.entries.values())
    assert [each for each in job.saved[0].entries.values() if not each.intent] == []


@pytest.mark.parametrize("error", [Unreachable("reset"), Throttled("429")])
def test_a_look_that_is_not_answered_does_not_lose_the_operation(error: Any) -> None:
    job = Job(resource("a"))
    job.cloud.goes_on[key("a")] = 1
    job.cloud.poll_errors = [error]
    applied = job.run(a="create")
    assert results(applied) == {"a": "done"}
    assert applied.state.entries[key("a")].ours


@pytest.mark.parametrize(("minutes", "result"), [(29, "pending"), (31, "failed")])
def test_forbidden_soon_after_our_own_role_write_is_pending(minutes: int, result: str) -> None:
    role = entry("role", type=ROLE, written=ago(minutes=minutes))
    job = Job(resource("role", type=ROLE), resource("a"), recorded=[role])
    job.cloud.refuse[key("a")] = Forbidden("AuthorizationFailed")
    assert results(job.run(a="create")) == {"a": result}


def test_a_replacement_is_a_delete_that_is_recorded_and_then_a_write() -> None:
    """So a crash in between leaves a missing resource, which the next plan makes."""
    job = Job(resource("a", spec={"v": 2}), resource("b", "a"), recorded=[entry("a")])
    applied = job.run(a="replace", b="create")
    assert job.cloud.calls == [("delete", "a"), ("write", "a"), ("write", "b")]
    assert [(o.action, o.result) for o in applied.outcomes] == [("replace", "done"), ("create", "done")]
    assert applied.state.entries[key("a")].applied == {"v": 2}
    entries = [each.entries.get(key("a")) for each in job.saved[:4]]
    assert [e is not None for e in entries] == [True, False, True, True]
    assert [e.intent.action for e in entries if e and e.intent] == ["delete", "replace"]


def test_a_replacement_whose_write_fails_is_no_longer_recorded_as_there() -> None:
    """Otherwise its absence would look like somebody's delete, which heal: false leaves as it is."""
    job = Job(resource("a"), recorded=[entry("a")])
    calls = iter([None, Denied("policy")])
    job.cloud.on_call = lambda: job.cloud.refuse.update({key("a"): e} if (e := next(calls)) else {})
    applied = job.run(a="replace")
    assert results(applied) == {"a": "failed"}
    after = applied.state.entries[key("a")]
    assert (after.ours, after.trouble is not None, after.intent) == (False, True, None)


def test_deletes_run_in_the_reverse_order_of_recorded_needs_after_all_writes() -> None:
    job = Job(resource("new"), recorded=[entry("a"), entry("b", "a"), entry("c", "b")])
    applied = job.run(new="create", c="delete", b="delete", a="delete")
    assert [call[1] for call in job.cloud.calls] == ["new", "c", "b", "a"]
    assert set(applied.state.entries) == {key("new")}


def test_deletes_are_skipped_when_a_write_failed() -> None:
    """What was to take the place of the deleted did not come about."""
    job = Job(resource("new"), recorded=[entry("old")])
    job.cloud.refuse[key("new")] = Denied("no")
    applied = job.run(new="create", old="delete")
    assert results(applied) == {"new": "failed", "old": "skipped"}
    assert ("delete", "old") not in job.cloud.calls


def test_a_failed_delete_stays_recorded_and_holds_what_it_needs() -> None:
    job = Job(recorded=[entry("a"), entry("b", "a")])
    job.cloud.refuse[key("b")] = Denied("locked")
    applied = job.run(b="delete", a="delete")
    assert results(applied) == {"b": "failed", "a": "skipped"}
    assert set(applied.state.ours) == {key("a"), key("b")}


def test_recorded_needs_that_contradict_each_other_do_not_stop_deletes() -> None:
    """Needs of several commits may form a circle; the plan's order decides then."""
    job = Job(recorded=[entry("a", "b"), entry("b", "a")])
    assert results(job.run(b="delete", a="delete")) == {"b": "done", "a": "done"}


def test_adoption_records_what_is_there_and_makes_no_call() -> None:
    job = Job(resource("a"), resource("b", "a"))
    job.cloud.there[key("a")] = {"v": 1, "extra": True}
    applied = job.run(a="adopt", b="create")
    assert job.cloud.calls == [("write", "b")]
    taken = applied.state.entries[key("a")]
    assert (taken.ours, taken.adopted, taken.baseline) == (True, True, {"v": 1, "extra": True})


def test_a_write_that_azure_does_not_show_yet_is_recorded_as_not_settled() -> None:
    job = Job(resource("a"), resource("b", spec={"v": 2}), recorded=[entry("b")])
    job.cloud.hidden = {key("a")}
    job.cloud.stale = {key("b"): {"v": 1}}
    applied = job.run(a="create", b="update")
    a, b = applied.state.entries[key("a")], applied.state.entries[key("b")]
    assert (a.ours, a.settled, a.baseline) == (True, False, None)
    assert (b.applied, b.settled, b.baseline) == ({"v": 2}, False, {"v": 1})


def test_what_becomes_known_in_one_wave_is_put_into_the_next() -> None:
    job = Job(resource("a"), resource("b", "a"))
    told: list[Status] = []

    def resolve(each: Resource, live: Any) -> Resource:
        if each.key == key("b"):
            told.append(live[key("a")].status)
        return each

    live = seen(absent("a"), absent("b"))
    changes = tuple(Change(key(n), Action.CREATE, Cause.NEW) for n in "ab")
    plan = Plan("test", "c1", changes, lineage="line", serial=7)
    tools = Tools(
        [job.cloud], resolve, job.save, lambda _, s, sent=None: s, lambda: NOW, time.monotonic() + 5
    )
    run(plan, job.graph, live, job.state, tools)
    assert told[0] is Status.PRESENT


def test_a_half_made_resource_that_is_put_right_loses_its_trouble() -> None:
    trouble = Trouble("half-way", 2, ago(minutes=1), "c1")
    job = Job(resource("a"), recorded=[half("a", trouble=trouble)])
    after = job.run(a="update").state.entries[key("a")]
    assert (after.ours, after.trouble) == (True, None)
