"""Put a name to drift: at once where somebody tells, else by one more fact once it is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.alerts.fact import PENDING, Fact
from reconciler.alerts.who import Log, Question, answers, last_written, question
from reconciler.record import State
from reconciler.resource import Key, Observation

ASKED = ("drift.appeared", "drift.healed")
"""Kinds of facts of which it is asked who it was."""


@dataclass(frozen=True)
class Inquiry:
    """What is needed to ask. before: the state before the tick wrote anything. live: what was seen then.
    looked: when live was looked at before that. ours: our own ids. log: None where nobody is signed in."""

    before: State
    live: Mapping[Key, Observation]
    looked: str
    ours: frozenset[str]
    log: Log | None
    now: datetime


def inquired(
    told: Iterable[Fact], asked: Iterable[Question], inquiry: Inquiry
) -> tuple[tuple[Fact, ...], tuple[Question, ...]]:
    """The facts with what is known of who and when, and those that explain earlier ones; and what is still
    asked. Each fact is explained once at most."""
    told, asked = tuple(told), tuple(asked)
    fresh = {fact.id: each for fact in told if fact.kind in ASKED and (each := _question(fact, inquiry))}
    every = (*asked, *fresh.values())
    found = answers(every, inquiry.ours, inquiry.log) if inquiry.log is not None and every else {}
    named = tuple(_named(fact, fresh, found, inquiry) for fact in told)
    explained = tuple(
        replace(each.fact, kind="drift.explained", who=who, when=when, text="", of=each.fact.id, since=when)
        for each in asked
        if each.fact.id in found
        for who, when in (found[each.fact.id],)
    )
    left = (each for each in every if each.fact.id not in found and not each.expired(inquiry.now))
    return (*named, *explained), tuple(left)


def _question(fact: Fact, inquiry: Inquiry) -> Question | None:
    key = Key.parse(fact.key)
    seen = inquiry.live.get(key)
    entry = inquiry.before.entries.get(key)
    return question(fact, entry, seen.id if seen else "", inquiry.looked, inquiry.now)


def _named(
    fact: Fact, asked: Mapping[str, Question], found: Mapping[str, tuple[str, str]], inquiry: Inquiry
) -> Fact:
    if fact.kind not in ASKED:
        return fact
    if fact.id in found:
        who, when = found[fact.id]
        return replace(fact, who=who, when=when)
    if fact.id in asked:
        return replace(fact, who=PENDING)
    seen = inquiry.live.get(Key.parse(fact.key))
    return replace(fact, when=last_written(seen.stamp) if seen is not None else "")
