"""The small parts of a world: durations, faults, buckets, routes, scheduled effects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import iso, parse_duration, parse_iso
from sandbox.faults import Faults
from sandbox.lag import DELAYS
from sandbox.limits import Limits
from sandbox.service import Response, Route, Service, arm_error
from sandbox.world import World

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT5M", 300), ("P1DT2H", 93600), ("PT0S", 0), ("P2W", 1209600), ("PT1.5S", 1.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "5M", "P1M", "PT-5M", "pt5m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Months have no length, and a misread duration would move the clock wrongly."""
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        parse_duration(text)


def test_times_have_seven_digits_and_come_back() -> None:
    assert iso(NOON) == "2024-05-06T12:00:00.0000000Z"
    assert parse_iso(iso(NOON + timedelta(microseconds=123456))) == NOON + timedelta(microseconds=123456)


def test_faults_count_matching_calls_only() -> None:
    """`after` passes, `times` hits; zero times hits for ever; patterns do not regard case."""
    faults = Faults()
    faults.add(
        {"do": "status", "match": {"method": "put", "path": "/Subscriptions/*"}, "after": 1, "times": 2}
    )
    faults.add({"do": "latency", "match": {"host": "*.vault.azure.net"}, "times": 0})

    def hits(method: str, host: str, path: str) -> list[str]:
        return [fault.do for fault in faults.take(method, host, path)]

    assert hits("GET", "management.azure.com", "/subscriptions/1") == []
    got = [hits("PUT", "management.azure.com", "/subscriptions/1") for _ in range(4)]
    assert got == [[], ["status"], ["status"], []]
    assert [hits("GET", "a.vault.azure.net", "/") for _ in range(3)] == [["latency"]] * 3


def test_a_share_of_the_calls_is_hit_the_same_each_time() -> None:
    """By chance, and yet as the seed says: a run that failed can be had again."""

    def struck(seed: int) -> list[bool]:
        faults = Faults()
        faults.add({"do": "status", "times": 0, "share": 0.2, "seed": seed})
        return [bool(faults.take("GET", "management.azure.com", "/")) for _ in range(500)]

    assert struck(1) == struck(1) != struck(2)
    assert 60 < sum(struck(1)) < 140


@pytest.mark.parametrize("pid", [-1, 0, 1, None, True])
def test_a_kill_fault_names_one_process(pid: object) -> None:
    """Zero and negative numbers would kill whole process groups."""
    with pytest.raises(ValueError, match="pid"):
        Faults().add({"do": "kill", "pid": pid})


def test_buckets_are_apart_and_refill() -> None:
    """Reads, writes and deletes, subscriptions and principals each have a bucket."""
    limits = Limits()
    limits.enabled = True
    writes = [limits.take("PUT", "s", "me", NOON) for _ in range(201)]

    assert [writes[0].remaining, writes[199].remaining, writes[199].retry_after] == [199, 0, None]
    assert (writes[200].kind, writes[200].retry_after) == ("writes", 1)
    assert limits.take("DELETE", "s", "me", NOON).remaining == 199
    assert limits.take("PUT", "s", "you", NOON).remaining == 199
    assert limits.take("PUT", "t", "me", NOON).remaining == 199
    assert limits.take("PUT", "s", "me", NOON + timedelta(seconds=2)).remaining == 19
    assert limits.take("GET", "s", "me", NOON).remaining == 249


def _answer(world: World, request: Any) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("pattern", "path", "params"),
    [
        (
            "/subscriptions/{s}/resourceGroups/{g}",
            "/SUBSCRIPTIONS/Ab/resourcegroups/My%20G/",
            {"s": "Ab", "g": "My G"},
        ),
        ("/subscriptions/{s}/resourceGroups/{g}", "/subscriptions/a/resourceGroups/b/c", None),
        ("/{scope:path}/providers/X", "/a/b/providers/x", {"scope": "a/b"}),
        ("/a(id='{id}')", "/a(id='7')", {"id": "7"}),
        ("/a.b", "/aXb", None),
    ],
)
def test_routes_match_without_case_and_keep_it(
    pattern: str, path: str, params: dict[str, str] | None
) -> None:
    route = Route("GET|HEAD", pattern, _answer)
    assert route.match("HEAD", path) == params
    assert route.match("PUT", path) is None


def _world(folder: Path, *, lag: bool = False) -> World:
    def note(world: World, data: dict[str, Any]) -> None:
        if data["name"] == "broken":
            raise RuntimeError("broken")
        world.store.put("noted", data["name"], {"at": iso(world.now())})
        if data["name"] == "first":
            world.schedule(world.now() + timedelta(minutes=1), "note", {"name": "second"})

    def seed(world: World) -> None:
        world.store.put("seeded", "k", {})

    return World(folder, [Service("s", (), (), (), arm_error, effects={"note": note}, seed=seed)], lag)


def test_effects_happen_at_their_time_in_order_and_across_a_restart(tmp_path: Path) -> None:
    """An advanced clock passes through all that was due, each at its own moment."""
    world = _world(tmp_path)
    start = world.now()
    world.schedule(start + timedelta(minutes=5), "note", {"name": "first"})
    world.schedule(start + timedelta(minutes=4), "note", {"name": "broken"})
    dropped = world.schedule(start + timedelta(minutes=1), "note", {"name": "dropped"})
    world.unschedule(dropped)
    world.settle()
    assert list(world.store.items("noted")) == []
    world.close()

    world = _world(tmp_path)
    world.clock.advance(timedelta(hours=1))
    world.settle()

    noted = {key: parse_iso(document["at"]) - start for key, document in world.store.items("noted")}
    assert noted == {"first": timedelta(minutes=5), "second": timedelta(minutes=6)}


def test_an_unknown_effect_is_refused_when_scheduled(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="missing"):
        _world(tmp_path).schedule(NOON, "missing", {})


def test_lag_shows_old_documents_until_the_clock_passed(tmp_path: Path) -> None:
    """What we wrote appears late, what was seeded is there at once, also after a reset."""
    world = _world(tmp_path, lag=True)
    for _ in range(2):
        world.store.put("c", "k", {"n": 1})
        assert world.seen("c", "k") is None
        assert list(world.seen_items("c")) == []
        assert world.seen("seeded", "k") == {}
        world.clock.advance(DELAYS["read"])
        assert world.seen("c", "k") == {"n": 1}
        assert list(world.seen_items("c")) == []
        world.clock.advance(DELAYS["list"])
        assert list(world.seen_items("c")) == [("k", {"n": 1})]
        world.reset()
