"""Ticks and bare calls in turn, each in processes of their own, and the ratio of their times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from support.sandbox import ROOT


@dataclass(frozen=True)
class Round:
    """One round over all environments. memory: MB at the peak of the largest process. cpu: of all of them."""

    seconds: float
    calls: int
    cpu: float
    memory: float


class Workers:
    """Processes that share the environments among them."""

    def __init__(self, said: Mapping[str, Any], processes: int = 1) -> None:
        names = said["environments"]
        self._running = [_start({**said, "environments": names[at::processes]}) for at in range(processes)]

    def round(self, word: str = "round") -> Round:
        """word: what a worker understands."""
        began = time.monotonic()
        for process in self._running:
            assert process.stdin is not None
            process.stdin.write(f"{word}\n")
            process.stdin.flush()
        told = [json.loads(_line(process)) for process in self._running]
        seconds = time.monotonic() - began
        return Round(
            seconds,
            sum(each["calls"] for each in told),
            sum(each["cpu"] for each in told),
            max(each["memory"] for each in told),
        )

    def end(self) -> None:
        for process in self._running:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)


def _start(said: Mapping[str, Any]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.parts.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(said) + "\n")
    process.stdin.flush()
    return process


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process of the benchmark ended with {process.wait()}")
    return line


@dataclass(frozen=True)
class Compared:
    """Rounds of ticks and of bare calls, made in turn."""

    ticks: Sequence[Round]
    floors: Sequence[Round]

    @property
    def ratios(self) -> list[float]:
        """Of each pair."""
        return [ours.seconds / bare.seconds for ours, bare in zip(self.ticks, self.floors, strict=True)]


def compared(
    ticking: Mapping[str, Any], bare: Mapping[str, Any], rounds: int, processes: int = 1, warm: int = 2
) -> Compared:
    """So many rounds of each in turn, after `warm` rounds that do not count."""
    ours, floor = Workers(ticking, processes), Workers(bare, processes)
    try:
        for _ in range(warm):
            ours.round()
            floor.round()
        pairs = [(ours.round(), floor.round()) for _ in range(rounds)]
    finally:
        ours.end()
        floor.end()
    return Compared([each for each, _ in pairs], [each for _, each in pairs])


def middle(rounds: Sequence[Round], name: str) -> float:
    return float(median(getattr(each, name) for each in rounds))
