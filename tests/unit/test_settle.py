"""What an earlier run left open: nothing that was made is lost, nothing that is there is made again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.graphs import absent, ago, entry, half, key, present, resource, seen, state
from support.memory import NOW

from reconciler.errors import Busy, Conflict, ReconcilerError
from reconciler.graph import Graph
from reconciler.providers.deployment import NeverArrived
from reconciler.record import Entry, Intent, Trouble
from reconciler.resource import Observation, Status
from reconciler.settle import settle

TOKEN = {"deployment": "/d", "run": "r"}
GOING = Observation(key("a"), Status.GOING)
UNREAD = Observation(key("a"), Status.UNKNOWN, error="500")


def intent(action: str, token: Any = TOKEN, **span: float) -> Intent:
    return Intent(action, ago(**(span or {"minutes": 1})), {"v": 2}, token)


def settled(
    before: Entry, sight: Observation | None, *, error: ReconcilerError | None = None, wanted: bool = True,
    ended: bool = True,
) -> Entry | None:  # fmt: skip
    """The entry of `a` after settling; its operation has ended unless told otherwise."""
    after = settle(
        state(before),
        Graph([resource("a")] if wanted else []),
        seen(sight) if sight else {},
        {key("a"): error} if ended else {},
        mask=lambda _, spec, sent=None: spec,
        commit="c1",
        now=NOW,
    )
    return after.entries.get(key("a"))


def test_a_create_that_ended_well_is_ours_with_what_was_sent() -> None:
    after = settled(half("a", intent=intent("create")), present("a", {"v": 2, "id": 1}))
    assert after is not None
    assert (after.ours, after.applied, after.intent) == (True, {"v": 2}, None)
    assert (after.baseline, after.settled, after.id) == ({"v": 2, "id": 1}, True, "/a")


@pytest.mark.parametrize("minutes", [1, 30])
def test_a_create_that_ended_well_and_is_not_shown_yet_is_waited_for_from_now_on(minutes: float) -> None:
    """A long operation may have begun long ago; what counts is when it was seen to end."""
    after = settled(half("a", intent=intent("create", minutes=minutes)), absent("a"))
    assert after is not None
    assert (after.ours, after.settled, after.written) == (True, False, NOW.isoformat())


@pytest.mark.parametrize(
    ("sight", "mark", "ours"),
    [("absent", "", None), ("present", "", None), ("present", "test", True), ("going", "", None)],
)
def test_a_create_of_which_no_call_is_known_is_ours_only_by_our_mark(
    sight: str, mark: str, ours: bool | None
) -> None:
    """Killed before the write of a group: it must be made at once, not be waited for."""
    sights = {"absent": absent("a"), "present": present("a", mark=mark), "going": GOING}
    after = settled(half("a", intent=intent("create", {})), sights[sight])
    assert (after.ours if after else None) is ours


def test_an_update_of_which_no_call_is_known_is_compared_again() -> None:
    """Taking it as written would call the missing change `not accepted` for ever."""
    before = entry("a", intent=intent("update", {}))
    after = settled(before, present("a"))
    assert after == replace(before, intent=None)


@pytest.mark.parametrize("error", [NeverArrived("not made"), Busy("another operation")])
@pytest.mark.parametrize("sight", [present("a"), absent("a")])
def test_a_call_that_never_arrived_leaves_what_was_before(error: ReconcilerError, sight: Observation) -> None:
    assert settled(half("a", intent=intent("create")), sight, error=error) is None
    ours = entry("a", intent=intent("update"))
    assert settled(ours, sight, error=error) == replace(ours, intent=None)


@pytest.mark.parametrize("before", [half("a"), entry("a")])
def test_an_operation_that_failed_after_its_run_keeps_its_reason_and_its_back_off(before: Entry) -> None:
    """Otherwise it would be tried again with each tick and never be told as failed; and a resource that came
    about half-way would be nobody's."""
    action = "update" if before.ours else "create"
    after = settled(
        replace(before, intent=intent(action)), present("a"), error=Conflict("taken", code="Taken")
    )
    assert after is not None
    assert (after.ours, after.intent) == (before.ours, None)
    assert after.trouble == Trouble("taken", 1, ago(minutes=-1), "c1", "Taken")


@pytest.mark.parametrize(
    ("sight", "error", "left"),
    [(absent("a"), None, False), (present("a"), NeverArrived("no"), True), (present("a"), None, True)],
)
def test_a_delete_is_forgotten_only_when_the_resource_is_gone(
    sight: Observation, error: ReconcilerError | None, left: bool
) -> None:
    before = entry("a", intent=intent("delete", {"delete": "/a"}))
    after = settled(before, sight, error=error, wanted=False)
    assert (after == replace(before, intent=None)) if left else (after is None)


def test_a_delete_that_failed_after_its_run_stays_recorded_with_its_reason() -> None:
    before = entry("a", intent=intent("delete", {"delete": "/a"}))
    after = settled(before, present("a"), error=Conflict("in use"), wanted=False)
    assert after is not None
    assert after.ours
    assert after.trouble is not None


@pytest.mark.parametrize("sight", [None, UNREAD])
def test_what_cannot_be_read_is_left_open(sight: Observation | None) -> None:
    before = half("a", intent=intent("create"))
    assert settled(before, sight) is before


def test_what_still_goes_on_is_left_open() -> None:
    before = half("a", intent=intent("create"))
    assert settled(before, present("a"), ended=False) is before


@pytest.mark.parametrize(
    ("shown", "minutes", "done"),
    [({"v": 2}, 1, True), ({"v": 1}, 1, False), ({"v": 1}, 10, True)],
)
def test_the_old_picture_is_no_baseline_until_azure_has_had_ten_minutes(
    shown: dict[str, int], minutes: float, done: bool
) -> None:
    before = entry("a", settled=False, applied={"v": 2}, written=ago(minutes=minutes))
    after = settled(before, present("a", shown))
    assert after is not None
    assert after.settled is done
    assert after.baseline == (shown if done else {"v": 1})


@pytest.mark.parametrize(
    ("before", "sight", "left"),
    [
        (entry("a"), absent("a"), False),
        (entry("a", settled=False, written=ago(minutes=1)), absent("a"), True),
        (entry("a"), present("a"), True),
        (entry("a"), GOING, True),
        (entry("a"), UNREAD, True),
        (half("a", trouble=Trouble("no", 1, ago(), "c0")), absent("a"), False),
    ],
)
def test_what_git_dropped_is_forgotten_once_it_is_surely_gone(
    before: Entry, sight: Observation, left: bool
) -> None:
    assert (settled(before, sight, wanted=False, ended=False) is not None) is left


def test_what_git_wants_is_never_forgotten_because_it_is_absent() -> None:
    assert settled(entry("a"), absent("a"), ended=False) is not None
