"""What of the facts is new: a fact is told when it comes to be so, and not again while it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from reconciler.alerts.fact import KINDS, PENDING, Fact
from reconciler.alerts.standing import DELETED, Ended
from reconciler.change import Action

HOUR = timedelta(hours=1)
OFTEN = 3
"""What is put back so often within an hour is told no more in that hour: something else keeps writing it."""


@dataclass(frozen=True)
class Memory:
    """What is known of an environment's facts: `state.notes["alerts"]`, as far as they go.

    standing: by name. untold: names of those that were too young to be told. ill: names of the troubles that
    were told since it was last well. healed: when drift was put back in the last hour, by the resource."""

    standing: Mapping[str, Fact] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
    ill: tuple[str, ...] = ()
    healed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of_notes(cls, notes: Mapping[str, Any]) -> Self:
        facts = [Fact.of_note(note) for note in notes.get("standing", ())]
        healed = {name: tuple(times) for name, times in notes.get("healed", {}).items()}
        standing = {fact.name: fact for fact in facts}
        return cls(standing, tuple(notes.get("untold", ())), tuple(notes.get("ill", ())), healed)

    @property
    def notes(self) -> dict[str, Any]:
        said = {
            "standing": [fact.note for _, fact in sorted(self.standing.items())],
            "untold": sorted(self.untold),
            "ill": sorted(self.ill),
            "healed": {name: list(times) for name, times in sorted(self.healed.items())},
        }
        return {name: value for name, value in said.items() if value}

    def knowing(self, told: Iterable[Fact]) -> Self:
        """With who and when of what was told or explained just now."""
        named = {fact.of or fact.id: fact for fact in told if fact.who or fact.when}
        standing = {
            name: replace(fact, who=known.who, when=known.when) if (known := named.get(fact.id)) else fact
            for name, fact in self.standing.items()
        }
        return replace(self, standing=standing)


def facts(
    memory: Memory, standing: Mapping[str, Fact], ended: Ended, now: datetime, patience: timedelta
) -> tuple[tuple[Fact, ...], Memory]:
    """What is to be told, and what is known from now on.

    standing: what stands now. patience: how long an environment may be held back, or a cloud be out of reach,
    before that is told: waiting for the one before it is the normal course of a release."""
    told = [
        fact
        for name, fact in standing.items()
        if _ripe(fact, ended, now, patience) and _is_new(memory, name, fact)
    ]
    untold = tuple(name for name, fact in standing.items() if not _ripe(fact, ended, now, patience))
    healed = _recent(memory.healed, now)
    for fact in _put_back(ended, memory, now):
        times = (*healed.get(fact.key, ()), fact.since)
        healed[fact.key] = times
        if len(times) <= OFTEN:
            again = f"Put back {len(times)} times within an hour: something keeps changing it. "
            rest = "What else of that comes in this hour is not told."
            told.append(replace(fact, text=again + rest) if len(times) == OFTEN else fact)
    told += _gone(memory, standing, ended, now)
    ill = tuple(dict.fromkeys((*memory.ill, *(fact.name for fact in told if KINDS[fact.kind].trouble))))
    if ill and _is_well(standing, ended):
        was = ", ".join(dict.fromkeys(name.partition(" ")[0] for name in ill))
        at = now.isoformat(timespec="seconds")
        told.append(Fact("recovered", ended.environment, at, text=f"It was: {was}.", commit=ended.commit))
        ill = ()
    return tuple(told), Memory(dict(standing), untold, ill, healed)


def _ripe(fact: Fact, ended: Ended, now: datetime, patience: timedelta) -> bool:
    """Whether it is told: what may pass by itself has to stand for a while."""
    passing = fact.kind == "tick.failed" and ended.error is not None and ended.error.retry
    young = now - datetime.fromisoformat(fact.since) < patience
    return not (young and (passing or fact.kind == "held"))


def _is_new(memory: Memory, name: str, fact: Fact) -> bool:
    """Whether it was not told yet; of drift also, whether it grew."""
    before = memory.standing.get(name)
    if before is None or name in memory.untold:
        return True
    grew = not {*fact.fields, fact.code} <= {*before.fields, before.code}
    return fact.kind == "drift.appeared" and grew


def _put_back(ended: Ended, memory: Memory, now: datetime) -> Iterator[Fact]:
    """Drift that came and went within one tick."""
    at = now.isoformat(timespec="seconds")
    for key, change in ended.put_back.items():
        fields = tuple(field.path for field in change.fields)
        code = DELETED if change.action is Action.CREATE else ""
        fact = Fact("drift.healed", ended.environment, at, str(key), fields, code, commit=ended.commit)
        if f"drift.appeared {key}" not in memory.standing:
            yield fact


def _gone(memory: Memory, standing: Mapping[str, Fact], ended: Ended, now: datetime) -> Iterator[Fact]:
    """Drift that was told and is no more."""
    by_us = {str(key) for key in ended.put_back}
    for name, fact in memory.standing.items():
        if fact.kind == "drift.appeared" and name not in standing:
            how = "It was put back." if fact.key in by_us else ""
            since, who = now.isoformat(timespec="seconds"), "" if fact.who == PENDING else fact.who
            gone = replace(fact, kind="drift.gone", since=since, text=how, who=who, of=fact.id)
            yield replace(gone, commit=ended.commit)


def _is_well(standing: Mapping[str, Fact], ended: Ended) -> bool:
    trouble = any(KINDS[fact.kind].trouble for fact in standing.values())
    return ended.result == "done" and ended.plan is not None and not trouble


def _recent(healed: Mapping[str, tuple[str, ...]], now: datetime) -> dict[str, tuple[str, ...]]:
    recent = {
        name: tuple(time for time in times if now - datetime.fromisoformat(time) < HOUR)
        for name, times in healed.items()
    }
    return {name: times for name, times in recent.items() if times}
