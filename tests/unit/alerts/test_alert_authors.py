"""Who changed something, read from the activity log: the last one who wrote it in that time, and not us."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.facts import ACCOUNT, START

from reconciler.alerts.fact import Fact
from reconciler.alerts.who import OID, Question, author, last_written, question
from reconciler.record import Entry
from reconciler.resource import Key

ID = "/subscriptions/s/resourceGroups/one/providers/Microsoft.Storage/storageAccounts/ours"
US = "00000000-0000-0000-0000-0000000000f1"
FACT = Fact("drift.appeared", "one", START.isoformat(), str(ACCOUNT), ("tags.team",))
ASKED = Question(FACT, ID, (START - timedelta(minutes=7)).isoformat(), START.isoformat())


def event(minutes: float, caller: str = "a@example.org", **more: Any) -> dict[str, Any]:
    """An event so many minutes before the drift was found."""
    at = (START - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.1234567Z")
    return {
        "eventTimestamp": at,
        "caller": caller,
        "claims": {},
        "operationName": {"value": "Microsoft.Storage/storageAccounts/write"},
        "status": {"value": "Succeeded"},
        "resourceId": ID,
        **more,
    }


def who(*events: dict[str, Any]) -> str:
    found = author(ASKED, events, frozenset({US}))
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([event(3)], "a@example.org"),
        ([event(3), event(1, "b@example.org"), event(2, "c@example.org")], "b@example.org"),
        ([event(3), event(1, US)], "a@example.org"),
        ([event(3, US)], ""),
        ([event(3, "an app", claims={OID: US})], ""),
        ([event(3, "11111111", claims={"name": "deploy bot"})], "deploy bot"),
        ([event(3, "11111111")], "11111111"),
        ([event(9)], ""),  # before live was looked at last: it is not what is found now
        ([event(-2)], ""),  # after it was found
        ([event(3, status={"value": "Failed"})], ""),
        ([event(3, operationName={"value": "Microsoft.Storage/storageAccounts/read"})], ""),
        ([event(3, operationName={"value": "Microsoft.Storage/storageAccounts/delete"})], "a@example.org"),
        ([event(3, resourceId=ID.upper())], "a@example.org"),
        ([event(3, resourceId=ID + "/providers/Microsoft.Resources/tags/default")], "a@example.org"),
        ([event(3, resourceId=ID + "2")], ""),
        ([event(3, resourceId=ID + "/blobServices/default")], ""),
        ([event(3, claims=None, status=None)], "a@example.org"),
    ],
)
def test_the_author_is_the_last_other_one_who_wrote_it(events: list[dict[str, Any]], expected: str) -> None:
    assert who(*events) == expected


ENTRY = Entry(ACCOUNT, "any", {"id": ID}, applied={})


def test_it_is_asked_from_the_last_look_or_our_last_write_on() -> None:
    """An older event is of a change that was there before, or that we wrote over."""
    looked, written = START - timedelta(minutes=5), START - timedelta(minutes=3)
    by_look = question(FACT, ENTRY, "", looked.isoformat(), START)
    by_write = question(FACT, replace(ENTRY, written=written.isoformat()), "", looked.isoformat(), START)
    first = question(FACT, ENTRY, "", "", START)
    assert by_look and by_write and first
    assert by_look.after == (looked - timedelta(minutes=2)).isoformat()
    assert by_write.after == written.isoformat()
    assert first.after == (START - timedelta(days=1)).isoformat()


def test_nobody_is_asked_where_no_log_knows() -> None:
    """Databricks and the data of a key vault are in no activity log."""
    key = Key("databricks.notebook", "adb-1.2.azuredatabricks.net", "/Shared/a")
    notebook = replace(FACT, key=str(key))
    assert question(notebook, Entry(key, "any", {"host": key.scope, "resourceId": ID}), "", "", START) is None
    assert question(FACT, None, "", "", START) is None
    watched = question(FACT, None, ID, "", START)
    assert watched is not None and watched.id == ID, "what is only observed is not recorded"


def test_it_is_given_up_after_half_an_hour() -> None:
    assert not ASKED.expired(START + timedelta(minutes=29))
    assert ASKED.expired(START + timedelta(minutes=31))
    assert Question.of_note(ASKED.note) == ASKED


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ({"object_id": 7, "modified_at": START.timestamp() * 1000}, START.isoformat()),
        ({"last_updated_timestamp": int(START.timestamp() * 1000)}, START.isoformat()),
        ({"updated": int(START.timestamp())}, START.isoformat()),
        ({"updated": 0}, ""),
        ({"read": "2026"}, ""),
    ],
)
def test_when_is_told_by_what_a_list_shows(stamp: dict[str, Any], expected: str) -> None:
    assert last_written(stamp) == expected
