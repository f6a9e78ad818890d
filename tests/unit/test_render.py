"""Plans and states as JSON: the promised names, no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.graphs import entry, key, planned, present, resource, seen, state
from support.memory import NOW

from reconciler.errors import CloudError, Fault, InputError
from reconciler.graph import Graph
from reconciler.plan import make
from reconciler.policy import Policy
from reconciler.record import Drift, State
from reconciler.render import error_json, plan_json, state_json
from reconciler.resource import Secret


def test_a_plan_is_told_in_the_promised_form() -> None:
    document = json.loads(json.dumps(plan_json(planned(), {"read": 3}, ["careful"])))
    assert set(document) == {
        "version", "environment", "commit", "summary", "changes", "blocked", "waiting", "notAccepted",
        "unmanaged", "orphaned", "unsafe", "warnings", "calls", "digest",
    }  # fmt: skip
    assert (document["version"], document["environment"], document["calls"]) == (
        1,
        "test",
        {"read": 3, "write": 0},
    )
    assert document["unmanaged"] == ["arm.resource/g/hand"]
    assert document["warnings"] == ["careful"]
    assert [(change["key"], change["action"], change["cause"]) for change in document["changes"]] == [
        ("arm.resource/g/a", "update", "drift"),
        ("arm.resource/g/b", "create", "new"),
        ("arm.resource/g/old", "delete", "removed"),
    ]
    (field,) = document["changes"][0]["fields"]
    reason = field.pop("reason")
    assert field == {"path": "v", "recorded": 1, "desired": 1, "live": 2, "cause": "drift"}
    assert len(reason) > 10


def test_a_side_without_a_value_has_no_key() -> None:
    made = make(
        Graph([resource("a", spec={"v": 1, "w": 2})]), seen(present("a")), state(entry("a")),
        Policy(resets_allowed=True), environment="test", commit="c", now=NOW,
    )  # fmt: skip
    (field,) = plan_json(made, {})["changes"][0]["fields"]
    assert {name for name in field if name in ("recorded", "desired", "live")} == {"desired"}


def test_what_is_blocked_shows_what_would_be_done_and_counts_as_blocked_alone() -> None:
    document = plan_json(planned(Policy(heal=False)), {})
    assert document["summary"]["blocked"] == 1
    assert document["summary"]["update"] == 0
    assert [(held["key"], held["code"]) for held in document["blocked"]] == [("arm.resource/g/a", "heal")]
    assert [change["key"] for change in document["changes"] if change.get("blocked")] == ["arm.resource/g/a"]


def test_a_secret_is_nowhere_in_json() -> None:
    made = make(
        Graph([resource("a", spec={"v": Secret("new", "parameters('p')")})]),
        seen(present("a", {"v": "hunter2"})),
        state(entry("a", applied={"v": Secret("old", "parameters('p')")}, baseline={"v": "hash"})),
        Policy(resets_allowed=True), environment="test", commit="c", now=NOW,
    )  # fmt: skip
    assert [change.key for change in made.changes] == [key("a")]
    told = json.dumps(plan_json(made, {}))
    assert "hunter2" not in told
    assert "(changed)" in told


def test_an_error_is_told_with_its_code_and_every_fault_with_its_place() -> None:
    assert error_json(CloudError("m", where="w", code="C"))["error"] == {
        "code": "C",
        "message": "m",
        "where": "w",
    }
    told = error_json(InputError([Fault("f:1:2", "bad", "mend"), Fault("g:3:4", "worse")]))["error"]
    assert (told["code"], told["where"]) == ("invalid-input", "f:1:2")
    assert told["faults"][1] == {"where": "g:3:4", "message": "worse", "hint": ""}


def record(result: str = "", **fields: Any) -> State:
    last = {
        "result": result,
        **{name: fields.pop(name) for name in ("summary", "outcomes") if name in fields},
    }
    notes = {"last": last, "holds": fields.pop("holds", [])} if result else {}
    return State("test", "line", notes=notes, **fields)


@pytest.mark.parametrize(
    ("known", "health"),
    [
        (None, "unknown"),
        (record(), "unknown"),
        (record(suspended="why"), "suspended"),
        (record("failed", suspended="why"), "suspended"),
        (record("pending"), "pending"),
        (record("failed"), "failed"),
        (record("done", holds=["exists"]), "blocked"),
        (record("done", drift={key("a"): Drift("t", ("v",))}), "drifted"),
        (record("done", summary={"update": 1}), "pending"),
        (record("done", summary={"update": 1}, outcomes=[{"result": "done"}]), "healthy"),
        (record("done"), "healthy"),
    ],
)
def test_health_is_the_first_thing_that_is_wrong(known: State | None, health: str) -> None:
    assert state_json("test", known)["health"] == health
