"""A tick without changes at 100, 1,000 and 10,000 resources: calls, seconds, memory, and the floor.

The floor is a bare client that makes the same calls. Both run in processes of their own, in turn, warm: as
an instance of the Function app is between two ticks. Memory is that of the whole process that ticks, at
its peak (`VmHWM`), its first tick included: it has read Git and the state, and compared everything."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.parts.estate import Estate
from benchmarks.parts.place import Place, expected, place
from benchmarks.parts.rounds import Compared, compared, middle

ROUNDS = {100: 15, 1_000: 11, 10_000: 3}
RATIO = 1.5
"""At most so many times the floor at 1,000."""
MEMORY = 300.0
"""MB at 10,000."""
LATENCY = 0.05
"""Seconds that each answer waits in a second run at 1,000: about what a call to Azure takes."""


def run() -> Iterator[Figure]:
    for count, rounds in ROUNDS.items():
        with place(Estate.of(f"of{count}", count)) as there:
            yield from _figures(f"{count:,}", there, compared(there.ticking(1), there.bare(1), rounds), count)
            if count == 1_000:
                there.sandbox.fault("latency", seconds=LATENCY, times=0)
                late = compared(there.ticking(1), there.bare(1), 7)
                there.sandbox.control("DELETE", "faults")
                yield from _ratio(f"{count:,}, {LATENCY * 1000:.0f} ms latency", late, RATIO)


def _figures(name: str, there: Place, found: Compared, count: int) -> Iterator[Figure]:
    (estate,) = there.estates
    calls = found.ticks[-1].calls
    yield Figure(f"{name}: calls", calls, "calls", expected(estate))
    yield from _ratio(name, found, RATIO if count == 1_000 else None)
    yield Figure(f"{name}: processor time of a tick", middle(found.ticks, "cpu"), "s")
    yield Figure(
        f"{name}: peak memory", middle(found.ticks, "memory"), "MB", MEMORY if count == 10_000 else None
    )


def _ratio(name: str, found: Compared, at_most: float | None) -> Iterator[Figure]:
    ours, bare = ([each.seconds for each in rounds] for rounds in (found.ticks, found.floors))
    yield Figure.of(f"{name}: tick", ours, "s")
    yield Figure.of(f"{name}: floor", bare, "s")
    yield Figure.of(f"{name}: tick to floor", found.ratios, "times", at_most)
