"""Plans as lines for people: grouped by system and cause, readable in 80 columns, cut where they are long."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.graphs import entry, key, planned, present, resource, seen, state
from support.memory import NOW

from reconciler.change import Action, Change, Held
from reconciler.cli.plantext import MOST_CHANGES, field_lines, next_line, plan_lines
from reconciler.diff import Cause, FieldChange
from reconciler.equality.trees import ABSENT
from reconciler.graph import Graph
from reconciler.plan import Plan, make
from reconciler.policy import Policy
from reconciler.resource import Key, Secret

JOB = Key("databricks.job", "adb-1.2.azuredatabricks.net", "score")
PIPELINE = Key("adf.pipeline", "bikes-adf", "score")


def shown(lines: Any, width: int = 200) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, no_color=True, soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line)
    return out.getvalue()


def text(made: Plan, **options: Any) -> str:
    return shown(plan_lines(made, **options))


def change(key_: Key, *fields: FieldChange, action: Action = Action.UPDATE, **more: Any) -> Change:
    return Change(key_, action, more.pop("cause", Cause.DRIFT), fields, **more)


def field(path: str, live: Any, desired: Any, **more: Any) -> FieldChange:
    cause = more.pop("cause", Cause.DRIFT)
    return FieldChange(path, more.pop("recorded", desired), desired, live, cause, cause.value)


def test_changes_stand_under_their_system_and_place_and_there_under_their_cause() -> None:
    plan = Plan("test", "c" * 40, (change(JOB, field("a", 1, 2)), *planned().changes, change(PIPELINE)))
    lines = text(plan).splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert heads[1:4] == ["Azure g", "Data Factory bikes-adf", "Databricks adb-1.2.azuredatabricks.net"]
    azure = lines[lines.index("Azure g") + 1 : lines.index("Data Factory bikes-adf") - 1]
    assert [line.strip().split(":")[0] for line in azure] == [
        "drift",
        "~ a",
        "v",
        "new",
        "+ b",
        "removed",
        "- old",
    ]
    assert "        v: 2 → 1" in lines


def test_what_is_blocked_for_the_same_reason_tells_it_once_with_a_way_out() -> None:
    """Forty resources of a workspace that lets nobody in would say the same forty times."""
    held = tuple(Held(key(name), "unreadable", "Nobody is let in.") for name in ("a", "b"))
    told = text(Plan("test", "c", blocked=(*held, Held(key("c"), "foreign", "It bears a mark."))))
    assert (told.count("Nobody is let in."), told.count("blocked: ")) == (1, 2)
    assert "blocked: unreadable (2)" in told
    assert "Take it out of one of the two environments" in told


def test_a_protected_delete_shows_the_yaml_that_lets_it_pass() -> None:
    held = Held(key("a"), "protected", "It is protected.", change(key("a"), action=Action.DELETE))
    told = text(Plan("test", "c", blocked=(held,)))
    assert f"    acknowledge:\n        - {{delete: '{key('a').plain}', until: YYYY-MM-DD}}" in told


@pytest.mark.parametrize("verbose", [False, True])
def test_hundreds_of_changes_are_counted_and_cut_unless_all_are_asked_for(verbose: bool) -> None:
    plan = Plan(
        "test", "c", tuple(change(key(f"n{n}"), action=Action.CREATE, cause=Cause.NEW) for n in range(500))
    )
    lines = text(plan, verbose=verbose).splitlines()
    assert sum(line.startswith("    + ") for line in lines) == (500 if verbose else MOST_CHANGES)
    assert ("    … and 480 more; -v shows all" in lines) is not verbose
    assert {"  new (500)", "500 to create, 0 unchanged."} <= set(lines)


def test_what_is_unmanaged_is_counted_and_listed_when_asked() -> None:
    assert "1 unmanaged: beside ours" in text(planned())
    assert key("hand").plain not in text(planned())
    assert key("hand").plain in text(planned(), verbose=True)


@pytest.mark.parametrize("value", ["[red]x[/red]", "[/]", "\\[bold]", "a\\", "[link=http://x]y[/link]"])
def test_a_value_is_shown_as_it_is_and_never_read_as_markup(value: str) -> None:
    assert json.dumps(value) in text(planned(v=value))
    told = text(Plan("test", "c1", (change(key(value), action=Action.CREATE, reason=value),)))
    assert told.count(value) == 2


def test_a_secret_is_nowhere() -> None:
    plan = make(
        Graph([resource("a", spec={"v": Secret("new", "parameters('p')")})]),
        seen(present("a", {"v": "hunter2"})),
        state(entry("a", applied={"v": Secret("old", "parameters('p')")}, baseline={"v": "hash"})),
        Policy(resets_allowed=True), environment="test", commit="c", now=NOW,
    )  # fmt: skip
    told = text(plan, verbose=True)
    assert ("hunter2" in told, "(changed)" in told) == (False, True)


def test_no_change_is_said_in_one_line_and_asks_for_nothing() -> None:
    assert "Nothing to change (0 unchanged)." in text(Plan("test", "c1"))
    assert next_line(Plan("test", "c1")) == ""
    assert "reconciler apply test" in next_line(planned())


def test_nested_values_are_told_as_the_lines_that_differ() -> None:
    """A pipeline's activities would else be two lines of a thousand characters."""
    live = [{"name": f"step {number}", "timeout": "0.01:00:00", "retry": 0} for number in range(30)]
    desired = [dict(each) for each in live]
    desired[17]["retry"] = 3
    lines = shown(field_lines(field("activities", live, desired))).splitlines()
    assert [line.strip() for line in lines if line.strip()[:1] in "-+"] == [
        '-     "retry": 0',
        '+     "retry": 3',
    ]
    assert len(lines) < 10


def test_both_sides_and_what_was_recorded_are_told_where_all_three_differ() -> None:
    told = shown(field_lines(field("v", 2, 3, recorded=1, cause=Cause.BOTH), Cause.BOTH))
    assert " ".join(told.split()) == "v: 2 → 3 was 1 when last applied"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])),
    st.integers(1, 400),
)
def test_a_field_keeps_to_80_columns_whatever_its_value(value: str, length: int) -> None:
    """But for the path, which is never cut: it is what is typed in `policy.ignore`."""
    for live, desired in ((value * length, "x"), (ABSENT, value * length)):
        lines = shown(field_lines(field("properties.v", live, desired)), 80).splitlines()
        assert all(len(line) <= 80 for line in lines)
