"""What the sandbox evaluates in a pipeline's run, and how it decides who may start and how a run ends."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.services.arm.providers.adf import outcome
from sandbox.services.arm.providers.adf.expressions import EvaluationError, Values, resolved, unplayed

VALUES = Values(
    {"n": 7, "list": [{"a": "x"}], "map": {"odd key": True, "it's": 1}}, {"Look up": {"rows": [1, 2]}}
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("@pipeline().parameters.n", 7),
        ("@pipeline().parameters.list[0].a", "x"),
        ("@pipeline().parameters['map']['odd key']", True),
        ("@pipeline().parameters.map['it''s']", 1),
        ("@activity('Look up').output.rows[1]", 2),
        ("@activity('Look up').output", {"rows": [1, 2]}),
        ("@@pipeline().parameters.n", "@pipeline().parameters.n"),
        ("a@b", "a@b"),
        ("", ""),
        ({"type": "Expression", "value": "@pipeline().parameters.n"}, 7),
        ([{"deep": "@pipeline().parameters.n"}], [{"deep": 7}]),
    ],
)
def test_the_two_expressions_are_evaluated_and_texts_are_left(text: Any, value: Any) -> None:
    """Values keep their type; `@@` is an `@`."""
    assert list(unplayed(text)) == []
    assert resolved(text, VALUES) == value


@pytest.mark.parametrize(
    "text",
    [
        "@concat('a', 'b')",
        "@pipeline().RunId",
        "@pipeline().parameters",
        "@activity('a').Status",
        "@item()",
        "n=@{pipeline().parameters.n}",
        "@pipeline().parameters.n ",
        "@{pipeline().parameters.n}",
    ],
)
def test_any_other_expression_is_named(text: str) -> None:
    """So that a run can say what it does not play, wherever it stands."""
    assert list(unplayed({"a": [{"value": text}]})) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "@pipeline().parameters.absent",
        "@pipeline().parameters.list[1]",
        "@pipeline().parameters.n.deeper",
        "@activity('Absent').output.x",
    ],
)
def test_what_is_not_there_is_a_fault_in_the_service_s_words(text: str) -> None:
    """The expression is told, without its `@`."""
    with pytest.raises(EvaluationError, match="cannot be evaluated because property") as caught:
        resolved(text, VALUES)
    assert f"'{text[1:]}'" in str(caught.value)


def activity(name: str, **after: str) -> dict[str, Any]:
    depends = [{"activity": one, "dependencyConditions": [on]} for one, on in after.items()]
    return {"name": name, "dependsOn": depends}


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        ({"a": "Succeeded", "b": "Failed"}, True),
        ({"a": "Succeeded"}, None),
        ({"a": "Succeeded", "b": "InProgress"}, None),
        ({"a": "Failed", "b": "Failed"}, False),
        ({"a": "Skipped", "b": "Failed"}, False),
    ],
)
def test_every_dependency_must_be_met(states: dict[str, str], ready: bool | None) -> None:
    """True starts it, False skips it, None waits; it waits although one has failed already."""
    steps = {name: {"status": status} for name, status in states.items()}
    assert outcome.of_dependencies(activity("c", a="Succeeded", b="Failed"), steps) is ready


def test_one_of_several_conditions_is_enough() -> None:
    """`Completed` is either of two, and not a skip."""
    either = {"name": "b", "dependsOn": [{"activity": "a", "dependencyConditions": ["Succeeded", "Skipped"]}]}
    completed = activity("b", a="Completed")
    for status, one, other in (("Succeeded", True, True), ("Skipped", True, False), ("Failed", False, True)):
        steps = {"a": {"status": status}}
        assert (outcome.of_dependencies(either, steps), outcome.of_dependencies(completed, steps)) == (
            one,
            other,
        )


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({"try": "Failed", "catch": "Succeeded"}, "Succeeded"),
        ({"try": "Succeeded", "catch": "Skipped"}, "Succeeded"),
        ({"try": "Failed", "catch": "Failed"}, "Failed"),
        ({"try": "Failed", "catch": "Succeeded", "next": "Skipped"}, "Failed"),
        ({"try": "Succeeded", "catch": "Skipped", "next": "Succeeded"}, "Succeeded"),
    ],
)
def test_the_leaves_decide_how_a_run_ends(states: dict[str, str], status: str) -> None:
    """Try-catch succeeds when the catch does; with an else branch beside it, it fails: the documented patterns."""
    activities = [activity("try"), activity("catch", **{"try": "Failed"})]
    if "next" in states:
        activities.append(activity("next", **{"try": "Succeeded"}))
    steps = {name: {"status": one, "message": f"why {name}"} for name, one in states.items()}
    ended, message = outcome.of_run(activities, steps)
    assert (ended, bool(message)) == (status, status == "Failed")
