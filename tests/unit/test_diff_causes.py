"""Who moved a field: Git, somebody else, both, or nobody."""

from typing import Any

import pytest

from reconciler.diff import ABSENT, Cause, compare
from reconciler.resource import Secret
from reconciler.rules import for_type

RULES = for_type("Contoso.Any/things")


def fields(desired: Any, live: Any, applied: Any = None, baseline: Any = None) -> list[tuple[str, str, str]]:
    found = compare(desired, live, RULES, applied=applied, baseline=baseline)
    return [(change.path, change.cause.value, change.reason) for change in found.changes]


@pytest.mark.parametrize(
    ("desired", "live", "applied", "baseline", "expected"),
    [
        ({"p": 1}, {"p": 1}, {"p": 1}, {"p": 1}, []),
        ({"p": 2}, {"p": 1}, {"p": 1}, {"p": 1}, [("p", "commit", "commit")]),
        ({"p": 1}, {"p": 2}, {"p": 1}, {"p": 1}, [("p", "drift", "drift")]),
        ({"p": 2}, {"p": 3}, {"p": 1}, {"p": 1}, [("p", "both", "both")]),
        ({"p": 2}, {"p": 2}, {"p": 1}, {"p": 1}, []),
        ({}, {"p": 1}, {"p": 1}, {"p": 1}, [("p", "removed", "removed")]),
        ({}, {}, {"p": 1}, {"p": 1}, []),
        ({"p": 1}, {"p": 2}, None, None, [("p", "new", "notAccepted")]),
        ({"p": 1}, {}, None, None, [("p", "new", "missing")]),
        ({}, {"p": 1}, None, None, []),
    ],
)
def test_cause_is_told_from_the_three_sides(
    desired: Any, live: Any, applied: Any, baseline: Any, expected: Any
) -> None:
    assert fields(desired, live, applied, baseline) == expected


def test_a_value_that_azure_replaced_is_told_as_not_accepted_and_never_as_a_change() -> None:
    found = compare({"tls": "1.0"}, {"tls": "1.2"}, RULES, applied={"tls": "1.0"}, baseline={"tls": "1.2"})
    assert found.changes == ()
    assert [(each.path, each.reason, each.live) for each in found.not_accepted] == [
        ("tls", "notAccepted", "1.2")
    ]


def test_a_moved_secret_shows_no_value_on_any_side() -> None:
    found = compare(
        {"key": Secret("new")}, {"key": "***"}, RULES, applied={"key": Secret("old")}, baseline={"key": "***"}
    )
    (change,) = found.changes
    assert (change.recorded, change.desired, change.live) == ("(changed)", "(changed)", "(changed)")
    assert change.cause is Cause.COMMIT


def test_a_side_without_a_value_is_absent_and_null_is_a_value() -> None:
    (change,) = compare({"p": 1}, {}, RULES).changes
    assert change.live is ABSENT
    assert not ABSENT
    assert repr(ABSENT) == "ABSENT"


def test_null_leaves_the_value_to_azure_but_a_later_edit_is_drift() -> None:
    assert fields({"p": None}, {"p": 5}) == []
    assert fields({"p": None}, {"p": 5}, {"p": None}, {"p": 5}) == []
    assert fields({"p": None}, {"p": 6}, {"p": None}, {"p": 5}) == [("p", "drift", "drift")]


def test_a_commit_that_swaps_a_command_line_is_a_commit() -> None:
    before = {"command": ["a", "b"]}
    assert fields({"command": ["b", "a"]}, before, before, before) == [("command", "commit", "commit")]
