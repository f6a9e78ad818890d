"""What applying one change did. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.change import Action
from reconciler.resource import Key


class Result(StrEnum):
    DONE = "done"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """What applying one change did."""

    key: Key
    action: Action
    result: Result
    seconds: float = 0.0
    error: str = ""
    code: str = ""
