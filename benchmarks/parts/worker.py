"""A process of its own that ticks environments, or makes the same calls bare; started by `rounds`.

It reads a JSON object from its first line of standard input, and makes a round over its environments for each
further line. A round's line of output tells calls, the process's processor time and its peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any


def engine_of(said: dict[str, Any]) -> Callable[[str], int]:
    from reconciler import settings

    place = replace(settings.read(), repository=said["repository"], state=said["state"])
    engine = settings.engine(place)

    def tick(name: str) -> int:
        done = engine.tick(name)
        assert done.result == "done", f"{name}: {done.result} {done.reason}"
        assert said.get("changes") or not (done.outcomes or done.calls["write"]), f"{name}: {done.outcomes}"
        return sum(done.calls.values())

    return tick


def floor_of(said: dict[str, Any]) -> Callable[[str], int]:
    from benchmarks.parts.floor import Floor

    return Floor(said["chains"], said["atOnce"]).tick


def main() -> None:
    said = json.loads(sys.stdin.readline())
    tick = floor_of(said) if "chains" in said else engine_of(said)
    with ThreadPoolExecutor(said["atOnce"]) as pool:
        for _ in sys.stdin:
            cpu, began = time.process_time(), time.monotonic()
            calls = sum(pool.map(tick, said["environments"]))
            line = {
                "calls": calls,
                "seconds": time.monotonic() - began,
                "cpu": time.process_time() - cpu,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
