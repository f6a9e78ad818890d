"""A picture that was taken late, or with another API version, must not make a hand's edit Azure's will."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.graphs import TYPE, absent, entry, key, present, resource
from support.memory import NOW

from reconciler.diff import Cause
from reconciler.judge import Verdict, doubtful, judge
from reconciler.policy import Policy
from reconciler.record import Entry
from reconciler.resource import Observation, Status
from reconciler.rules import for_type

RULES = for_type(TYPE)
UNREAD = Observation(key("a"), Status.UNKNOWN, error="this version is no longer served")


def decide(
    sight: Observation, before: Entry, past: Observation | None = None, *, version: str = ""
) -> Verdict:
    """The verdict where Git names the recorded API version, or another one."""
    wanted = resource("a")
    wanted = replace(wanted, at={**wanted.at, "apiVersion": version}) if version else wanted
    return judge(wanted, sight, before, Policy(), "test", "c1", NOW, RULES, past=past)


def fields(verdict: Verdict) -> tuple[list[tuple[str, Cause]], list[str]]:
    """What would be written and why, and what is not accepted."""
    changes = verdict.change.fields if verdict.change else ()
    kept = verdict.comparison.not_accepted if verdict.comparison else ()
    return [(field.path, field.cause) for field in changes], [field.path for field in kept]


DRIFT = ([("v", Cause.DRIFT)], [])
KEPT: tuple[list[Any], list[str]] = ([], ["v"])


@pytest.mark.parametrize(("doubted", "expected"), [(True, DRIFT), (False, KEPT)])
def test_what_is_doubted_is_written_once_more(doubted: bool, expected: Any) -> None:
    """1 was sent and 2 was read: not accepted, unless the read came too late to tell."""
    assert fields(decide(present("a", {"v": 2}), entry("a", baseline={"v": 2}, doubted=doubted))) == expected


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (present("a", {"v": 2}), DRIFT),
        (present("a", {"v": 1}), KEPT),
        (absent("a"), KEPT),
        (UNREAD, KEPT),
        (None, KEPT),
    ],
    ids=["it moved", "only the new version shows it so", "gone", "unreadable", "not read"],
)
def test_a_new_version_s_other_value_is_drift_only_if_the_recorded_version_shows_it_too(
    past: Observation | None, expected: Any
) -> None:
    assert fields(decide(present("a", {"v": 2}), entry("a"), past, version="2026-01-01")) == expected


def test_a_value_that_was_never_accepted_is_no_drift_under_a_new_version_either() -> None:
    kept = present("a", {"v": 2})
    assert fields(decide(kept, entry("a", baseline={"v": 2}), kept, version="2026-01-01")) == KEPT


@pytest.mark.parametrize(
    ("seen", "before", "doubt"),
    [
        ({"v": 1}, None, False),
        ({"v": 1, "more": 3}, None, False),
        ({"v": 2}, None, True),
        ({"v": 2}, entry("a"), True),
        ({"v": 2}, entry("a", baseline={"v": 2}), False),
        ({"v": 3}, entry("a", baseline={"v": 2}), True),
        ({"v": 2}, entry("a", applied={"v": 0}, baseline={"v": 2}), True),
        ({"v": 2}, entry("a", baseline=None), True),
    ],
    ids=[
        "it came back",
        "what Azure added",
        "another value",
        "it was accepted before",
        "it was not accepted before",
        "it was not accepted before, and now is a third value",
        "another value is sent than before",
        "what came of the last write was never read",
    ],
)
def test_a_read_is_doubted_where_it_shows_what_neither_we_sent_nor_azure_kept(
    seen: dict[str, Any], before: Entry | None, doubt: bool
) -> None:
    """We send 1."""
    assert doubtful({"v": 1}, seen, RULES, before) is doubt
