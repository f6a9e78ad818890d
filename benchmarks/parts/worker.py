"""A process of its own that ticks environments, or makes the same calls bare; started by `rounds`.

It reads a JSON object from its first line of standard input, and goes over its environments for each further
line: `fill` ticks each until it is as Git says, `round` ticks it once, with nothing left to do. A line of
output tells calls, the process's processor time and its peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

TIMES = 5
"""Ticks until an environment is as Git says, at most: a workspace gets its address in the first."""


def engine_of(said: dict[str, Any]) -> dict[str, Callable[[str], int]]:
    from reconciler import settings

    place = replace(settings.read(), repository=said["repository"], state=said["state"])
    engine = settings.engine(place)

    def tick(name: str) -> int:
        done = engine.tick(name)
        held = done.planned.plan.blocked if done.planned else ()
        assert (done.result, done.outcomes, held) == ("done", (), ()), f"{name}: {done} {held}"
        return sum(done.calls.values())

    def fill(name: str) -> int:
        for _ in range(TIMES):
            done = engine.tick(name)
            if done.result == "done" and done.planned and not done.planned.plan.blocked:
                return sum(done.calls.values())
        raise RuntimeError(f"{name}: {done}")

    return {"fill": fill, "round": tick}


def floor_of(said: dict[str, Any]) -> dict[str, Callable[[str], int]]:
    from benchmarks.parts.floor import Floor

    return {"round": Floor(said["chains"], said["atOnce"]).tick}


def peak() -> float:
    """The most memory that this process ever had, in MB.

    `getrusage` is asked only where there is no /proc: on Linux a new program inherits what it tells."""
    try:
        told = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    said = json.loads(sys.stdin.readline())
    words = floor_of(said) if "chains" in said else engine_of(said)
    with ThreadPoolExecutor(said["atOnce"]) as pool:
        for word in sys.stdin:
            cpu, began = time.process_time(), time.monotonic()
            calls = sum(pool.map(words[word.strip()], said["environments"]))
            line = {
                "calls": calls,
                "seconds": time.monotonic() - began,
                "cpu": time.process_time() - cpu,
                "memory": peak(),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
