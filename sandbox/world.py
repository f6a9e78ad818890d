"""Everything the sandbox knows: one value handed to every handler."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sandbox.authority import keep
from sandbox.children import Children
from sandbox.clock import Clock, iso, parse_iso
from sandbox.faults import Faults
from sandbox.identities import Identities
from sandbox.journal import Journal
from sandbox.lag import DELAYS, Lag
from sandbox.limits import Limits
from sandbox.service import Effect, Service
from sandbox.store import Document, Store
from sandbox.tokens import Tokens

TENANT = "00000000-0000-0000-0000-00000000000a"
SUBSCRIPTIONS = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")

_LATER = "_later"
_log = logging.getLogger("sandbox")


def identity_header(folder: Path) -> str:
    """The value of IDENTITY_HEADER, that the managed-identity endpoint asks for."""
    return keep(folder / "identity-header", lambda: uuid4().hex.upper().encode()).decode()


class World:
    """Clock, documents, journal, faults, limits, lag, identities, processes and the services themselves."""

    tenant_id = TENANT
    subscriptions = SUBSCRIPTIONS

    def __init__(self, folder: Path, services: Iterable[Service], lag: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.services = tuple(services)
        self.store = Store(folder / "world.db")
        self.clock = Clock(self.store)
        self.journal = Journal(self.store)
        self.faults = Faults()
        self.limits = Limits()
        self.lag = Lag(lag)
        self.identities = Identities(self.store)
        self.tokens = Tokens(folder, self.clock, TENANT)
        self.identity_header = identity_header(folder)
        self.children = Children(self.store, folder / "children")
        self._kept: dict[str, dict[str, dict[str, str]]] = {}
        self._effects: dict[str, Effect] = {k: v for s in self.services for k, v in s.effects.items()}
        self._seed()
        if lag:
            self.remember()

    def remember(self) -> None:
        """Keep what was there before each write, for those who are shown it late."""
        self.store.remember(self.clock.now, max(DELAYS.values()))

    @contextmanager
    def late(self, by: timedelta) -> Iterator[None]:
        """Whoever reads meanwhile is shown the world as it was so long ago, new roles not in effect yet."""
        before, self.lag = self.lag, Lag(True, by) if by else self.lag
        try:
            yield
        finally:
            self.lag = before

    def now(self) -> datetime:
        """The world's time."""
        return self.clock.now()

    def seen(self, collection: str, key: str, kind: str = "read") -> Document | None:
        """A document as a reader is shown it: with lag, a little old."""
        if not self.lag.enabled:
            return self.store.get(collection, key)
        return self.store.get_at(collection, key, self.now() - self.lag.delay(kind))

    def seen_items(
        self, collection: str, prefix: str = "", kind: str = "list"
    ) -> Iterator[tuple[str, Document]]:
        """Documents by key as a reader is shown a list of them: with lag, a little old."""
        if not self.lag.enabled:
            return self.store.items(collection, prefix)
        return self.store.items_at(collection, self.now() - self.lag.delay(kind), prefix)

    def schedule(self, ready_at: datetime, effect: str, data: Document) -> str:
        """Let the effect `effect` of a service happen at `ready_at`, also across a restart.

        It runs before the first request at or after that time, with the clock standing at
        `ready_at`. Answers a key for `unschedule`.
        """
        if effect not in self._effects:
            raise KeyError(f"no service has an effect '{effect}'")
        key = f"{iso(ready_at)}/{self.store_serial():012}/{uuid4().hex[:8]}"
        self.store.put(_LATER, key, {"effect": effect, "data": data})
        return key

    def unschedule(self, key: str) -> None:
        """Forget a scheduled effect."""
        self.store.delete(_LATER, key)

    def settle(self) -> None:
        """Run every effect that is due, in the order of their times, each its own transaction."""
        while keys := self.store.keys(_LATER)[:1]:
            ready_at = parse_iso(keys[0].split("/", 1)[0])
            if ready_at > self.now():
                return
            later = self.store.get(_LATER, keys[0]) or {}
            self.store.delete(_LATER, keys[0])
            self.store.commit()
            try:
                with self.clock.at(ready_at):
                    self._effects[later["effect"]](self, later["data"])
                self.store.commit()
            except Exception:
                # One broken effect must not break every request that follows.
                self.store.rollback()
                _log.exception("the effect %s failed", later["effect"])

    def store_serial(self) -> int:
        """A number that only grows, kept across restarts."""
        serial = int((self.store.get("_world", "serial") or {}).get("n", 0)) + 1
        self.store.put("_world", "serial", {"n": serial})
        return serial

    def keep(self, name: str) -> None:
        """Remember the world as it is (documents and clock), until this process ends."""
        self.settle()
        self._kept[name] = self.store.copy()

    def restore(self, name: str) -> None:
        """Put the world back as it was kept; the journal goes on, faults and limits end. Raises KeyError."""
        kept = self._kept[name]
        self.children.stop_all()
        self.store.restore(kept)
        self.clock.reload()
        self.faults.clear()
        self.limits.clear()

    def reset(self) -> None:
        """Empty the world: documents, clock, journal, faults, limits. Signing keys stay."""
        self.children.stop_all()
        self.store.clear()
        self.clock.reload()
        self.journal.clear()
        self.faults.clear()
        self.limits.clear()
        self._seed()

    def state(self) -> dict[str, Any]:
        """Everything it holds, by collection and key, without the secrets of identities."""
        return {
            name: {key: _masked(document) for key, document in self.store.items(name)}
            for name in self.store.collections()
        }

    def close(self) -> None:
        """End the processes and close the files."""
        self.children.stop_all()
        self.store.close()

    def _seed(self) -> None:
        # What was there from the beginning is old: no lag hides it.
        with self.clock.at(self.clock.now() - timedelta(days=30)):
            self.identities.seed()
            if self.store.get("_world", "seeded") is None:
                for service in self.services:
                    if service.seed:
                        service.seed(self)
                self.store.put("_world", "seeded", {"at": iso(self.now())})
        self.store.commit()


def _masked(document: Document) -> Document:
    return {name: "***" if name == "secret" and value else value for name, value in document.items()}
