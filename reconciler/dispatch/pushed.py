"""A verified hint that Git moved: what is true is read from Git, and what is touched is queued.

Of a pull request only its number is queued: its host is asked for all else, by a worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.dispatch.message import ask, ask_pull
from reconciler.dispatch.queue import Queue
from reconciler.dispatch.stale import followed, look, stale
from reconciler.engine import Reconciler
from reconciler.githost import same_repository
from reconciler.webhooks import Hint

REMEMBERED = 1000
"""So many deliveries are looked through for one that comes again."""


@dataclass(frozen=True)
class Pushed:
    """What became of a hint. waits: touched, and queued once the environments before them are healthy."""

    ignored: str = ""
    queued: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


def pushed(engine: Reconciler, queue: Queue, source: str, hint: Hint) -> Pushed:
    """Queue the environments that are touched. Raises SourceError where Git cannot be read, and StateError
    where the queue or the store fails; the delivery is then not remembered, and may be sent again."""
    checkout = engine.checkout
    if not any(same_repository(checkout.source.repository, address) for address in hint.repositories):
        return Pushed("this is another repository than ours")
    # A name that no environment can have: the store keeps its lines as it keeps their histories.
    remembered = f"webhook.{source}"
    if any(line.get("delivery") == hint.delivery for line in engine.store.history(remembered, REMEMBERED)):
        return Pushed("this delivery is known")
    if hint.pull:
        if engine.host is None:
            return Pushed("nothing is set to answer pull requests with, see RECONCILER_FEEDBACK")
        queue.put(ask_pull(hint.pull))
        _remember(engine, remembered, hint)
        return Pushed("", (f"pull request {hint.pull}",))
    checkout.fetch()
    names = engine.known()
    if checkout.follow and not followed(engine, checkout.names()) & set(hint.refs):
        return Pushed(f"no environment follows {', '.join(hint.refs)}")
    views = {name: look(engine, name) for name in names if not _suspended(engine, name)}
    touched = [name for name, view in views.items() if stale(engine, name, view)]
    waits = [name for name in touched if set(views[name].after) & set(touched)]
    queued = [name for name in touched if name not in waits]
    for name in queued:
        queue.put(ask(name, "push"))
    _remember(engine, remembered, hint)
    unchanged = tuple(name for name in names if name not in touched)
    return Pushed("", tuple(queued), tuple(waits), unchanged)


def _remember(engine: Reconciler, name: str, hint: Hint) -> None:
    line = {"delivery": hint.delivery, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    engine.store.append_history(name, line)


def _suspended(engine: Reconciler, name: str) -> bool:
    state = engine.status(name)
    return state is not None and bool(state.suspended)
