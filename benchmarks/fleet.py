"""A round over many environments of 50 resources, without changes: 20 and 200 of them, one process and three.

One process ticks six environments at once, as many as an instance of the Function app takes from its queue
(`host.json`); three processes take two each. The floor makes the same calls with the same concurrency. Each
environment has a group, a factory, a vault and a workspace of its own. Memory is that of the largest process,
at its peak."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.parts.estate import Estate
from benchmarks.parts.place import expected, place
from benchmarks.parts.rounds import Compared, compared, middle

FEW, MANY = 20, 200
EACH = 50
"""Resources of one environment."""
AT_ONCE = {1: 6, 3: 2}
"""Environments that each process ticks at once, by the number of processes."""
RATIO = 1.5
GROWTH = 1.15
"""At most so many times as long for one of 200 environments as for one of 20: 1 is a straight line."""


def run() -> Iterator[Figure]:
    estates = [Estate.of(f"env{number}", EACH) for number in range(MANY)]
    with place(*estates) as there:
        names = [estate.name for estate in estates]
        bare = there.bare(1)
        spent: dict[int, float] = {}
        for count, processes, rounds in ((FEW, 1, 5), (MANY, 1, 3), (MANY, 3, 3)):
            some, at_once = names[:count], AT_ONCE[processes]
            found = compared(
                there.ticking(at_once, some),
                {**bare, "environments": some, "atOnce": at_once},
                rounds,
                processes,
                warm=1,
            )
            calls = sum(expected(estate) for estate in estates[:count])
            yield from _figures(f"{count} in {processes}", found, calls, count == MANY)
            if processes == 1:
                spent[count] = middle(found.ticks, "seconds") / count
        yield Figure(f"one of {MANY} to one of {FEW}", spent[MANY] / spent[FEW], "times", GROWTH)


def _figures(name: str, found: Compared, calls: int, limited: bool) -> Iterator[Figure]:
    ours, bare = ([each.seconds for each in rounds] for rounds in (found.ticks, found.floors))
    yield Figure(f"{name}: calls", found.ticks[-1].calls, "calls", calls)
    yield Figure.of(f"{name}: round", ours, "s")
    yield Figure.of(f"{name}: floor", bare, "s")
    yield Figure.of(f"{name}: round to floor", found.ratios, "times", RATIO if limited else None)
    yield Figure(f"{name}: processor time", middle(found.ticks, "cpu"), "s")
    yield Figure(f"{name}: peak memory of a process", middle(found.ticks, "memory"), "MB")
