"""The plans of a pull request, made from files and from what was recorded. No cloud is called, nothing that
the pull request names is fetched, no secret is read, and nothing of it is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from reconciler import environment as environment_
from reconciler.checkout import NOBODY, Checkout
from reconciler.cloud import Identity
from reconciler.desired import Desired
from reconciler.environment import Environment
from reconciler.errors import Fault, InputError, SettingsError, SourceError
from reconciler.graph import Graph
from reconciler.planner import Planner
from reconciler.promotion import touched
from reconciler.pulls import guards
from reconciler.pulls.merged import Merged
from reconciler.record import Entry, State
from reconciler.redaction import apart
from reconciler.render import plan_json
from reconciler.resource import Resource, Secret
from reconciler.source import Snapshot
from reconciler.state import Store

CHANGED, NEW, REMOVED, UNPLANNED = "changed", "new", "removed", "unplanned"
GONE = "its file has gone. Nothing is deleted: what is recorded of it is told as orphaned."
EMPTY = "it has no section `azure`. Nothing is deleted: what is recorded of it is told as orphaned."
ELSEWHERE = "it is new and follows another branch than the one that this goes to."
NO_BICEP = (
    "its templates are Bicep, and no compiler is run on a pull request. `reconciler plan --offline` in the "
    "pull request's own checks shows it; or commit the JSON that `az bicep build` makes."
)


@dataclass(frozen=True)
class Preview:
    """What merging would do to one environment.

    kind: changed, new, removed, or unplanned, which `reason` explains. plan: the document of `plan --json`;
    {} for none. recorded: when live was looked at, ISO 8601, and "" for never; drifted: resources that were
    found drifted then, which the plan cannot show. behind: the branch has changes that are not applied yet,
    and the plan shows them too. told: what changes in policy, alerts and checks."""

    name: str
    kind: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    recorded: str = ""
    drifted: int = 0
    behind: bool = False
    reason: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """All that is said of a pull request. With refusals or faults there is no plan."""

    previews: tuple[Preview, ...] = ()
    refusals: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()
    both: tuple[str, ...] = ()


@apart()
def found(checkout: Checkout, store: Store, merged: Merged, base: str) -> Found:
    """Look at each environment that the pull request touches and that follows the branch it goes to."""
    blind = replace(checkout, secret=_unread)
    listed = blind.source.snapshot(checkout.ref)
    main = base == checkout.ref
    before = _names(listed.root)
    after = _names(merged.snapshot.root) if main else before
    others = tuple(filter(None, (_loaded(blind, name, listed) for name in before)))
    followed = {each.name: _branch(each, checkout.ref) for each in others}
    previews: list[Preview] = []
    refusals: list[Fault] = []
    faults: list[Fault] = []
    for name in dict.fromkeys((*before, *after)):
        side = _loaded(blind, name, merged.target) or _as_recorded(blind, name, store)
        if followed.get(name, base) != base:
            refusals += _other_source(blind, name, merged, side, others) if main else []
            continue
        if name not in after:
            previews.append(Preview(name, REMOVED, reason=GONE))
            continue
        try:
            environment = blind.load(name, merged.snapshot)
        except InputError as error:
            faults += error.faults if _touches(None, side, merged.changed) else ()
            continue
        if not _touches(environment, side, merged.changed):
            continue
        refusals += guards.refused(environment, side, () if side else others)
        try:
            preview, more = _preview(blind, store, merged, environment, side, base, checkout.ref)
        except InputError as error:
            faults += error.faults
        else:
            previews.append(preview)
            refusals += more
    if refusals or faults:
        previews = []
    return Found(tuple(previews), tuple(dict.fromkeys(refusals)), tuple(dict.fromkeys(faults)), merged.both)


def _preview(
    blind: Checkout,
    store: Store,
    merged: Merged,
    environment: Environment,
    side: Environment | None,
    base: str,
    ref: str,
) -> tuple[Preview, list[Fault]]:
    name, told = environment.name, tuple(guards.told(environment, side))
    if side is None and _branch(environment, ref) != base:
        return Preview(name, UNPLANNED, reason=ELSEWHERE), []
    if environment.azure is None:
        return Preview(name, REMOVED, reason=EMPTY, told=told), []
    if _bicep(environment):
        return Preview(name, UNPLANNED, reason=NO_BICEP, told=told), []
    state = store.load(name) or State.new(name)
    recorded = state.notes.get("identity")
    identity = Identity(*recorded) if recorded else NOBODY
    wanted = blind.desired(environment, merged.snapshot, identity)
    was = _desired(blind, side, merged.target, identity)
    refusals = guards.reaching(
        wanted, was, partial(_text, merged.snapshot.root), partial(_text, merged.target.root)
    )
    kept = replace(wanted, graph=Graph(_unmoved(resource, state) for resource in wanted.graph))
    planned = Planner(blind, _nobody).offline(kept, merged.snapshot, state)
    moved = blind.source.changed(state.commit, merged.target.commit) if state.commit else ()
    preview = Preview(
        name,
        CHANGED if side is not None else NEW,
        plan_json(planned.plan, {}, wanted.warnings),
        str((state.notes.get("last") or {}).get("time") or ""),
        len(state.drift),
        behind=side is not None and bool(state.commit) and (moved is None or touched(side, moved)),
        told=told,
    )
    return preview, refusals


# Secrets


UNREAD = "reconciler-does-not-read-this-for-a-pull-request"
"""Stands for each secret: it is never shown, and what is made of it is never compared, see `_unmoved`."""


def _unread(_: str) -> tuple[str, str]:
    return UNREAD, ""


def _nobody(*_: Any) -> NoReturn:
    raise SettingsError("nobody is signed in for a pull request.")


def _unmoved(resource: Resource, state: State) -> Resource:
    """The resource with the recorded marks of its secrets: as far as is known, none has moved. Where a
    reference to one did, the pull request was refused."""
    entry: Entry | None = state.entries.get(resource.key)
    applied = entry.applied if entry is not None else None
    return replace(resource, spec=_with_marks(resource.spec, applied)) if applied else resource


def _with_marks(spec: Any, applied: Any) -> Any:
    if isinstance(spec, Secret):
        same = isinstance(applied, Secret) and applied.expression == spec.expression and not spec.source
        return applied if same else spec
    if isinstance(spec, Mapping) and isinstance(applied, Mapping):
        return {name: _with_marks(each, applied.get(name)) for name, each in spec.items()}
    if isinstance(spec, (list, tuple)) and isinstance(applied, (list, tuple)) and len(spec) == len(applied):
        return [_with_marks(one, other) for one, other in zip(spec, applied, strict=True)]
    return spec


# Which environments


def _names(root: Path) -> tuple[str, ...]:
    """The environments of a snapshot; none where it has no such file."""
    try:
        return environment_.names(root)
    except InputError:
        return ()


def _branch(environment: Environment, ref: str) -> str:
    """The branch that an environment follows; "" where it is a tag."""
    source = environment.source
    return ref if source is None else "" if source.tag else source.branch or ref


def _loaded(checkout: Checkout, name: str, snapshot: Snapshot) -> Environment | None:
    try:
        return checkout.load(name, snapshot) if name in _names(snapshot.root) else None
    except InputError:
        return None


def _as_recorded(checkout: Checkout, name: str, store: Store) -> Environment | None:
    """As it was last applied, where the branch has it with faults: a pull request may mend it."""
    state = store.load(name)
    if state is None or not state.commit:
        return None
    try:
        return _loaded(checkout, name, checkout.source.snapshot(state.commit))
    except SourceError:
        return None


def _other_source(
    checkout: Checkout, name: str, merged: Merged, side: Environment | None, others: Iterable[Environment]
) -> list[Fault]:
    """Of an environment that follows another branch only that may be decided here: which one it follows."""
    after = _loaded(checkout, name, merged.snapshot)
    if after is None or side is None:
        return []
    return guards.refused(after, side, others, guards.SOURCE_GUARDS)


def _touches(after: Environment | None, before: Environment | None, changed: tuple[str, ...]) -> bool:
    if after is None and before is None:
        return any(path.startswith("environments/") for path in changed)
    sides = [each for each in (after, before) if each is not None]
    return any(touched(each, changed) for each in sides)


def _bicep(environment: Environment | None) -> bool:
    azure = environment.azure if environment is not None else None
    # By the path, as `desired` does: `x.bicep/` names the same file.
    return azure is not None and any(
        Path(each.template).suffix.lower() == ".bicep" for each in azure.deployments
    )


def _desired(
    checkout: Checkout, side: Environment | None, snapshot: Snapshot, identity: Identity
) -> Desired | None:
    """What the branch wants today; None where that cannot be told: all is new then."""
    if side is None or side.azure is None or _bicep(side):
        return None
    try:
        return checkout.desired(side, snapshot, identity)
    except InputError:
        return None


def _text(root: Path, path: str) -> str:
    try:
        return (root / path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""
