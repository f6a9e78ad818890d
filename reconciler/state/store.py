"""What every store of states promises, so that a folder and Blob storage are the same to the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.errors import StateLocked
from reconciler.record import State


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

    def environments(self) -> tuple[str, ...]:
        """The names of those with a state, sorted."""

    def key(self) -> bytes:
        """32 random bytes for keyed hashes, made once, kept beside the states and in none of them."""
