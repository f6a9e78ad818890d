"""The plan: what would be done to which resource, in which order, and what is not done and why.

Pure: the same graph, observations, state and policy give the same plan, byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from reconciler.diff import ABSENT, Cause, Comparison, FieldChange, Reset, compare
from reconciler.errors import StalePlan, UnsafePlan
from reconciler.graph import Graph, order
from reconciler.record import Entry, State
from reconciler.resource import Key, Manage, Observation, Resource, Status
from reconciler.rules import TypeRules, for_type

SETTLING = timedelta(minutes=10)
"""How long Azure may go on answering as if our last write had not been made."""


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
    "exists": "It exists already, is not ours, and differs from what Git says.",
    "foreign": "It bears another environment's mark.",
    "resets": "Writing it would reset settings that somebody made.",
    "protected": "Its type is protected from deletion.",
    "replace": "Only deleting and making it again brings this change, and nobody acknowledged that.",
    "needs": "What it needs is not there and not being made.",
    "observed": "policy.observe: it is watched and never written.",
    "heal": "policy.heal is false: drift is reported and not put back.",
    "kept": "It stays: something in it is not ours, or it was there before us.",
    "secret": "A secret that it is written with is not set.",
}
"""Codes of Plan.blocked."""

WAITS: Mapping[str, str] = {
    "settling": "It was written a moment ago and Azure does not show it yet.",
    "going": "It is being deleted.",
    "running": "An earlier run's operation on it has not ended.",
    "backoff": "It failed before and is tried again later, or at the next commit.",
}
"""Codes of Plan.waiting."""


@dataclass(frozen=True)
class Rule:
    """`policy.ignore`: differences at `path` (a pattern) of the resources that `key` (a pattern) names."""

    key: str
    path: str


@dataclass(frozen=True)
class Acknowledgement:
    """`policy.acknowledge`: lets deletes or replaces of the named resources through until a day."""

    action: Action
    key: str
    until: date | None = None


@dataclass(frozen=True)
class Policy:
    """What the environment's policy says, ready to be asked. `deletes` and `changes` are how many resources one
    plan may delete, and change at all; None = no limit."""

    heal: bool = True
    prune: bool = True
    adopt: str = "same"
    resets_allowed: bool = False
    deletes: int | None = 5
    changes: int | None = None
    protect: tuple[str, ...] = ()
    ignore: tuple[Rule, ...] = ()
    observe: tuple[str, ...] = ()
    acknowledge: tuple[Acknowledgement, ...] = ()

    def acknowledged(self, action: Action, key: Key, today: date) -> bool:
        return any(
            known.action is action
            and matches(known.key, key)
            and (known.until is None or today <= known.until)
            for known in self.acknowledge
        )

    def protects(self, type_: str) -> bool:
        """A protected type's children are protected with it: they live in its data."""
        asked = type_.lower()
        return any(asked == name.lower() or asked.startswith(name.lower() + "/") for name in self.protect)


def matches(pattern: str, key: Key) -> bool:
    """Whether a pattern with `*` and `?` names this key, written encoded or plain, whatever its case."""
    plain = f"{key.kind}/{key.scope}/{key.name}".lower()
    return fnmatchcase(str(key).lower(), pattern.lower()) or fnmatchcase(plain, pattern.lower())


@dataclass(frozen=True)
class Plan:
    """What would be done. `changes` are in run order: writes with what is needed first, then deletes."""

    environment: str
    commit: str
    changes: tuple[Change, ...] = ()
    blocked: tuple[Held, ...] = ()
    waiting: tuple[Held, ...] = ()
    unchanged: int = 0
    not_accepted: Mapping[Key, tuple[FieldChange, ...]] = field(default_factory=dict)
    equal: Mapping[Key, tuple[Any, ...]] = field(default_factory=dict)
    unmanaged: tuple[Key, ...] = ()
    orphaned: tuple[Key, ...] = ()
    unsafe: str = ""
    lineage: str = ""
    serial: int = 0

    @property
    def writes(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action in WRITES)

    @property
    def summary(self) -> dict[str, int]:
        """Resources by what is to become of them; a blocked one counts only there."""
        actions = Counter(change.action for change in self.changes)
        return {
            **{action.value: actions[action] for action in Action},
            "unchanged": self.unchanged,
            "blocked": len(self.blocked),
            "notAccepted": len(self.not_accepted),
        }

    @property
    def digest(self) -> str:
        """A hash of what would be done: two plans with the same digest do the same."""
        done = [
            [str(c.key), c.action, c.cause, [[f.path, _text(f.desired), _text(f.live)] for f in c.fields]]
            for c in self.changes
        ]
        text = json.dumps([self.environment, self.commit, done], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, *, allow_destructive: bool = False) -> None:
        """Raise UnsafePlan where the plan is over its limits."""
        if self.unsafe and not allow_destructive:
            raise UnsafePlan(self.unsafe, where=self.environment)

    def fits(self, state: State) -> None:
        """Raise StalePlan where it was made from another state than this one."""
        if (self.lineage, self.serial) != (state.lineage, state.serial):
            raise StalePlan(
                f"the plan was made from state {self.lineage}:{self.serial}, which is now "
                f"{state.lineage}:{state.serial}. Plan again.",
                where=self.environment,
            )


def _text(value: Any) -> str:
    return "" if value is ABSENT else json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True)
class _Verdict:
    """What was decided for one resource: at most one of change, blocked and waiting."""

    change: Change | None = None
    blocked: Held | None = None
    waiting: Held | None = None
    comparison: Comparison | None = None


def _hold(key: Key, code: str, detail: str = "", change: Change | None = None) -> _Verdict:
    if code in WAITS:
        return _Verdict(waiting=Held(key, code, detail or WAITS[code], change))
    return _Verdict(blocked=Held(key, code, f"{HOLDS[code]} {detail}".strip(), change))


def _recent(entry: Entry | None, now: datetime) -> bool:
    return bool(entry and entry.written) and now - datetime.fromisoformat(entry.written) < SETTLING  # type: ignore[union-attr]


def _backing_off(entry: Entry | None, commit: str, now: datetime) -> str:
    trouble = entry.trouble if entry else None
    if trouble is None or trouble.commit != commit or now >= datetime.fromisoformat(trouble.until):
        return ""
    return f"It failed {trouble.count} times, last: {trouble.error} It is tried again after {trouble.until}, or at the next commit."


def _adopt(
    resource: Resource,
    seen: Observation,
    comparison: Comparison,
    entry: Entry | None,
    policy: Policy,
    environment: str,
) -> _Verdict:
    """Decide about what exists and is not recorded as ours. Our mark, or a create of ours that failed half-way,
    proves it ours all the same: then it is put right."""
    key = resource.key
    if seen.mark and seen.mark != environment:
        return _hold(key, "foreign", f"The tag names {seen.mark!r}.")
    if comparison.changes and (seen.mark == environment or (entry is not None and entry.trouble is not None)):
        reason = (
            "It bears our mark, but nothing is recorded of it."
            if seen.mark
            else "Its creation failed half-way."
        )
        return _Verdict(
            change=Change(
                key, Action.UPDATE, Cause.NEW, comparison.changes, comparison.resets, reason, resource.origin
            )
        )
    if policy.adopt == "never":
        return _hold(key, "exists", "policy.adopt is never; delete it, or allow adoption.")
    if policy.adopt == "marked" and not seen.mark:
        return _hold(key, "exists", "It does not bear our mark, and policy.adopt is marked.")
    change = Change(
        key, Action.ADOPT, Cause.NEW, comparison.changes, (), "It exists and equals Git.", resource.origin
    )
    if comparison.changes:
        paths = ", ".join(change.path for change in comparison.changes[:5])
        more = f" and {len(comparison.changes) - 5} more" if len(comparison.changes) > 5 else ""
        return _hold(
            key, "exists", f"It differs in {paths}{more}. Make Git say what is there, or delete it.", change
        )
    return _Verdict(change=change, comparison=comparison)


def _judge(
    resource: Resource,
    seen: Observation,
    entry: Entry | None,
    policy: Policy,
    environment: str,
    commit: str,
    now: datetime,
    rules: TypeRules,
) -> _Verdict:
    """Decide what one resource needs."""
    key = resource.key
    ours = entry is not None and entry.ours
    if entry is not None and entry.intent is not None:
        return _hold(key, "running")
    if seen.status is Status.UNKNOWN:
        return _hold(key, "unreadable", seen.error)
    if seen.status is Status.GOING:
        return _hold(key, "going")
    observed = resource.manage is Manage.OBSERVE or any(matches(pattern, key) for pattern in policy.observe)
    if seen.status is Status.ABSENT:
        if ours and _recent(entry, now):
            return _hold(key, "settling")
        cause = Cause.DRIFT if ours else Cause.NEW
        reason = "It was deleted by somebody else." if ours else "It does not exist yet."
        change = Change(key, Action.CREATE, cause, (), (), reason, resource.origin)
    else:
        ignored = [rule.path for rule in policy.ignore if matches(rule.key, key)]
        comparison = compare(
            resource.spec,
            seen.spec,
            rules,
            applied=entry.applied if entry and ours else None,
            baseline=entry.baseline if entry and ours else None,
            ignore=ignored,
        )
        if not ours:
            verdict = _adopt(resource, seen, comparison, entry, policy, environment)
            if verdict.change is None or verdict.change.action is Action.ADOPT:
                return verdict
            return _allow(verdict.change, entry, policy, commit, now, observed=observed)
        if entry is not None and not entry.settled and comparison.changes and _recent(entry, now):
            return _hold(key, "settling")
        if not comparison.changes:
            return _Verdict(comparison=comparison)
        immutable = [field.path for field in comparison.changes if field.immutable]
        action = Action.REPLACE if immutable else Action.UPDATE
        change = Change(
            key,
            action,
            _cause(comparison.changes),
            comparison.changes,
            comparison.resets,
            "",
            resource.origin,
        )
        if immutable:
            if policy.protects(resource.type) and not policy.acknowledged(action, key, now.date()):
                return _hold(key, "protected", f"{', '.join(immutable)} cannot be changed in place.", change)
            if not policy.acknowledged(action, key, now.date()):
                return _hold(key, "replace", f"{', '.join(immutable)} cannot be changed in place.", change)
    return _allow(change, entry, policy, commit, now, observed=observed)


def _allow(
    change: Change, entry: Entry | None, policy: Policy, commit: str, now: datetime, *, observed: bool
) -> _Verdict:
    """Let a create, update or replace through, unless the policy or an earlier failure holds it."""
    key = change.key
    if observed:
        return _hold(key, "observed", change=change)
    if not policy.heal and change.cause is Cause.DRIFT:
        return _hold(key, "heal", change=change)
    if change.resets and not policy.resets_allowed:
        paths = ", ".join(reset.path for reset in change.resets[:5])
        return _hold(
            key,
            "resets",
            f"It would lose {paths}. Put it into Git, remove it, or set policy.resets: allow.",
            change,
        )
    waiting = _backing_off(entry, commit, now)
    return _hold(key, "backoff", waiting, change) if waiting else _Verdict(change=change)


def _cause(fields: Sequence[FieldChange]) -> Cause:
    causes = {Cause.COMMIT if field.cause is Cause.REMOVED else field.cause for field in fields}
    return causes.pop() if len(causes) == 1 else Cause.BOTH


def _delete(entry: Entry, seen: Observation, policy: Policy, commit: str, now: datetime) -> _Verdict:
    """Decide about a resource that is ours and that Git no longer mentions."""
    key = entry.key
    change = Change(key, Action.DELETE, Cause.REMOVED, (), (), "Git does not mention it any more.")
    if entry.intent is not None:
        return _hold(key, "running")
    if seen.status is Status.UNKNOWN:
        return _hold(key, "unreadable", seen.error, change)
    if seen.status is Status.GOING:
        return _hold(key, "going")
    if seen.status is Status.ABSENT and _recent(entry, now):
        return _hold(key, "settling")
    if any(matches(pattern, key) for pattern in policy.observe):
        return _hold(key, "observed", change=change)
    if policy.protects(entry.type) and not policy.acknowledged(Action.DELETE, key, now.date()):
        return _hold(key, "protected", "Acknowledge the delete in policy.acknowledge to let it go.", change)
    if key.kind == "arm.group" and entry.adopted:
        return _hold(key, "kept", "It was there before us.", change)
    waiting = _backing_off(entry, commit, now)
    if waiting:
        return _hold(key, "backoff", waiting, change)
    return _Verdict(change=change)


def _group_of(key: Key) -> Key | None:
    """A deleted group takes all that is in it along, so it may only go when nothing else is left in it."""
    return None if key.kind != "arm.resource" else Key("arm.group", "", key.scope)


def _keep_groups(deletes: Mapping[Key, Change], staying: Iterable[Key]) -> dict[Key, Held]:
    kept_in = {group.name.lower() for key in staying if (group := _group_of(key)) is not None}
    return {
        key: Held(key, "kept", f"{HOLDS['kept']} Something in the group stays.", change)
        for key, change in deletes.items()
        if key.kind == "arm.group" and key.name.lower() in kept_in
    }


def make(
    graph: Graph,
    live: Mapping[Key, Observation],
    state: State,
    policy: Policy,
    *,
    environment: str,
    commit: str,
    now: datetime,
    unmanaged: Iterable[Key] = (),
    stopped: Mapping[Key, str] | None = None,
    destroy: bool = False,
    rules: Callable[[str], TypeRules] = for_type,
) -> Plan:
    """Compare what Git wants with what is there and what we recorded.

    stopped: resources that cannot be written now, with the reason (a secret is not set).
    With `destroy` the graph is taken as empty and everything ours is to go, in reverse order."""
    changes: list[Change] = []
    blocked: list[Held] = []
    waiting: list[Held] = []
    not_accepted: dict[Key, tuple[FieldChange, ...]] = {}
    equal: dict[Key, tuple[Any, ...]] = {}
    unchanged = 0
    missing: dict[Key, Key] = {}
    for resource in graph:
        key = resource.key
        entry = state.entries.get(key)
        seen = live.get(key) or Observation(key, Status.UNKNOWN, error="It was not read.")
        verdict = _judge(resource, seen, entry, policy, environment, commit, now, rules(resource.type))
        lacking = next((missing[need] for need in resource.needs if need in missing), None)
        if verdict.change is not None and verdict.change.action is not Action.ADOPT:
            if stopped and key in stopped:
                verdict = _hold(key, "secret", stopped[key], verdict.change)
            elif lacking is not None:
                verdict = _hold(key, "needs", f"It needs {lacking}.", verdict.change)
        if seen.status is not Status.PRESENT and verdict.change is None:
            missing[key] = lacking or key
        if verdict.change is not None:
            changes.append(verdict.change)
        if verdict.blocked is not None:
            blocked.append(verdict.blocked)
        if verdict.waiting is not None:
            waiting.append(verdict.waiting)
        if verdict == _Verdict(comparison=verdict.comparison):
            unchanged += 1
        if verdict.comparison is not None:
            equal[key] = verdict.comparison.equal
            if verdict.comparison.not_accepted:
                not_accepted[key] = verdict.comparison.not_accepted

    gone = {
        key: entry
        for key, entry in state.entries.items()
        if key not in graph and (entry.ours or entry.intent)
    }
    families = {resource.key.kind.split(".")[0] for resource in graph}
    deletes: dict[Key, Change] = {}
    orphaned: list[Key] = []
    for key in reversed(order({key: entry.needs for key, entry in gone.items()})):
        entry = gone[key]
        whole_section = key.kind.split(".")[0] not in families
        acknowledged = policy.acknowledged(Action.DELETE, key, now.date())
        if not destroy and not acknowledged and (whole_section or not policy.prune):
            orphaned.append(key)
            continue
        seen = live.get(key) or Observation(key, Status.UNKNOWN, error="It was not read.")
        verdict = _delete(entry, seen, policy, commit, now)
        if verdict.change is not None:
            deletes[key] = verdict.change
        if verdict.blocked is not None:
            blocked.append(verdict.blocked)
        if verdict.waiting is not None:
            waiting.append(verdict.waiting)
    staying = {resource.key for resource in graph} | set(unmanaged) | (gone.keys() - deletes.keys())
    kept = _keep_groups(deletes, staying)
    blocked.extend(kept.values())
    changes.extend(change for key, change in deletes.items() if key not in kept)

    plan = Plan(
        environment=environment,
        commit=commit,
        changes=tuple(changes),
        blocked=tuple(blocked),
        waiting=tuple(waiting),
        unchanged=unchanged,
        not_accepted=not_accepted,
        equal=equal,
        unmanaged=tuple(sorted(unmanaged)),
        orphaned=tuple(sorted(orphaned)),
        lineage=state.lineage,
        serial=state.serial,
    )
    return plan if destroy else replace(plan, unsafe=_over_limits(plan, state, policy, now.date()))


def _over_limits(plan: Plan, state: State, policy: Policy, today: date) -> str:
    """Why the plan must not run as it is; "" where it is within its limits."""
    counted = [
        c
        for c in plan.writes
        if c.action is not Action.CREATE and not policy.acknowledged(c.action, c.key, today)
    ]
    deletes = [change for change in counted if change.action is Action.DELETE]
    if policy.deletes is not None and len(deletes) > policy.deletes:
        return (
            f"the plan deletes {len(deletes)} resources and policy.limits.deletes lets {policy.deletes} go. "
            "Nothing is written. Acknowledge the deletes in policy.acknowledge, or raise the limit."
        )
    if policy.changes is not None and len(counted) > policy.changes:
        return (
            f"the plan changes {len(counted)} of {len(state.ours)} recorded resources and policy.limits.changes "
            f"lets {policy.changes} pass. Nothing is written. Raise the limit if that is meant."
        )
    return ""
