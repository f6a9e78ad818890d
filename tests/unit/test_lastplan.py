"""The plan that is kept for those who look later: all that the tick did, of bounded size, and without secrets."""

from __future__ import annotations

import json
from typing import Any

from support.graphs import entry, key, resource

from reconciler import lastplan, redaction
from reconciler.change import Action, Change
from reconciler.diff import Cause, FieldChange
from reconciler.graph import Graph
from reconciler.plan import Plan
from reconciler.record import State

TIME = "2026-03-01T12:00:00+00:00"


def change(name: str, *values: Any) -> Change:
    fields = tuple(
        FieldChange(f"f{at}", 1, value, 2, Cause.COMMIT, "commit") for at, value in enumerate(values)
    )
    return Change(key(name), Action.UPDATE, Cause.COMMIT, fields)


def kept(plan: Plan, *resources: Any, state: State | None = None, **more: Any) -> dict[str, Any]:
    return lastplan.document(
        plan, lastplan.drawing(Graph(resources), state or State.new("test")), TIME, **more
    )


def test_needs_are_told_by_place_and_what_is_recorded_alone_is_there_too() -> None:
    state = State.new("test").put(entry("old", "a"))
    found = kept(Plan("test", "c"), resource("b", "a"), resource("a"), state=state)["graph"]
    needs = {
        name: [found["keys"][at] for at in each]
        for name, each in zip(found["keys"], found["needs"], strict=True)
    }
    assert needs == {str(key("a")): [], str(key("b")): [str(key("a"))], str(key("old")): [str(key("a"))]}


def test_what_the_tick_did_before_it_planned_once_more_is_told() -> None:
    """After a workspace has got its address the tick plans again: the first plan's changes are done by then."""
    found = kept(
        Plan("test", "c", (change("b", 1),)), first=Plan("test", "c", (change("a", 1), change("b", 0)))
    )
    assert [each["key"] for each in found["changes"]] == [str(key("a")), str(key("b"))]
    assert found["changes"][1]["fields"][0]["desired"] == 1, "as it was planned last"


def test_it_stays_small_whatever_the_plan_holds() -> None:
    """Pages read it whole: a first tick of thousands with long values must not make it megabytes."""
    long = {"text": "x" * 1000}
    many = tuple(change(f"r{number:04}", *[long] * 40) for number in range(400))
    found = kept(Plan("test", "c", many))
    assert len(json.dumps(found)) < 5_000_000
    first, last = found["changes"][0], found["changes"][-1]
    assert (len(first["fields"]), first["more"]) == (lastplan.FIELDS, 40 - lastplan.FIELDS)
    assert (last["fields"], last["more"]) == ([], 40), "what is left out is counted"
    assert len(first["fields"][0]["desired"]) == lastplan.LONGEST + 1


def test_a_secret_is_taken_out_before_a_value_is_cut() -> None:
    """Half of one would be no secret that anybody knows any more, and still tell."""
    secret = "s3cret-" * 10
    redaction.remember(secret)
    try:
        found = kept(Plan("test", "c", (change("a", "x" * (lastplan.LONGEST - 20) + secret),)))
    finally:
        redaction.forget()
    assert "s3cret" not in json.dumps(found)
