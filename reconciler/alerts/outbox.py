"""What is still to be sent, to whom, and when it is tried again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from reconciler.alerts.address import Target
from reconciler.alerts.deliver import Sent
from reconciler.alerts.fact import KINDS, Fact

FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""How long to wait after the first failure, and at most after many."""
KEPT = timedelta(days=1)
"""What could not be sent for so long is given up."""


@dataclass(frozen=True)
class Letter:
    """One fact for one address that was not taken yet. to: `Target.ref`; shown: its `Target.shown`."""

    to: str
    shown: str
    fact: Fact
    since: str
    attempts: int = 0
    next: str = ""
    error: str = ""

    @classmethod
    def of_note(cls, note: Mapping[str, Any]) -> Self:
        known = {name: value for name, value in note.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "fact": Fact.of_note(note["fact"])})

    @property
    def note(self) -> dict[str, Any]:
        said = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**said, "fact": self.fact.note}

    def is_due(self, now: datetime) -> bool:
        return not self.next or now >= datetime.fromisoformat(self.next)


def written(facts: Iterable[Fact], targets: Iterable[Target], now: datetime) -> list[Letter]:
    """A letter for each address that asks for a fact of this kind. An address that is not set gets none."""
    at, facts = now.isoformat(timespec="seconds"), tuple(facts)
    return [
        Letter(target.ref, target.shown, fact, at)
        for target in targets
        for fact in facts
        if not target.why and KINDS[fact.kind].on in target.on
    ]


def kept(letters: Iterable[Letter], targets: Sequence[Target], now: datetime) -> list[Letter]:
    """Without those whose address has left Git, and those that are too old."""
    there = {target.ref for target in targets}
    return [
        letter
        for letter in letters
        if letter.to in there and now - datetime.fromisoformat(letter.since) <= KEPT
    ]


def left(letters: Iterable[Letter], sent: Mapping[str, Sent], now: datetime) -> list[Letter]:
    """What was not taken, with the time of its next attempt. sent: by `Target.ref`, of what was tried."""
    found = []
    for letter in letters:
        outcome = sent.get(letter.to)
        if outcome is None or not letter.is_due(now):
            found.append(letter)
        elif letter.fact.id not in outcome.ids:
            pause = min(FIRST * 2**letter.attempts, LONGEST)
            following = (now + pause).isoformat(timespec="seconds")
            failed = replace(letter, attempts=letter.attempts + 1, next=following, error=outcome.error)
            found.append(failed)
    return found
