"""One step of an apply: its call, the wait for what the call started, and a look at what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reconciler.change import Change
from reconciler.errors import ReconcilerError, Throttled, Unreachable
from reconciler.memo import Memo
from reconciler.providers.provider import Done, Pending, Provider
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.settle import Mask
from reconciler.triggers import Pauser

POLLS = (1.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between two looks at a long operation whose answers do not say how long to wait."""

Progress = Callable[[str, tuple[Change, ...], tuple[Any, ...]], None]
"""Called with "wave" and the changes that start, "done" and the outcomes that are known, or "check" and pairs
of a check's name and its record."""


@dataclass
class Tools:
    """What apply works with. `deadline` is on `time.monotonic`'s scale; `resolve` puts into a resource what
    is known by now; `save` keeps the state and gives it back with its new serial; `doubts` tells whether a
    read after a write shows what was not sent."""

    providers: Iterable[Provider]
    resolve: Callable[[Resource, Mapping[Key, Observation]], Resource]
    save: Callable[[State], State]
    mask: Mask
    now: Callable[[], datetime]
    deadline: float
    progress: Progress = field(default=lambda *_: None)
    doubts: Callable[[Resource, Observation, Entry | None], bool] = field(default=lambda *_: False)
    pauser: Pauser | None = None
    pauses: tuple[Key, ...] = ()
    memo: Memo = field(default_factory=Memo)

    def applied_stays(self, resource: Resource, entry: Entry) -> bool:
        """Whether the record holds of this spec what it would hold if it were written now."""
        return self.memo.of(
            ("applied", resource.key),
            (resource.spec, entry.applied),
            resource.type,
            lambda: self.mask(resource.type, resource.spec) == entry.applied,
        )

    def provider(self, key: Key) -> Provider:
        return next(provider for provider in self.providers if key.kind in provider.kinds)


@dataclass(frozen=True)
class Step:
    """The unit of apply: one write of one object, or one ARM deployment of several resources."""

    changes: tuple[Change, ...]
    resources: tuple[Resource, ...] = ()
    entry: Entry | None = None
    token: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a step ended: `failed` by key; `pending` holds the resume token of what goes on."""

    failed: Mapping[Key, ReconcilerError] = field(default_factory=dict)
    pending: Mapping[str, Any] | None = None
    seen: Mapping[Key, Observation] = field(default_factory=dict)
    whole: ReconcilerError | None = None
    """The call itself was refused: nothing of the step came about."""
    late: bool = False
    """Time was over before the call: nothing was done."""


def work(step: Step, tools: Tools, before: Mapping[Key, Observation], recorded: Mapping[Key, Entry]) -> Ended:
    """Make the step's call and look after it until it ends or time is over. Runs in a thread.

    before: what was live; recorded: what was recorded of it."""
    if time.monotonic() >= tools.deadline:
        return Ended(late=True)
    provider = tools.provider(step.changes[0].key)

    def doubted(resource: Resource, seen: Observation) -> bool:
        return _doubted(seen, before.get(resource.key)) and tools.doubts(
            resource, seen, recorded.get(resource.key)
        )

    try:
        if step.entry is not None:
            return _follow(provider, provider.delete(step.entry), tools.deadline)
        ended = _follow(provider, provider.write(step.resources, step.token), tools.deadline)
    except ReconcilerError as error:
        return Ended(whole=error)
    made = [resource for resource in step.resources if resource.key not in ended.failed]
    if ended.pending is not None or not made:
        return ended
    try:
        seen = dict(provider.read(made))
        doubtful = tuple(resource for resource in made if doubted(resource, seen[resource.key]))
        if doubtful:
            again = _follow(provider, provider.write(doubtful, step.token), tools.deadline)
            if again.pending is not None:
                return replace(ended, pending=again.pending)
            seen = {key: each for key, each in seen.items() if key not in again.failed}
            sure = [resource for resource in doubtful if resource.key in seen]
            seen.update(provider.read(sure) if sure else {})
        return replace(ended, seen=seen)
    except ReconcilerError:
        return ended


def _doubted(seen: Observation, before: Observation | None) -> bool:
    """Whether a read after a write is worth a doubt: it shows the resource, and not as it was before.

    Where it differs from what was sent, that is by Azure's will, or by somebody's between our write and our
    read. The same write once more tells which: what it does not bring either, Azure does not accept."""
    return seen.status is Status.PRESENT and (before is None or seen.spec != before.spec)


def _follow(provider: Provider, answer: Done | Pending, deadline: float) -> Ended:
    looks = 0
    while isinstance(answer, Pending):
        own = POLLS[min(looks, len(POLLS) - 1)]
        pause = own if answer.wait is None else max(answer.wait, 0.05 * 2 ** min(looks, 8) if looks else 0.0)
        if time.monotonic() + pause >= deadline:
            return Ended(pending=answer.token)
        time.sleep(pause)
        looks += 1
        try:
            answer = provider.poll(answer.token)
        except (Unreachable, Throttled):
            continue
    return Ended(failed=answer.failed)
