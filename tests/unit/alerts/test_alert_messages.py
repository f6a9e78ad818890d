"""What people read and programs get: plain, short, complete, and without any secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from support.facts import ACCOUNT, START

from reconciler import redaction
from reconciler.alerts.fact import KINDS, PENDING, Fact
from reconciler.alerts.message import WORDS, cloud_event, text, title, together

DRIFT = Fact(
    "drift.appeared", "test", START.isoformat(), str(ACCOUNT), ("tags.team", "sku.name"),
    commit="c" * 40, who=PENDING,
)  # fmt: skip


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    redaction.forget()


def test_every_kind_has_its_words() -> None:
    assert WORDS.keys() == KINDS.keys()


def test_drift_says_what_which_field_since_when_who_and_what_to_do() -> None:
    assert title(DRIFT) == "test: arm.resource/one/Microsoft.Storage/storageAccounts:ours was changed by hand"
    lines = text(DRIFT).splitlines()
    assert lines[0] == "Fields: tags.team, sku.name"
    assert lines[1] == "Since: 2026-03-01T12:00:00+00:00"
    assert lines[2].startswith("Who: pending")
    assert "reconciler plan test" in text(DRIFT) and "reconciler status test" in lines[-1]


@pytest.mark.parametrize(
    ("who", "when", "line"),
    [
        ("a@example.org", "2026-03-01T11:58:00+00:00", "Who: a@example.org, at 2026-03-01T11:58:00+00:00"),
        ("", "2026-03-01T11:58:00+00:00", "When: 2026-03-01T11:58:00+00:00; the service does not tell who"),
        ("", "", ""),
    ],
)
def test_who_is_said_as_far_as_it_is_known(who: str, when: str, line: str) -> None:
    said = text(replace(DRIFT, who=who, when=when))
    assert line in said and ("Who" in said or "When" in said) == bool(line)


def test_no_secret_leaves_in_any_form() -> None:
    redaction.remember("canary-value")
    fact = replace(DRIFT, kind="apply.failed", text="refused: canary-value", url="https://x/?k=canary-value")
    said = title(fact) + text(fact) + json.dumps(cloud_event(fact, "canary-value"))
    assert "canary" not in said and "(secret)" in said


def test_several_facts_are_one_message_that_stays_short() -> None:
    facts = [replace(DRIFT, key=f"arm.group/s/g{number}") for number in range(25)]
    head, body = together(facts)
    assert head == "test: 25 new facts"
    assert "arm.group/s/g9 was" in body and "g10" not in body and body.endswith("And 15 more.")
    assert together(facts[:1]) == (title(facts[0]), text(facts[0]))


# The attributes that CloudEvents 1.0 asks for, and the forms that it gives them.
SCHEMA = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "pattern": r"^reconciler\.[a-z]+(\.[a-z]+)?$"},
        "datacontenttype": {"const": "application/json"},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "data": {"type": "object", "required": ["title", "message", "environment"]},
    },
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": False,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("key", ["", str(ACCOUNT), "a check"])
def test_events_are_cloud_events(kind: str, key: str) -> None:
    fact = replace(DRIFT, kind=kind, key=key, of="x")
    event = cloud_event(fact, "https://example.org/repo/environments/test")
    Draft7Validator(SCHEMA).validate(json.loads(json.dumps(event)))
    assert (event["id"], event["data"]["of"]) == (fact.id, "x")
    assert event["data"]["fields"] == ("tags.team", "sku.name")


def test_a_fact_reads_back_from_its_note(tmp_path: Path) -> None:
    note = json.loads(json.dumps(DRIFT.note))
    assert Fact.of_note(note) == DRIFT and Fact.of_note(note).id == DRIFT.id
    assert "text" not in note
    assert Fact.of_note({**note, "later": 1}) == DRIFT, "what a newer version writes does no harm"
