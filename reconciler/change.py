"""What is to be done to one resource, or why it is left alone. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.diff import Cause, FieldChange, Reset
from reconciler.resource import Key


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    """It is there already and equals what Git wants: it becomes ours, nothing is written to it."""


WRITES = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE)


@dataclass(frozen=True)
class Change:
    """What is to be done to one resource, and why."""

    key: Key
    action: Action
    cause: Cause
    fields: tuple[FieldChange, ...] = ()
    resets: tuple[Reset, ...] = ()
    reason: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Held:
    """A resource that is left alone for now. `code` is stable: see HOLDS."""

    key: Key
    code: str
    reason: str
    change: Change | None = None
    """What would be done otherwise."""


HOLDS: Mapping[str, str] = {
    "unreadable": "It could not be read, so nothing is known of it.",
    "moved": "It is recorded in another subscription: made here, nobody would know of it there any more.",
    "exists": "It exists already, is not ours, and differs from what Git says.",
    "foreign": "It bears another environment's mark.",
    "resets": "Writing it would reset settings that somebody made.",
    "protected": "Its type is protected from deletion.",
    "replace": "Only deleting and making it again brings this change, and nobody acknowledged that.",
    "needs": "What it needs is not there and not being made.",
    "observed": "policy.observe: it is watched and never written.",
    "heal": "policy.heal is false: drift is reported and not put back.",
    "kept": "It is left standing.",
    "gitLinked": "The factory is linked to Git, where ADF Studio writes its definitions.",
    "secret": "A secret that it is written with is not set.",
}
"""Codes of Plan.blocked."""

HARMLESS = ("observed", "heal", "protected", "kept")
"""Codes that do not say that Git's content failed to come about: the environment may still be healthy."""

WAITS: Mapping[str, str] = {
    "settling": "It was written in the last ten minutes, and Azure does not show that yet. "
    "If somebody undid it meanwhile, it is put right after those ten minutes.",
    "going": "It is being deleted.",
    "running": "An earlier run's operation on it has not ended.",
    "needed": "Something still needs it that could not be written yet.",
    "backoff": "It failed before and is tried again later, or at the next commit.",
}
"""Codes of Plan.waiting."""
