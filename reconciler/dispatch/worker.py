"""One message worked off: one tick under the environment's lock, and what is queued after it; or the answer
to a pull request."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from reconciler import alerts, githost, pulls
from reconciler.dispatch.message import Message, ask, parse
from reconciler.dispatch.queue import Queue
from reconciler.dispatch.stale import look, stale
from reconciler.engine import Reconciler
from reconciler.errors import CloudError, ReconcilerError, SettingsError, StateError, StateLocked
from reconciler.record import State
from reconciler.state.store import checked
from reconciler.tick import Tick

LOCKED_SECONDS = 20.0
"""After so long a message looks again whether the tick before it has ended."""
FIRST_SECONDS, LONGEST_SECONDS = 15.0, 300.0
"""The wait before a message that came back is seen again: doubled each time, up to this."""
TRIES = 6
"""A fault that time may mend is borne so often; then it is raised, and the platform's own count begins."""
LONG_SECONDS = 60.0
"""A tick of this length waited by itself for what is pending: the next one need not wait much."""

log = logging.getLogger(__name__)


def work(engine: Reconciler, queue: Queue, text: str) -> str:
    """Work off one message: the tick's result; `merged` where a tick that began later has met it already,
    `waits` where it was put back.

    Raises what a tick does not record (the queue, the store or our settings fail, a defect of ours): the
    platform then tries again, and at last puts the message with the poisoned ones. Raises ValueError for what
    is no message."""
    message = parse(text)
    if message.pull:
        return _answer(engine, queue, message)
    name = message.environment
    before = engine.status(name)
    if before is not None and message.met(str(before.notes.get("began") or "")):
        log.info("message merged environment=%s reason=%s", name, message.reason)
        return "merged"
    try:
        tick = engine.tick(name)
    except StateLocked:
        return _back(queue, message, LOCKED_SECONDS, "locked")  # as it is: that tick may meet it yet
    except ReconcilerError as error:
        if error.retry and message.tries < TRIES:
            wait = error.wait if isinstance(error, CloudError) else 0.0
            return _back(queue, message.again(_now()), max(wait, _growing(message)), error.code)
        if error.retry or isinstance(error, (StateError, SettingsError)):
            raise
        log.error("tick failed environment=%s reason=%s code=%s", name, message.reason, error.code)
        return "failed"
    log.info(
        "tick ended environment=%s reason=%s result=%s commit=%s seconds=%s reads=%s writes=%s",
        name, message.reason, tick.result, tick.commit, tick.seconds,
        tick.calls.get("read", 0), tick.calls.get("write", 0),
    )  # fmt: skip
    if tick.result == "pending":
        delay = FIRST_SECONDS if tick.seconds > LONG_SECONDS else _growing(message)
        _back(queue, message.again(_now()), delay, "pending")
    elif _became_healthy(before, engine.status(name), tick):
        _queue_next(engine, queue, name)
    return tick.result


def _answer(engine: Reconciler, queue: Queue, message: Message) -> str:
    """Tell a pull request what it would do. After a refusal its next event asks anew."""
    try:
        result = pulls.answer(engine, message.pull)
    except StateLocked:
        return _back(queue, message, LOCKED_SECONDS, "locked")
    except ReconcilerError as error:
        if error.retry and message.tries < TRIES:
            return _back(queue, message.again(_now()), _growing(message), error.code)
        if error.retry or isinstance(error, StateError):
            raise
        githost.once(f"pull request {message.pull} was not answered", error)
        return "failed"
    log.info("pull request answered number=%s result=%s", message.pull, result)
    return result


def poisoned(engine: Reconciler, text: str) -> None:
    """Tell of a message that the platform gave up: those who hear of the environment, its history, the log.

    Raises StateLocked while a run is at the environment: the platform then asks again."""
    try:
        message = parse(text)
        name = checked(message.environment) if not message.pull else ""
    except (ValueError, StateError):
        log.error("message given up, which is none of ours length=%s", len(text))
        return
    if message.pull:
        log.error("message given up pull_request=%s", message.pull)
        return
    now = _now()
    log.error("message given up environment=%s reason=%s", name, message.reason)
    reason = "A message was given up after it had failed several times. The app's log tells why."
    with engine.store.lock(name, "alerts"):
        state = engine.status(name) or State.new(name)
        fact = alerts.lost(name, reason, now)
        told = alerts.tell(fact, state, look(engine, name).environment, engine.post(None), now)
        if told != state:
            engine.store.save(told)
    line = {"commit": "", "result": "failed", "reason": reason, "seconds": 0.0, "by": message.by}
    engine.store.append_history(name, {"time": now.isoformat(timespec="seconds"), **line})


def _back(queue: Queue, message: Message, delay: float, why: str) -> str:
    """Put a message back. What is queued first cannot be lost; what is then seen twice is merged."""
    queue.put(message, delay)
    about = message.environment or f"(pull request {message.pull})"
    log.info("message put back environment=%s why=%s delay=%s", about, why, delay)
    return "waits"


def _now() -> datetime:
    return datetime.now(UTC)


def _growing(message: Message) -> float:
    return min(FIRST_SECONDS * 2.0 ** min(message.tries, 10), LONGEST_SECONDS)


def _became_healthy(before: State | None, after: State | None, tick: Tick) -> bool:
    if tick.result != "done" or after is None or after.notes.get("healthy") != tick.commit:
        return False
    notes = before.notes if before is not None else {}
    last = (notes.get("last") or {}).get("result")
    return bool(notes.get("healthy") != tick.commit or last != "done")


def _queue_next(engine: Reconciler, queue: Queue, name: str) -> None:
    """Those that come after it and have waited for it."""
    for other in engine.checkout.names():
        view = look(engine, other)
        if name in view.after and stale(engine, other, view):
            queue.put(ask(other, f"after {name}"))
