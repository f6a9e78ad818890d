"""After a tick: what is new is found, told, and remembered in `state.notes["alerts"]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reconciler.alerts import outbox
from reconciler.alerts.address import Address, Target, targets
from reconciler.alerts.deliver import Deliver, deliver, side_by_side
from reconciler.alerts.fact import DRIFT, KINDS, Fact
from reconciler.alerts.inquiry import Inquiry, inquired
from reconciler.alerts.news import Memory, facts
from reconciler.alerts.outbox import Letter
from reconciler.alerts.standing import Ended, standing
from reconciler.alerts.who import Log, Question
from reconciler.environment import Environment
from reconciler.record import State
from reconciler.redaction import cleaned
from reconciler.resource import Key, Observation

NOTES = "alerts"
INTERVALS = 3
"""After so many intervals without a tick that ended, somebody is told."""


@dataclass(frozen=True)
class Post:
    """How facts are sent. address: reads what `alerts[].to` says, see `addresses`. mail: what RECONCILER_MAIL
    says. repository: its address, which events name as their source."""

    address: Address
    mail: str = field(default="", repr=False)
    repository: str = field(default="", repr=False)
    deliver: Deliver = deliver

    def source(self, environment: str) -> str:
        """Of CloudEvents: the repository, without a password, and the environment."""
        parts = urlsplit(self.repository)
        host = parts.netloc.rpartition("@")[2]
        whole = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")) if host else ""
        return f"{whole.removesuffix('.git')}/environments/{environment}"


def after_tick(
    ended: Ended,
    before: State,
    after: State,
    environment: Environment | None,
    post: Post,
    now: datetime,
    *,
    log: Log | None = None,
    live: Mapping[Key, Observation] | None = None,
    save: Callable[[State], State] = lambda state: state,
) -> State:
    """Tell what is new, and give back `after` with what is known from now on; the caller saves it.

    before: the state at the start of the tick. environment: None where nobody knows whom to tell: then it
    stays new. log: the activity log, None where nobody is signed in. live: what was seen before anything was
    written. save: called with `after` before anything is sent. Takes seconds, and raises nothing where
    something cannot be sent or looked up."""
    if environment is None:
        return after
    notes = dict(after.notes.get(NOTES) or {})
    memory = Memory.of_notes(notes)
    stands = standing(ended, after, memory.standing.values(), now)
    told, memory = facts(memory, stands, ended, now, environment.interval)
    reached = targets(environment, post.address, post.mail)
    asked = tuple(Question.of_note(note) for note in notes.get("questions", ()))
    if any(DRIFT in target.on and not target.why for target in reached):
        identity = frozenset((after.notes.get("identity") or ())[:1])
        inquiry = Inquiry(before, live or {}, str(notes.get("looked", "")), identity, log, now)
        told, asked = inquired(told, asked, inquiry)
        memory = memory.knowing(told)
    looked = {"looked": now.isoformat()} if ended.plan is not None else {}
    notes |= {"questions": [each.note for each in asked], "tick": now.isoformat(), **looked}
    return _sent(after, notes, memory, told, reached, post, now, save)


def tell(fact: Fact, state: State, environment: Environment | None, post: Post, now: datetime) -> State:
    """Tell one fact that no tick has found: `overdue`, `lost`. Gives back the state, as `after_tick` does."""
    if environment is None:
        return state
    notes = dict(state.notes.get(NOTES) or {})
    memory = Memory.of_notes(notes)
    new = () if fact.name in memory.standing else (fact,)
    ill = tuple(dict.fromkeys((*memory.ill, *(each.name for each in new if KINDS[each.kind].trouble))))
    memory = replace(memory, standing={fact.name: fact, **memory.standing}, ill=ill)
    return _sent(state, notes, memory, new, targets(environment, post.address, post.mail), post, now)


def overdue(state: State, interval: timedelta, now: datetime) -> Fact | None:
    """The fact that no tick has ended for some intervals; None where one did, or where this is known."""
    notes = state.notes.get(NOTES) or {}
    last = str(notes.get("tick", ""))
    if state.suspended or not last or now - datetime.fromisoformat(last) < INTERVALS * interval:
        return None
    fact = Fact("tick.overdue", state.environment, last, text=f"No tick has ended since {last}.")
    return None if fact.name in Memory.of_notes(notes).standing else fact


def lost(environment: str, reason: str, now: datetime) -> Fact:
    """The fact that a message of the queue was given up."""
    return Fact("message.lost", environment, now.isoformat(timespec="seconds"), text=reason)


def _sent(
    state: State,
    notes: Mapping[str, Any],
    memory: Memory,
    told: Iterable[Fact],
    reached: Sequence[Target],
    post: Post,
    now: datetime,
    save: Callable[[State], State] = lambda state: state,
) -> State:
    """Send what is new and what is due again; the state with all that is to be remembered."""
    waiting = [Letter.of_note(note) for note in notes.get("undelivered", ())]
    letters = [*outbox.kept(waiting, reached, now), *outbox.written(told, reached, now)]
    source = post.source(state.environment)
    jobs = {
        target.ref: partial(post.deliver, target.address, due, source)
        for target in reached
        if not target.why and (due := [x.fact for x in letters if x.to == target.ref and x.is_due(now)])
    }
    if jobs:
        state = save(state)
    left = outbox.left(letters, side_by_side(jobs), now)
    kept = {
        **{name: notes[name] for name in ("questions", "tick", "looked") if notes.get(name)},
        **memory.notes,
        "undelivered": [letter.note for letter in left],
        "unset": [f"{target.shown}: {target.why}" for target in reached if target.why],
    }
    found = {name: value for name, value in kept.items() if value}
    return replace(state, notes={**state.notes, NOTES: cleaned(found)})
