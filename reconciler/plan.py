"""The plan: what would be done to which resource, in which order, and what is not done and why.

Pure: the same graph, observations, state and policy give the same plan, byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from reconciler.armid import key_of
from reconciler.change import HOLDS, WAITS, WRITES, Action, Change, Held
from reconciler.comparing import Compare
from reconciler.diff import FieldChange
from reconciler.equality.trees import ABSENT
from reconciler.errors import StalePlan, UnsafePlan
from reconciler.graph import Graph, order
from reconciler.judge import PARTS, hold, judge, judge_gone
from reconciler.policy import Policy
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.rules import TypeRules, for_type


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
            [
                str(c.key),
                c.action,
                c.cause,
                [[f.path, _text(f.desired), _text(f.live)] for f in c.fields],
                [[r.path, _text(r.live)] for r in c.resets],
            ]
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


FACTORIES = "Microsoft.DataFactory/factories:"


def _workspaces(state: State) -> Mapping[str, Key]:
    """The recorded workspaces by their hosts, as far as something of ours is known to stand in them."""
    return {
        key.scope: key_of(str(entry.at["resourceId"]))
        for key, entry in state.entries.items()
        if key.kind.startswith("databricks.") and entry.at.get("resourceId")
    }


def _holders(key: Key, workspaces: Mapping[str, Key] = MappingProxyType({})) -> Iterator[Key]:
    """What takes this resource along when it is deleted: its group, and what it is a part of by its type."""
    if key.kind.startswith("adf.") and key.kind != "adf.factory":
        yield Key("adf.factory", key.scope, key.scope)
        yield Key("arm.resource", "", f"{FACTORIES}{key.scope}")
    if key.kind.startswith("databricks."):
        if key.scope in workspaces:
            yield workspaces[key.scope]
        for parent in PurePosixPath(key.name).parents:
            yield Key("databricks.directory", key.scope, str(parent))
    if key.kind == "databricks.secret":
        yield Key("databricks.secretScope", key.scope, key.name.partition("/")[0])
    if key.kind != "arm.resource":
        return
    yield Key("arm.group", "", key.scope)
    type_, _, name = key.name.partition(":")
    types, names = type_.split("/"), name.split("/")
    if "@" not in name:
        for depth in range(1, len(names)):
            part = f"{'/'.join(types[: depth + 1])}:{'/'.join(names[:depth])}"
            yield Key(key.kind, key.scope, part)


def _keep_holders(
    deletes: Mapping[Key, Change], staying: Iterable[Key], workspaces: Mapping[str, Key]
) -> dict[Key, Held]:
    """What may only go when nothing else is left in it."""
    staying = tuple(staying)
    kept: dict[Key, Held] = {}
    while True:
        held_in = {holder: key for key in (*staying, *kept) for holder in _holders(key, workspaces)}
        found = {
            key: Held(key, "kept", f"{HOLDS['kept']} In it stays {inside}.", change)
            for key, change in deletes.items()
            if key not in kept and (inside := held_in.get(key) or held_in.get(_alone(key))) is not None
        }
        if not found:
            return kept
        kept |= found


def _alone(key: Key) -> Key:
    """By its name alone, as what is in a group or a factory knows it."""
    return Key(key.kind, "", key.name)


def _keep_parts(deletes: Mapping[Key, Change], going: Iterable[Key], state: State) -> dict[Key, Held]:
    """What cannot be deleted by itself, where nothing that it is part of goes."""
    going = {key for key in going if key.kind != "arm.group"}
    kept = {}
    for key, change in deletes.items():
        way_out = PARTS.get(state.entries[key].type.lower(), "")
        if way_out and going.isdisjoint(_holders(key)):
            reason = f"{HOLDS['kept']} {way_out}"
            kept[key] = Held(key, "kept", reason, change)
    return kept


SECTIONS: Mapping[str, str] = {
    "arm.group": "azure",
    "arm.resource": "azure.deployments",
    "arm.storageKey": "azure",
    "adf.factory": "dataFactory",
    "adf": "dataFactory.definitions",
    "databricks": "databricks",
    "keyvault": "keyVault",
}
"""Which section of an environment file asks for a kind, or for a family of kinds."""


def section_of(known: Resource | Entry) -> str:
    """The section that asks for a resource. A group that a template makes is asked for by its deployment."""
    kind = known.key.kind
    if kind == "arm.group" and known.at.get("deployment"):
        return SECTIONS["arm.resource"]
    return SECTIONS.get(kind) or SECTIONS.get(kind.split(".")[0], kind)


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
    sections: Iterable[str] | None = None,
    stopped: Mapping[Key, tuple[str, str]] | None = None,
    destroy: bool = False,
    hashing: bytes = b"",
    past: Mapping[Key, Observation] | None = None,
    rules: Callable[[str], TypeRules] = for_type,
    comparing: Compare = Compare(),
) -> Plan:
    """Compare what Git wants with what is there and what we recorded.

    sections: those that the environment file has, see SECTIONS; what is recorded of another is orphaned and
    stays. By default those of the graph's resources.
    stopped: resources that cannot be written now, with the code and the reason.
    hashing: the key under which secrets were hashed for the state.
    past: resources whose API version moves in Git, as the recorded version shows them.
    comparing: how one resource is compared: anew, or with a memory.
    With `destroy` the graph is taken as empty and everything ours is to go, in reverse order."""
    changes: list[Change] = []
    blocked: list[Held] = []
    waiting: list[Held] = []
    not_accepted: dict[Key, tuple[FieldChange, ...]] = {}
    equal: dict[Key, tuple[Any, ...]] = {}
    unchanged = 0
    missing: dict[Key, Held] = {}
    for resource in graph:
        key = resource.key
        entry = state.entries.get(key)
        seen = live.get(key) or Observation(key, Status.UNKNOWN, error="It was not read.")
        verdict = judge(
            resource,
            seen,
            entry,
            policy,
            environment,
            commit,
            now,
            rules(resource.type),
            hashing,
            (past or {}).get(key),
            comparing,
        )
        lacking = (
            next((missing[need] for need in resource.needs if need in missing), None) if missing else None
        )
        if verdict.change is not None and verdict.change.action is not Action.ADOPT:
            if stopped and key in stopped:
                verdict = hold(key, *stopped[key], verdict.change)
            elif lacking is not None:
                waits = lacking.code in WAITS
                code = lacking.code if waits else "needs"
                verdict = hold(key, code, f"It needs {lacking.key}.", verdict.change)
        if seen.status is not Status.PRESENT and verdict.held is not None:
            missing[key] = lacking or verdict.held
        if verdict.change is not None:
            changes.append(verdict.change)
        if verdict.blocked is not None:
            blocked.append(verdict.blocked)
        if verdict.waiting is not None:
            waiting.append(verdict.waiting)
        if verdict.change is None and verdict.held is None:
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
    there = set(map(section_of, graph) if sections is None else sections)
    deletes: dict[Key, Change] = {}
    orphaned: list[Key] = []
    for key in reversed(order({key: entry.needs for key, entry in gone.items()})):
        entry = gone[key]
        whole_section = section_of(entry) not in there
        acknowledged = policy.acknowledged(Action.DELETE, key, now.date())
        if not destroy and not acknowledged and (whole_section or not policy.prune):
            orphaned.append(key)
            continue
        seen = live.get(key) or Observation(key, Status.UNKNOWN, error="It was not read.")
        verdict = judge_gone(entry, seen, policy, environment, commit, now)
        if verdict.change is not None:
            deletes[key] = verdict.change
        if verdict.blocked is not None:
            blocked.append(verdict.blocked)
        if verdict.waiting is not None:
            waiting.append(verdict.waiting)
    for held in (*blocked, *waiting):
        holder = state.entries.get(held.key)
        for key in holder.needs if holder else ():
            if key in deletes and held.key in graph:
                waiting.append(Held(key, "needed", f"{WAITS['needed']} It is {held.key}.", deletes.pop(key)))
    kept: dict[Key, Held] = {}
    if deletes:
        staying = {resource.key for resource in graph} | set(unmanaged) | (gone.keys() - deletes.keys())
        kept |= _keep_holders(deletes, sorted(staying), _workspaces(state))
        kept |= _keep_parts(deletes, deletes.keys() - kept.keys(), state)
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
    deletes = [change for change in counted if change.action is not Action.UPDATE]
    if policy.deletes is not None and len(deletes) > policy.deletes:
        return (
            f"the plan deletes or replaces {len(deletes)} resources and policy.limits.deletes lets "
            f"{policy.deletes} go. Nothing is written. "
            "Acknowledge them in policy.acknowledge, or raise the limit."
        )
    emptied = _emptied(state, {change.key for change in deletes}) if deletes else ""
    if emptied:
        return (
            f"the plan deletes every definition that is ours in the factory {emptied}. Nothing is written. "
            "Acknowledge the deletes in policy.acknowledge if that is meant."
        )
    if policy.changes is not None and len(counted) > policy.changes:
        return (
            f"the plan changes {len(counted)} of {len(state.ours)} recorded resources and "
            f"policy.limits.changes lets {policy.changes} pass. Nothing is written. "
            "Raise the limit if that is meant."
        )
    return ""


def _emptied(state: State, deletes: set[Key]) -> str:
    """The name of a factory that would be left without one of our definitions; "" where there is none."""
    ours: dict[str, set[Key]] = {}
    for key in state.ours:
        if key.kind.startswith("adf.") and key.kind != "adf.factory":
            ours.setdefault(key.scope.lower(), set()).add(key)
    return next((scope for scope, keys in sorted(ours.items()) if len(keys) > 1 and keys <= deletes), "")
