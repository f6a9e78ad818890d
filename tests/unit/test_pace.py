"""The pace of calls: as fast as Azure's token buckets let, and never faster."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.pace import KEPT, RATES, Pace, kind_of, remaining

LATENCY = 0.05
"""Seconds from a call to its answer, in the tests."""


@dataclass
class Azure:
    """A bucket as Azure keeps it."""

    size: float
    rate: float
    left: float
    since: float = 0.0
    refused: int = 0

    def take(self, now: float, count: int = 1) -> tuple[int, float]:
        """What is left, and the seconds to wait where the call was refused."""
        self.left, self.since = min(self.size, self.left + self.rate * (now - self.since)), now
        if self.left < count:
            self.refused += 1
            return 0, 1.0
        self.left -= count
        return int(self.left), 0.0


@dataclass
class Callers:
    """So many threads that make calls, each as soon as its last one was answered, on a clock of their own."""

    azure: Azure
    threads: int
    now: float = 0.0
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(lambda: self.now)

    def make(self, calls: int) -> float:
        """Make so many calls; gives the time at which the last was answered."""
        todo = calls
        events: list[tuple[float, int, str, tuple[int, float]]] = []
        for thread in range(min(self.threads, todo)):
            heapq.heappush(events, (0.0, thread, "next", (0, 0.0)))
        while events:
            self.now, thread, what, told = heapq.heappop(events)
            if what == "next" and todo:
                todo -= 1
                heapq.heappush(events, (self.now + self.pace.take("writes"), thread, "sent", told))
            elif what == "sent":
                heapq.heappush(events, (self.now + LATENCY, thread, "answered", self.azure.take(self.now)))
            elif what == "answered":
                self.pace.ended("writes", *told)
                todo += bool(told[1])
                heapq.heappush(events, (self.now + told[1], thread, "next", (0, 0.0)))
        return self.now


@given(st.integers(1, 400), st.integers(1, 16), st.integers(0, 200))
def test_no_call_is_refused_and_hardly_a_token_is_left_unused(calls: int, threads: int, left: int) -> None:
    """The first calls are made before anything was told of the bucket: only these may find it empty."""
    azure = Azure(200, RATES["writes"], left)
    took = Callers(azure, threads).make(calls)
    assert azure.refused <= max(0, min(threads, calls) - left)
    by_latency = -(-calls // threads) * LATENCY
    by_tokens = max(0.0, calls - left) / RATES["writes"]
    assert took <= max(by_latency, by_tokens) + (KEPT + threads) / RATES["writes"] + 2.0


def test_where_nothing_is_told_nothing_waits() -> None:
    pace = Pace(lambda: 0.0)
    for _ in range(1000):
        assert pace.take("reads") == 0
        pace.ended("reads")


def test_one_bucket_does_not_hold_up_another() -> None:
    pace = Pace(lambda: 0.0)
    pace.take("writes")
    pace.ended("writes", 0)
    assert pace.take("writes") > 0
    assert pace.take("deletes") == 0


@pytest.mark.parametrize(("asked", "waits"), [(30.0, True), (3600.0, False)])
def test_a_wait_that_azure_asks_for_holds_every_call_unless_it_is_longer_than_a_tick_has(
    asked: float, waits: bool
) -> None:
    pace = Pace(lambda: 0.0)
    pace.take("writes")
    pace.ended("writes", 0, asked)
    assert (pace.take("writes") >= asked) is waits


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"x-ms-ratelimit-remaining-subscription-writes": "7"}, 7),
        ({"X-MS-RateLimit-Remaining-Subscription-Writes": "7", "date": "now"}, 7),
        (
            {
                "x-ms-ratelimit-remaining-subscription-writes": "7",
                "x-ms-ratelimit-remaining-subscription-global-writes": "3",
            },
            3,
        ),
        ({"x-ms-ratelimit-remaining-subscription-reads": "7"}, None),
        ({"x-ms-ratelimit-remaining-tenant-writes": "7"}, None),
        ({"x-ms-ratelimit-remaining-subscription-writes": "many"}, None),
        ({"x-ms-ratelimit-remaining-subscription-resource-requests": "7"}, None),
    ],
)
def test_what_an_answer_tells(headers: dict[str, str], left: int | None) -> None:
    assert remaining(headers, "writes") == left


def test_a_method_takes_from_its_bucket() -> None:
    methods = ("GET", "HEAD", "DELETE", "PUT", "POST", "PATCH")
    assert [kind_of(method) for method in methods] == ["reads"] * 2 + ["deletes"] + ["writes"] * 3
