"""What could not be sent is tried again, later and later, and given up after a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from support.facts import START

from reconciler.alerts.address import Target
from reconciler.alerts.deliver import Sent
from reconciler.alerts.fact import Fact
from reconciler.alerts.outbox import Letter, kept, left, written

DRIFT = Fact("drift.appeared", "one", START.isoformat(), "arm.group/s/one", ("tags",))
FAILED = Fact("tick.failed", "one", START.isoformat(), code="sign-in")
BOTH = Target("a", "https://a", frozenset({"drift", "failed"}), "https://a/x")
ONLY_DRIFT = Target("b", "https://b", frozenset({"drift"}), "https://b/x")
UNSET = Target("c", "${env:C}", frozenset({"drift", "failed"}), why="the app setting is not set")
REFUSED = {"a": Sent(error="it answered 500")}


def test_each_address_gets_what_it_asks_for() -> None:
    letters = written([DRIFT, FAILED], [BOTH, ONLY_DRIFT, UNSET], START)
    assert [(letter.to, letter.fact) for letter in letters] == [("a", DRIFT), ("a", FAILED), ("b", DRIFT)]


def test_what_was_taken_is_gone_and_the_rest_waits() -> None:
    letters = written([DRIFT, FAILED], [BOTH], START)
    (waiting,) = left(letters, {"a": Sent(frozenset({DRIFT.id}), "it answered 500")}, START)
    assert (waiting.fact, waiting.attempts, waiting.error) == (FAILED, 1, "it answered 500")
    assert Letter.of_note(waiting.note) == waiting


def test_the_pauses_grow_up_to_an_hour() -> None:
    letters, now, pauses = written([DRIFT], [BOTH], START), START, []
    for _ in range(9):
        letters = left(letters, REFUSED, now)
        assert not letters[0].is_due(now)
        due = datetime.fromisoformat(letters[0].next)
        pauses.append(due - now)
        now = due
    assert pauses[:4] == [timedelta(minutes=each) for each in (1, 2, 4, 8)]
    assert pauses[-1] == timedelta(hours=1)


def test_what_is_not_due_is_left_as_it_is() -> None:
    waiting = left(written([DRIFT], [BOTH], START), REFUSED, START)
    assert left(waiting, REFUSED, START + timedelta(seconds=30)) == waiting


def test_a_letter_is_given_up_after_a_day_or_when_its_address_leaves_git() -> None:
    letters = left(written([DRIFT], [BOTH], START), REFUSED, START)
    assert kept(letters, [BOTH], START + timedelta(hours=23)) == letters
    assert kept(letters, [BOTH], START + timedelta(hours=25)) == []
    assert kept(letters, [ONLY_DRIFT], START) == []
    assert kept(letters, [Target("a", "https://a", BOTH.on, why="not set")], START) == letters
