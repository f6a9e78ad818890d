"""Which secrets that nobody can read are written once more: those of a state that was lost, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.graphs import entry, half, present, resource, seen, state

from reconciler.graph import Graph
from reconciler.rebuilt import NOTE, rebuilt
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource, Status

HERE, ELSEWHERE = (Key("databricks.secret", host, "scope/api") for host in ("adb-1.azure", "adb-2.azure"))
GIT = Graph([resource("a"), resource("b"), Resource(HERE, "databricks.secret", {"value": "x"}, {})])
MARKED, PLAIN = present("a", mark="test"), present("b")


def secret(status: Status = Status.PRESENT, key: Key = HERE) -> Observation:
    return Observation(key, status)


def written(found: State, *sights: Observation) -> tuple[list[Key], list[str], str]:
    """The secrets that are marked as ours, those that are noted, and what people are told."""
    after, shown, told = rebuilt(GIT, found, seen(MARKED, PLAIN, *sights), "test")
    marked = [one for one, sight in shown.items() if one == HERE and sight.mark == "test"]
    return marked, list(after.notes.get(NOTE, ())), " ".join(told)


@pytest.mark.parametrize(
    ("recorded", "again"),
    [((), True), ((half("b"),), True), ((entry("b"),), False), ((half("a"),), False)],
    ids=[
        "nothing is",
        "only a try of ours is",
        "something is: the mark is of a copy",
        "the mark is of our try",
    ],
)
def test_a_mark_tells_of_a_lost_state_only_where_nothing_is_recorded(
    recorded: tuple[Entry, ...], again: bool
) -> None:
    """What bears our mark and is not recorded may have been kept when it left Git, or be a copy: a secret that
    somebody put under a name which is new in Git would be lost for good."""
    marked, noted, told = written(state(*recorded), secret())
    assert (marked, noted) == (([HERE], [str(HERE)]) if again else ([], []))
    assert ("scope/api" in told) is again


@pytest.mark.parametrize(("status", "noted"), [(Status.UNKNOWN, [str(HERE)]), (Status.ABSENT, [])])
def test_a_secret_that_cannot_be_seen_when_the_state_is_lost_is_written_once_it_can(
    status: Status, noted: list[str]
) -> None:
    """Its workspace may be away in the only tick that finds nothing recorded; what is absent is simply made."""
    assert written(state(), secret(status)) == ([], noted, "")


def test_the_note_stays_until_the_secret_is_recorded_whatever_its_host_is_called() -> None:
    """The rest is recorded by then. A workspace without an address has another host in its keys."""
    noted = replace(state(entry("a"), entry("b")), notes={NOTE: [str(ELSEWHERE)], "client": "c"})
    assert written(noted, secret())[:2] == ([HERE], [str(HERE)])
    known = replace(noted, entries={**noted.entries, HERE: replace(entry("a"), key=HERE)})
    assert written(known, secret()) == ([], [], "")
    assert rebuilt(GIT, known, seen(MARKED, PLAIN, secret()), "test")[0].notes == {"client": "c"}
