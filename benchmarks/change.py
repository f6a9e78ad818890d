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


def run() -> Iterator[Figure]:
    with place(Estate.of("one", COUNT)) as there:
        for _ in range(2):
            there.engine.tick("one")
        found = [_changed(there, number) for number in range(1, TIMES + 1)]
        yield Figure.of("webhook to converged", [seconds for seconds, _ in found], "s")
        yield Figure("writes of one change", max(writes for _, writes in found), "calls", 1)


def _changed(there: Place, number: int) -> tuple[float, int]:
    """Seconds, and writes, of a new default value of one pipeline."""
    properties = pipeline("d7", "d8", default=1 + number)
    text = json.dumps({"name": "p7", "properties": properties}, indent=4)
    there.repository.push({"datafactory/one/pipeline/p7.json": text})
    since = there.last()
    body, queue = there.repository.payload(), MemoryQueue()
    headers = signed(body, delivery=f"d-{number}")
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
