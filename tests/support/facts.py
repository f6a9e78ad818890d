"""Ticks and states as alerts see them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.alerts.fact import Fact
from reconciler.alerts.news import Memory, facts
from reconciler.alerts.standing import Ended, standing
from reconciler.change import HOLDS, Action, Change, Held
from reconciler.diff import Cause, FieldChange
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.record import Drift, Entry, State, Trouble
from reconciler.resource import Key

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = Key("arm.resource", "one", "Microsoft.Storage/storageAccounts:ours")
VAULT = Key("arm.resource", "one", "Microsoft.KeyVault/vaults:ours")
INTERVAL = timedelta(minutes=5)


def change(key: Key, *paths: str, cause: Cause = Cause.DRIFT, action: Action = Action.UPDATE) -> Change:
    """A change of these fields."""
    return Change(
        key, action, cause, tuple(FieldChange(path, "was", "is", "live", cause, "") for path in paths)
    )


def held(key: Key, code: str, change: Change | None = None) -> Held:
    return Held(key, code, HOLDS[code], change)


@dataclass
class World:
    """One environment over several ticks, five minutes apart."""

    state: State = field(default_factory=lambda: State.new("one"))
    memory: Memory = field(default_factory=Memory)
    now: datetime = START

    def tick(self, result: str = "done", *, after: timedelta = INTERVAL, **fields: Any) -> list[Fact]:
        """What is told after a tick; with a plan unless `plan=None`."""
        self.now += after
        ended = Ended("one", "c" * 40, result, **{"plan": Plan("one", "c" * 40), **fields})
        stands = standing(ended, self.state, self.memory.standing.values(), self.now)
        told, memory = facts(self.memory, stands, ended, self.now, INTERVAL)
        self.memory = Memory.of_notes(memory.notes)
        return list(told)

    def drifts(self, key: Key, *paths: str) -> None:
        since = self.state.drift.get(key, Drift(self.now.isoformat(), ())).since
        self.state = replace(self.state, drift={**self.state.drift, key: Drift(since, paths)})

    def drifts_no_more(self, key: Key) -> None:
        left = {other: drift for other, drift in self.state.drift.items() if other != key}
        self.state = replace(self.state, drift=left)

    def fails(self, key: Key, error: str, code: str = "denied") -> None:
        """The resource cannot be written, and waits for its next attempt; "" ends that."""
        trouble = Trouble(error, 1, self.now.isoformat(), "c" * 40, code) if error else None
        entry = Entry(key, "any", {}, applied={}, trouble=trouble)
        self.state = self.state.put(entry)

    def check(self, name: str, **note: str) -> None:
        checks = {**self.state.notes.get("checks", {}), name: note}
        self.state = replace(self.state, notes={**self.state.notes, "checks": checks})


def kinds(told: Sequence[Fact]) -> list[str]:
    return [fact.kind for fact in told]


def done(*keys: Key) -> tuple[Outcome, ...]:
    return tuple(Outcome(key, Action.UPDATE, Result.DONE) for key in keys)
