"""What a benchmark measures, and how time is taken."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any

ROUNDS = 11


@dataclass(frozen=True)
class Figure:
    """One measured value. `at_most`: what it must not be above; None where it is only told.

    spread: the least and the most of what it is the middle of; None where it was measured once."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    spread: tuple[float, float] | None = None

    @classmethod
    def of(cls, name: str, values: Sequence[float], unit: str, at_most: float | None = None) -> Figure:
        """The middle of some values, with their spread."""
        return cls(name, float(median(values)), unit, at_most, (min(values), max(values)))

    @property
    def over(self) -> bool:
        return self.at_most is not None and self.value > self.at_most


def seconds(call: Callable[[], Any], times: int = 1) -> float:
    """Processor time of so many calls, in seconds: what else runs on the machine hardly counts."""
    gc.collect()
    start = process_time()
    for _ in range(times):
        call()
    return process_time() - start


def best(call: Callable[[], Any]) -> float:
    """The shortest of some rounds, in seconds."""
    return min(seconds(call) for _ in range(ROUNDS))


def quotient(one: Callable[[], Any], other: Callable[[], Any]) -> float:
    """How many times as long one call takes as another.

    Both are timed side by side, for about as long, and the middle of some rounds counts: a machine that slows
    down slows both."""
    longer, shorter = best(one), best(other)
    often = max(1, round(longer / shorter))
    return median(seconds(one) / (seconds(other, often) / often) for _ in range(ROUNDS))
