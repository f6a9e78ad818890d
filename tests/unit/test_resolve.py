"""What only live tells, put into desired."""

from __future__ import annotations

from typing import Any

import pytest
from support.graphs import key

from reconciler.armid import key_of
from reconciler.armtemplate import Unknown
from reconciler.graph import Graph
from reconciler.resolve import referred, resolve, unknowns
from reconciler.resource import Observation, Resource, Secret, Status

ID = "/subscriptions/s/resourceGroups/g/providers/Contoso.Any/things/a"
LIVE = {"id": ID, "location": "w", "properties": {"host": "h.net", "ports": [1, 2]}}


def unknown(expression: str) -> Unknown:
    return Unknown(expression, references=(ID,))


def wants(**spec: Any) -> Resource:
    return Resource(key("b"), "Contoso.Any/things", spec, {"id": "/b"})


def put_in(spec: dict[str, Any], live: Any = LIVE, status: Status = Status.PRESENT) -> Any:
    found = key_of(ID)
    return resolve(wants(**spec), {found: Observation(found, status, ID, live)}).spec


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (f"reference('{ID}').host", "h.net"),
        (f"reference('{ID.upper()}').ports[1]", 2),
        (f"reference('{ID}', '2024-01-01', 'Full').location", "w"),
        (f"concat('https://', reference('{ID}').host)", "https://h.net"),
    ],
)
def test_what_live_tells_takes_the_place_of_the_expression(expression: str, value: Any) -> None:
    assert put_in({"v": [{"deep": unknown(expression)}], "w": 1}) == {"v": [{"deep": value}], "w": 1}


@pytest.mark.parametrize("status", [Status.ABSENT, Status.UNKNOWN, Status.GOING])
def test_what_is_not_surely_there_tells_nothing(status: Status) -> None:
    asked = unknown(f"reference('{ID}').host")
    assert list(unknowns(put_in({"v": asked}, {}, status))) == [asked]


def test_a_property_that_live_has_not_yet_stays_unknown_and_holds_up_nothing_else() -> None:
    """The resource of an older commit may be there still; only after its write Azure knows whether it is wrong."""
    early, known = unknown(f"reference('{ID}').later"), unknown(f"reference('{ID}').host")
    spec = put_in({"x": {"early": early}, "list": [known, early]})
    assert spec == {"x": {"early": early}, "list": ["h.net", early]}


def test_secrets_are_left_as_they_are() -> None:
    secret = Secret("hash", "parameters('p')")
    assert put_in({"v": secret})["v"] is secret


def test_others_answer_for_what_is_not_desired() -> None:
    other = ID.replace("/a", "/elsewhere")
    asked = Unknown(f"reference('{other}', '2024-01-01').host", references=(other,))
    assert resolve(wants(v=asked), {}, {other.lower(): LIVE}).spec == {"v": "h.net"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("reference('{}', '2023-05-01').host", {"2023-05-01"}),
        ("reference('{}' , '2023-05-01', 'Full').id", {"2023-05-01"}),
        ("reference('{}').host", set()),
        ("listKeys('{}', '2023-05-01').keys[0].value", {"2023-05-01"}),
    ],
)
def test_what_is_referred_to_outside_is_asked_for_with_the_version_that_the_template_names(
    expression: str, expected: set[str]
) -> None:
    other = ID.replace("/a", "/elsewhere")
    asked = Unknown(expression.format(other), references=(other,))
    assert set(referred(Graph([wants(v=asked)])).values()) == expected


def test_what_is_desired_itself_is_not_asked_for_again() -> None:
    asked = Unknown(f"reference('{ID}', '2024-01-01').host", references=(ID,))
    ours = Resource(key_of(ID), "Contoso.Any/things", {}, {"id": ID})
    assert referred(Graph([wants(v=asked), ours])) == {}
