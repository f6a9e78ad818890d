"""What an earlier run left open, settled by what is seen now. Pure.

Open are intents (a call was about to be made, or a long operation had not ended) and writes that Azure did
not show yet when they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from reconciler.errors import ReconcilerError
from reconciler.graph import Graph
from reconciler.judge import SETTLING, doubtful
from reconciler.record import Entry, Intent, State, Trouble
from reconciler.resource import Key, Observation, Status
from reconciler.rules import for_type


class Mask(Protocol):
    """Makes of a type's spec what may be kept in state. sent: what was written, where the spec is what came
    back of it: where that holds a Secret, live holds its value."""

    def __call__(
        self, type_: str, spec: Mapping[str, Any], sent: Mapping[str, Any] | None = None, /
    ) -> Mapping[str, Any]: ...


MANY_KEYS = ("microsoft.datafactory/factories",)
"""Types whose resources Git may ask for under one key or another."""
ONE_PATH = ("databricks.notebook", "databricks.file", "databricks.library")
"""Kinds of which a path of a workspace holds one."""
ANY_CASE = ("databricks.secretScope", "databricks.secret")
"""Kinds whose names do not regard case, though other names in a workspace do."""
LONG_AGO = datetime.min.replace(tzinfo=UTC).isoformat()
BACKOFF = (1, 2, 5, 15, 60)
"""Minutes that a resource is left alone after its first, second, … failure at one commit."""


def trouble(entry: Entry, error: ReconcilerError, commit: str, now: datetime) -> Trouble:
    """What is recorded of a failure that time alone does not mend."""
    count = entry.trouble.count + 1 if entry.trouble and entry.trouble.commit == commit else 1
    pause = timedelta(minutes=BACKOFF[min(count, len(BACKOFF)) - 1])
    return Trouble(error.message, count, (now + pause).isoformat(), commit, error.code)


def settle(
    state: State,
    graph: Graph,
    live: Mapping[Key, Observation],
    ended: Mapping[Key, ReconcilerError | None],
    *,
    mask: Mask,
    commit: str,
    now: datetime,
) -> State:
    """The state with everything settled that can be.

    ended: for each intent whose operation has ended, None where it did what it should, else its error.
    commit: the one at which a failure keeps its back-off."""
    for key, entry in state.entries.items():
        if entry.settled and entry.intent is None and key in graph:
            continue
        seen = live.get(key)
        if seen is None or seen.status is Status.UNKNOWN:
            continue
        settled: Entry | None = entry
        if entry.intent is not None and key in ended:
            settled = _end(entry, entry.intent, seen, ended[key], commit, now)
        if settled is not None:
            settled = _show(settled, seen, mask, now, entry)
            if settled.intent is None and key not in graph and _vanished(settled, seen, now):
                settled = None
        if settled is None:
            state = state.drop(key)
        elif settled != entry:
            state = state.put(settled)
    return state


def _end(
    entry: Entry,
    intent: Intent,
    seen: Observation,
    error: ReconcilerError | None,
    commit: str,
    now: datetime,
) -> Entry | None:
    """What an intent leaves. Without a token nothing tells whether the call was made: then what is not proven
    by our mark counts as not made, since it is safe to make it again."""
    if intent.action == "delete" and seen.status is Status.ABSENT:
        return None
    if error is not None and not error.retry:
        return replace(entry, intent=None, trouble=trouble(entry, error, commit, now))
    unproven = not intent.token and (entry.ours or seen.status is not Status.PRESENT or not seen.mark)
    if error is not None or intent.action == "delete" or unproven:
        left = replace(entry, intent=None)
        return left if left.ours or left.trouble else None
    return replace(
        entry,
        intent=None,
        trouble=None,
        applied=intent.spec,
        paused=entry.to_start_after(intent.spec),
        written=now.isoformat(),
        settled=False,
        id=seen.id or entry.id,
    )


def _show(entry: Entry, seen: Observation, mask: Mask, now: datetime, before: Entry) -> Entry:
    """Take what is seen as the baseline once it is not the old picture, or has been the same for long.

    Much may have happened since our write: what is new and was not sent is doubted."""
    if entry.settled or entry.intent is not None or seen.status is not Status.PRESENT:
        return entry
    picture = mask(entry.type, seen.spec, entry.applied)
    old = now - datetime.fromisoformat(entry.written) >= SETTLING
    if picture == entry.baseline and not old:
        return entry
    assert entry.applied is not None
    doubted = doubtful(entry.applied, picture, for_type(entry.type), before)
    return replace(
        entry, settled=True, doubted=doubted, baseline=picture, id=seen.id or entry.id, stamp=seen.stamp
    )


def _vanished(entry: Entry, seen: Observation, now: datetime) -> bool:
    """Git does not mention it, and it is gone or never was ours: nothing is left to be done, save while Azure
    may be late."""
    if not entry.ours:
        return True
    if seen.status is not Status.ABSENT:
        return False
    return entry.settled or not entry.written or now - datetime.fromisoformat(entry.written) >= SETTLING


def rekeyed(state: State, graph: Graph) -> State:
    """The state with each record under the key by which Git asks for the same thing now.

    A data factory has a key of its own where no template declares it, a workspace's object one by its kind,
    and a scope one for each way to write its name. Without this, the old record would have what is there
    deleted, for the sake of the new one."""
    strays = [(key, entry) for key, entry in state.entries.items() if key not in graph]
    if not strays:
        return state
    wanted = {same: each for each in graph if (same := _thing(each.key, each.type, each.at)) is not None}
    for key, entry in strays:
        same = _thing(key, entry.type, entry.at)
        resource = wanted.get(same) if same is not None else None
        if resource is None or entry.intent is not None or not entry.ours:
            continue
        state = state.drop(key)
        if resource.key not in state.ours:
            kept = replace(entry, key=resource.key, type=resource.type)
            if resource.type.lower() in MANY_KEYS:
                kept = replace(kept, at={**resource.at, "id": entry.at["id"]})
            else:  # another kind is seen in another form: the next look takes that as its baseline
                kept = replace(kept, settled=False, written=LONG_AGO)
            state = state.put(kept)
    return state


def _thing(key: Key, type_: str, at: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What a key stands for, where another key may stand for the same; else None."""
    if type_.lower() in MANY_KEYS:
        return (str(at.get("id", "")).lower(),)
    if key.kind in ONE_PATH:
        return ("path", key.scope.lower(), key.name)
    if key.kind in ANY_CASE:
        return (key.kind, key.scope.lower(), key.name.lower())
    return None
