"""One change in 1,000 resources: from the push's webhook until the environment is as Git says again.

What the Function app does for it runs here in one process, without its host: the webhook's answer, the
message of the queue, the tick with its fetch, plan, write, and the record of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from support.hosted import SECRET, signed

from benchmarks.figure import Figure
from benchmarks.parts.estate import Estate, pipeline
from benchmarks.parts.place import Place, place
from reconciler import api, dispatch
from reconciler.dispatch import MemoryQueue

COUNT, TIMES = 1_000, 5
TICK_SECONDS = 600.0
AROUND = 2
"""Calls around the write of a pipeline that a trigger starts: the trigger is stopped, and started again."""


def run() -> Iterator[Figure]:
    estate = Estate.of("one", COUNT)
    with place(estate) as there:
        for _ in range(2):
            there.engine.tick("one")
        free, triggered = estate.triggers, 0
        found = [_changed(there, free, default) for default in range(2, TIMES + 2)]
        other = [_changed(there, triggered, default) for default in range(2, 4)]
    yield Figure.of("webhook to converged", [seconds for seconds, _ in found], "s")
    yield Figure("writes of one change", max(writes for _, writes in found), "calls", 1)
    yield Figure.of("a pipeline that a trigger starts", [seconds for seconds, _ in other], "s")
    most = max(writes for _, writes in other)
    yield Figure("its writes, with the stop and the start of the trigger", most, "calls", 1 + AROUND)


def _changed(there: Place, at: int, default: int) -> tuple[float, int]:
    """Seconds, and writes, of a new default value of the pipeline of this number."""
    (estate,) = there.estates
    properties = pipeline(f"d{at % estate.datasets}", f"d{(at + 1) % estate.datasets}", default)
    text = json.dumps({"name": f"p{at}", "properties": properties}, indent=4)
    there.repository.push({f"datafactory/one/pipeline/p{at}.json": text})
    since = there.last()
    body, queue = there.repository.payload(), MemoryQueue()
    headers = signed(body, delivery=f"d-{at}-{default}")
    began = time.monotonic()
    answer = api.webhook(lambda: there.engine, lambda: queue, (SECRET,), "github", "POST", headers, body)
    assert answer.status in (200, 202), answer.text
    taken = queue.take(TICK_SECONDS)
    assert taken is not None, answer.text
    dispatch.work(there.engine, queue, taken.text)
    seconds = time.monotonic() - began
    state = there.engine.status("one")
    assert state is not None and state.notes["last"]["result"] == "done", state and state.notes["last"]
    return seconds, len([call for call in there.sandbox.journal(since) if call["write"]])
