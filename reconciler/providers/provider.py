"""What every provider offers, and what its calls give back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.errors import CloudError, NotFound, ReconcilerError, SignInError
from reconciler.record import Entry
from reconciler.resource import Key, Observation, Resource, Status


@dataclass(frozen=True)
class Done:
    """A call that has ended. `failed` names those of its resources that it did not bring about."""

    failed: Mapping[Key, ReconcilerError] = field(default_factory=dict)


@dataclass(frozen=True)
class Pending:
    """A long operation that goes on. `token` is JSON that holds no secret: another process can carry on.

    wait: seconds that the service asked us to leave before the next look; None where it said nothing."""

    token: Mapping[str, Any]
    wait: float | None = None


@dataclass(frozen=True)
class Looked:
    """What a provider saw: observations of what was asked for, and what else lives beside it."""

    observations: Mapping[Key, Observation]
    unmanaged: tuple[Key, ...] = ()


def looked(key: Key, look: Callable[[], Observation]) -> Observation:
    """What a look at one resource gives: absent where it is not found, unknown where it cannot be read.
    Raises SignInError."""
    try:
        return look()
    except NotFound:
        return Observation(key, Status.ABSENT)
    except SignInError:
        raise
    except CloudError as error:
        return Observation(key, Status.UNKNOWN, error=error.message)


class Provider(Protocol):
    """One family of kinds. Each method makes one kind of call, is safe to repeat, raises only our errors."""

    kinds: frozenset[str]

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        """Look at these, list calls first. What cannot be read is UNKNOWN with the reason; only a refusal
        that concerns everything (no sign-in, no such subscription, nobody answers) is raised.

        recorded: what is recorded of them. Where a list still shows an entry's stamp, the rest of it is taken
        from its baseline without a call."""

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        """Look at just these, as after a write of them."""

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        """What to look after should the answer of the coming write never be seen: saved before the call.

        run: a new name for this one call. Makes no call."""

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        """Create or update the resources of one batch, whose specs are resolved as far as they can be.

        token: what `intend` gave."""

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        """The same as `intend`, for a delete. Makes no call."""

    def delete(self, entry: Entry) -> Done | Pending:
        """Delete one resource; one that is gone already is Done."""

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        """Look after a long operation, or settle a call whose answer was never seen."""
