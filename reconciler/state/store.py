"""What every store of states promises, so that a folder and Blob storage are the same to the loop."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.errors import StaleState, StateError, StateLocked
from reconciler.record import State

RESERVED = frozenset({"key", "cache"})
"""Names in the root of a folder that are no environment's."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one environment. since: ISO 8601 in UTC, by this machine's clock."""

    environment: str
    holder: str
    since: str
    held: Callable[[], bool]

    def check(self) -> None:
        """Raises StateLocked where the lock was lost meanwhile: nothing more may be written then."""
        if not self.held():
            message = (
                f"the lock of {self.environment}, held since {self.since}, was lost. Nothing more is written."
            )
            raise StateLocked(message, where=self.environment)


class Store(Protocol):
    """Keeps the states of all environments. Every method raises StateError where the store fails.

    An environment's name is checked by each: it never leads to another place."""

    def load(self, environment: str) -> State | None:
        """The state as of the last save; None where there is none yet. What is there and cannot be read, or
        was written by a newer program, is a StateError, never None."""

    def save(self, state: State) -> State:
        """Keep a state for good, whole or not at all, and return it with its new serial.

        Raises StaleState where what is kept has not the lineage and serial of `state`."""

    def lock(self, environment: str, holder: str) -> AbstractContextManager[Lease]:
        """Hold an environment. Raises StateLocked, naming the holder, where another run does.

        What a dead run held is free. Reading needs no lock."""

    def append_history(self, environment: str, tick: Mapping[str, Any]) -> None:
        """Keep the JSON of one tick."""

    def history(self, environment: str, limit: int = 50) -> list[dict[str, Any]]:
        """The last ticks, the newest first. Old ones are dropped some day."""

    def keep_plan(self, environment: str, document: Mapping[str, Any]) -> None:
        """Keep the plan of the last tick, in place of the one before, for people to look at: nothing is
        decided by it."""

    def last_plan(self, environment: str) -> dict[str, Any] | None:
        """The plan of the last tick; None where there is none, or none that can be read."""

    def environments(self) -> tuple[str, ...]:
        """The names of those with a state, sorted."""

    def key(self) -> bytes:
        """32 random bytes for keyed hashes, made once, and in no state."""


def parsed_plan(content: bytes) -> dict[str, Any] | None:
    """A plan that was kept; None for what is none: the next tick keeps another."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def checked(environment: str) -> str:
    """The name of an environment, if it is one. Raises StateError: it never leads to another place."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", environment) or environment in RESERVED:
        allowed = "up to 63 letters, digits, '.', '_' and '-', the first a letter or a digit"
        reserved = ", ".join(sorted(RESERVED))
        message = f"{environment!r} is no name for an environment. Take {allowed}; not {reserved}."
        raise StateError(message, code="environment-name")
    return environment


def refuse_stale(kept: State | None, state: State, where: str) -> None:
    """Raises StaleState where what is kept is not what `state` was made from."""
    if kept is None:
        if state.serial:
            raise StaleState(
                f"save {state.serial}, which this is made from, is gone. Run again.", where=where
            )
    elif (kept.lineage, kept.serial) != (state.lineage, state.serial):
        other = "" if kept.lineage == state.lineage else " of another lineage"
        message = f"somebody else saved: this is made from save {state.serial}, kept is {kept.serial}{other}."
        raise StaleState(f"{message} Run again.", where=where)


def locked(environment: str, text: bytes) -> StateLocked:
    """Who holds an environment, by the text that the holder left: JSON with holder, process and since."""
    try:
        by = json.loads(text)
        who = f"{by['holder']} (process {by['process']}) since {by['since']}"
    except (ValueError, KeyError, TypeError):
        who = "a run that is just beginning or ending"
    return StateLocked(f"{environment} is held by {who}. Wait for it, or end it.", where=environment)
