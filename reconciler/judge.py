"""Decide what one resource needs: pure, one resource at a time, without a look at its brothers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.change import HOLDS, WAITS, Action, Change, Held
from reconciler.comparing import Compare
from reconciler.diff import Cause, Comparison, FieldChange, compare, distrusted
from reconciler.policy import Policy, matches
from reconciler.record import Entry
from reconciler.resource import Key, Manage, Observation, Resource, Status
from reconciler.rules import UNSEEN, TypeRules

SETTLING = timedelta(minutes=10)
"""How long Azure may go on answering as if our last write had not been made."""


REPLACEABLE = (
    "microsoft.authorization/roleassignments",
    "microsoft.authorization/locks",
    "microsoft.insights/diagnosticsettings",
    "databricks/notebooks",
    "databricks/files",
    "databricks/libraries",
)
"""Types that hold nothing of their own, or nothing but what Git says: they are deleted and made again without
an acknowledgement."""

NO_DELETE = "Azure Resource Manager cannot delete it; delete it in the vault, or with the vault."
SCHEDULED = "due"
"""The field of a spec that tells what time asks for, e.g. that a key is to be rotated."""

PARTS: Mapping[str, str] = {
    "microsoft.storage/storageaccounts/blobservices": "",
    "microsoft.storage/storageaccounts/fileservices": "",
    "microsoft.storage/storageaccounts/queueservices": "",
    "microsoft.storage/storageaccounts/tableservices": "",
    "microsoft.keyvault/vaults/accesspolicies": "",
    "microsoft.keyvault/vaults/keys": NO_DELETE,
    "microsoft.keyvault/vaults/secrets": NO_DELETE,
    "databricks/secretscopes/keyvault": "Only a person may be able to make it again: delete it by hand.",
}
"""Types that are not deleted by themselves: they go with what they are part of. Each with what a
person can do where that stays; "" where it is nothing but settings, which are forgotten
(neither https://learn.microsoft.com/rest/api/storagerp/blob-services nor
https://learn.microsoft.com/rest/api/keyvault/keyvault/secrets has a delete operation)."""


@dataclass(frozen=True)
class Verdict:
    """What was decided for one resource: at most one of change, blocked and waiting.

    comparison: how what is there was compared, where it was: also what was judged equal."""

    change: Change | None = None
    blocked: Held | None = None
    waiting: Held | None = None
    comparison: Comparison | None = None

    @property
    def held(self) -> Held | None:
        return self.waiting or self.blocked


def hold(key: Key, code: str, detail: str = "", change: Change | None = None) -> Verdict:
    if code in WAITS:
        return Verdict(waiting=Held(key, code, detail or WAITS[code], change))
    return Verdict(blocked=Held(key, code, f"{HOLDS[code]} {detail}".strip(), change))


def _unsettled(entry: Entry | None, now: datetime) -> bool:
    """Whether Azure may still answer as if our last write had not been made: it was not seen since."""
    if entry is None or entry.settled or not entry.written:
        return False
    return now - datetime.fromisoformat(entry.written) < SETTLING


def _backing_off(entry: Entry | None, commit: str, now: datetime) -> str:
    trouble = entry.trouble if entry else None
    if trouble is None or trouble.commit != commit or now >= datetime.fromisoformat(trouble.until):
        return ""
    until = f"It is tried again after {trouble.until}, or at the next commit."
    return f"It failed {trouble.count} times, last: {trouble.error} {until}"


def _adopt(
    resource: Resource,
    seen: Observation,
    comparison: Comparison,
    entry: Entry | None,
    policy: Policy,
    environment: str,
) -> Verdict:
    """Decide about what exists and is not recorded as ours.

    Our mark, or a create of ours that failed half-way, proves it ours all the same: then it is put right.
    What takes tags would bear our mark, had our create come about."""
    key = resource.key
    tried = entry is not None and entry.trouble is not None
    marked = seen.mark == environment and (tried or policy.adopt != "never")
    if comparison.changes and (marked or (tried and not _takes_tags(resource))):
        reason = (
            "It bears our mark, but nothing is recorded of it."
            if seen.mark
            else "Its creation failed half-way."
        )
        return Verdict(
            change=Change(
                key, Action.UPDATE, Cause.NEW, comparison.changes, comparison.resets, reason, resource.origin
            )
        )
    if policy.adopt == "never":
        return hold(key, "exists", "policy.adopt is never; delete it, or allow adoption.")
    if policy.adopt == "marked" and not seen.mark:
        return hold(key, "exists", "It does not bear our mark, and policy.adopt is marked.")
    change = Change(
        key, Action.ADOPT, Cause.NEW, comparison.changes, (), "It exists and equals Git.", resource.origin
    )
    if comparison.changes and str(seen.spec.get("value")).startswith(UNSEEN):
        told = "Nobody can read its value, so it may be another than Git's. Delete it, and it is made again."
        return hold(key, "exists", told, change)
    if comparison.changes:
        paths = ", ".join(change.path for change in comparison.changes[:5])
        more = f" and {len(comparison.changes) - 5} more" if len(comparison.changes) > 5 else ""
        return hold(
            key, "exists", f"It differs in {paths}{more}. Make Git say what is there, or delete it.", change
        )
    return Verdict(change=change, comparison=comparison)


def _watch(resource: Resource, comparison: Comparison) -> Verdict:
    """What is only observed never becomes ours, or dropping it from Git would delete it."""
    if not comparison.changes:
        return Verdict(comparison=comparison)
    reason = "It differs from what Git says."
    change = Change(
        resource.key, Action.UPDATE, Cause.NEW, comparison.changes, comparison.resets, reason, resource.origin
    )
    return hold(resource.key, "observed", change=change)


def _elsewhere(entry: Entry | None, resource: Resource) -> bool:
    """Whether what is recorded under this key is another thing than Git means: keys name no subscription."""
    if entry is None or not entry.ours or entry.adopted:
        return False
    recorded, wanted = str(entry.at.get("id", "")), str(resource.at.get("id", ""))
    return bool(recorded and wanted) and recorded != wanted and recorded.lower() != wanted.lower()


def _takes_tags(resource: Resource) -> bool:
    return "location" in resource.spec and resource.type.count("/") == 1


def _same_version(entry: Entry, resource: Resource) -> bool:
    """A picture taken with another API version may differ in form: it is no baseline any more."""
    return entry.at.get("apiVersion") == resource.at.get("apiVersion")


def judge(
    resource: Resource,
    seen: Observation,
    entry: Entry | None,
    policy: Policy,
    environment: str,
    commit: str,
    now: datetime,
    rules: TypeRules,
    hashing: bytes = b"",
    past: Observation | None = None,
    comparing: Compare = Compare(),
) -> Verdict:
    """Decide what one resource needs. hashing: the key under which secrets were hashed for the state.

    past: the resource as the API version of the record shows it now, where Git names another one."""
    key = resource.key
    ours = entry is not None and entry.ours
    if entry is not None and entry.intent is not None:
        return hold(key, "running")
    if _elsewhere(entry, resource):
        return hold(
            key, "moved", "Put the subscription back and `destroy` the environment first, or rename it."
        )
    if seen.status is Status.UNKNOWN:
        return hold(key, "unreadable", seen.error)
    if seen.status is Status.GOING:
        return hold(key, "going")
    if seen.mark not in ("", environment):
        if key.kind == "arm.group":
            return Verdict()  # it is another environment's, and good enough to stand in
        return hold(key, "foreign", f"The tag names {seen.mark!r}.")
    observed = resource.manage is Manage.OBSERVE or any(matches(pattern, key) for pattern in policy.observe)
    comparison: Comparison | None = None
    if seen.status is Status.ABSENT:
        if ours and _unsettled(entry, now):
            return hold(key, "settling")
        cause = Cause.DRIFT if ours else Cause.NEW
        reason = "It was deleted by somebody else." if ours else "It does not exist yet."
        change = Change(key, Action.CREATE, cause, (), (), reason, resource.origin)
    else:
        ignored = [rule.path for rule in policy.ignore if matches(rule.key, key)]
        comparison = comparing(
            key,
            resource.spec,
            seen.spec,
            rules,
            applied=entry.applied if entry and ours else None,
            baseline=entry.baseline if entry and ours and _same_version(entry, resource) else None,
            ignore=ignored,
            key=hashing,
        )
        if entry is not None and ours:
            comparison = _with_hidden_edits(comparison, entry, past, rules, ignored, hashing)
        if not ours and observed:
            return _watch(resource, comparison)
        if not ours:
            verdict = _adopt(resource, seen, comparison, entry, policy, environment)
            if verdict.change is None or verdict.change.action is Action.ADOPT:
                return verdict
            return _allow(verdict.change, entry, policy, commit, now, observed=observed)
        if comparison.changes and _unsettled(entry, now):
            return hold(key, "settling")
        if not comparison.changes:
            return Verdict(comparison=comparison)
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
                return hold(key, "protected", f"{', '.join(immutable)} cannot be changed in place.", change)
            if resource.type.lower() not in REPLACEABLE and not policy.acknowledged(action, key, now.date()):
                return hold(key, "replace", f"{', '.join(immutable)} cannot be changed in place.", change)
    return replace(_allow(change, entry, policy, commit, now, observed=observed), comparison=comparison)


def _with_hidden_edits(
    found: Comparison,
    entry: Entry,
    past: Observation | None,
    rules: TypeRules,
    ignored: Sequence[str],
    hashing: bytes,
) -> Comparison:
    """Nothing that a hand did passes for Azure's will: neither what was first read long after our write, nor
    what moved before Git named another API version, which only the recorded version can show."""
    if entry.doubted:
        return distrusted(found)
    if past is None or past.status is not Status.PRESENT or entry.applied is None or entry.baseline is None:
        return found
    then = compare(
        entry.applied,
        past.spec,
        rules,
        applied=entry.applied,
        baseline=entry.baseline,
        ignore=ignored,
        key=hashing,
    )
    return distrusted(found, {field.path for field in then.changes}.__contains__)


def doubtful(
    sent: Mapping[str, Any], seen: Mapping[str, Any], rules: TypeRules, entry: Entry | None, key: bytes = b""
) -> bool:
    """Whether a read after our write shows what was not sent, and was not accepted before either.

    Azure may keep another value than was sent, or somebody may have changed it between write and read.
    entry: what was recorded before the write."""
    kept = compare(sent, seen, rules, applied=sent, baseline=seen).not_accepted
    if not kept or entry is None or entry.applied is None or entry.baseline is None:
        return bool(kept)
    known = compare(sent, seen, rules, applied=entry.applied, baseline=entry.baseline, key=key).not_accepted
    return not {field.path for field in kept} <= {field.path for field in known}


def _allow(
    change: Change, entry: Entry | None, policy: Policy, commit: str, now: datetime, *, observed: bool
) -> Verdict:
    """Let a create, update or replace through, unless the policy or an earlier failure holds it."""
    key = change.key
    if observed:
        return hold(key, "observed", change=change)
    if not policy.heal and change.cause is Cause.DRIFT and not _scheduled(change):
        return hold(key, "heal", change=change)
    if change.resets and not policy.resets_allowed:
        paths = ", ".join(reset.path for reset in change.resets[:5])
        return hold(
            key,
            "resets",
            f"It would lose {paths}. Put it into Git, remove it, or set policy.resets: allow.",
            change,
        )
    waiting = _backing_off(entry, commit, now)
    return hold(key, "backoff", waiting, change) if waiting else Verdict(change=change)


def _scheduled(change: Change) -> bool:
    """Whether it is time alone that asks for the change, as for the renewal of a token: nobody drifted."""
    return bool(change.fields) and all(field.path == SCHEDULED for field in change.fields)


def _cause(fields: Sequence[FieldChange]) -> Cause:
    causes = {Cause.COMMIT if field.cause is Cause.REMOVED else field.cause for field in fields}
    return causes.pop() if len(causes) == 1 else Cause.BOTH


def judge_gone(
    entry: Entry, seen: Observation, policy: Policy, environment: str, commit: str, now: datetime
) -> Verdict:
    """Decide about a resource that is ours and that Git no longer mentions."""
    key = entry.key
    change = Change(key, Action.DELETE, Cause.REMOVED, (), (), "Git does not mention it any more.")
    if entry.intent is not None:
        return hold(key, "running")
    if seen.status is Status.UNKNOWN:
        return hold(key, "unreadable", seen.error, change)
    if seen.status is Status.GOING:
        return hold(key, "going")
    if seen.status is Status.ABSENT and _unsettled(entry, now):
        return hold(key, "settling")
    if seen.mark not in ("", environment):
        return hold(key, "foreign", f"The tag names {seen.mark!r}.", change)
    if any(matches(pattern, key) for pattern in policy.observe):
        return hold(key, "observed", change=change)
    if policy.protects(entry.type) and not policy.acknowledged(Action.DELETE, key, now.date()):
        return hold(key, "protected", "Acknowledge the delete in policy.acknowledge to let it go.", change)
    if key.kind in ("arm.group", "databricks.directory") and entry.adopted:
        return hold(key, "kept", "It was there before us.", change)
    waiting = _backing_off(entry, commit, now)
    if waiting:
        return hold(key, "backoff", waiting, change)
    return Verdict(change=change)
