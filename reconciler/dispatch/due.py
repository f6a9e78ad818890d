"""The timer: which environments are due, each by its own interval."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler import alerts
from reconciler.dispatch.message import ask
from reconciler.dispatch.queue import Queue
from reconciler.dispatch.stale import look
from reconciler.engine import Reconciler
from reconciler.environment import Environment
from reconciler.errors import StaleState, StateLocked
from reconciler.record import State

NOTE = "next"
"""In `state.notes`: when the environment is due next, ISO 8601."""
DEFAULT: timedelta = Environment.model_fields["interval"].default
"""Where the file cannot be read: it may be mended."""
SLACK = timedelta(seconds=10)
"""A timer never fires to the second; an environment due within this is due."""
SPREAD = 30
"""Seconds over which environments that are due at once are spread."""


def queue_due(engine: Reconciler, queue: Queue, now: datetime) -> tuple[str, ...]:
    """Queue each environment that is due once, however long the timer did not fire; gives their names.

    Where no tick of one has ended for long although it was queued, those who hear of it are told. Raises
    SourceError and StateError."""
    engine.checkout.fetch()
    return tuple(name for name in engine.known() if _queue(engine, queue, name, now))


def _queue(engine: Reconciler, queue: Queue, name: str, now: datetime) -> bool:
    if not _due(engine.status(name), now):
        return False
    try:
        with engine.store.lock(name, "timer"):
            state = engine.status(name) or State.new(name)
            if not _due(state, now):
                return False
            queue.put(ask(name, "timer"), _jitter(name))
            environment = look(engine, name).environment
            interval = environment.interval if environment is not None else DEFAULT
            if fact := alerts.overdue(state, interval, now):
                state = alerts.tell(fact, state, environment, engine.post(None), now)
            when = (now + interval).isoformat(timespec="seconds")
            engine.store.save(replace(state, notes={**state.notes, NOTE: when}))
    except (StateLocked, StaleState):
        return False  # it is being worked on: it is due again when that has ended
    return True


def _due(state: State | None, now: datetime) -> bool:
    if state is None:
        return True
    when = str(state.notes.get(NOTE) or "")
    return not state.suspended and (not when or datetime.fromisoformat(when) <= now + SLACK)


def _jitter(name: str) -> int:
    """1 to SPREAD seconds, always the same for a name."""
    return 1 + zlib.crc32(name.encode()) % SPREAD
