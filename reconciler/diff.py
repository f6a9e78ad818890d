"""Three-way comparison of one resource: what Git says, what is live, what we recorded. Pure.

Only fields that desired mentions, or mentioned when last applied, can be changes. Where a baseline (the body
read after our own write) is given, drift is live against baseline: what Azure made of our value is no drift,
and a value that it refused to keep is told once as not accepted. All of it is linear
in the size of the bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from reconciler import paths
from reconciler.armtemplate import Unknown
from reconciler.equality import RULES, empty, lists
from reconciler.equality.trees import ABSENT, holds, is_hash, judged, pairing, same
from reconciler.resource import Secret
from reconciler.rules import (
    HASHED,
    Spot,
    TypeRules,
    for_type,
    hashed,
    is_mask,
    is_secure_string,
    mask,
    secret_paths,
)

KEPT: Final = ("reported", "carried")
"""Kinds of rules for what no write resets."""
CHANGED: Final = "(changed)"
HIDDEN_SECRET: Final = "(secret)"
_PLAIN: Final = frozenset((str, int, float, bool))

REASONS: Final[Mapping[str, str]] = {
    "commit": "Git says something else than was last applied",
    "drift": "the live value moved since our last write",
    "both": "Git and the live value moved",
    "removed": "Git no longer mentions what was applied",
    "notAccepted": "Azure keeps another value than was sent",
    "missing": "Azure does not have what was sent",
    "secret": "the secret's value is another than the one last written",
    "secretSource": "where the secret is read, it is another than the one last written",
    **RULES,
}


class Cause(StrEnum):
    COMMIT = "commit"
    DRIFT = "drift"
    BOTH = "both"
    NEW = "new"
    REMOVED = "removed"


@dataclass(frozen=True)
class FieldChange:
    """One field that differs. A side without a value is ABSENT; `reason` is a code of REASONS.

    `immutable`: by rule only a replacement of the resource can bring it."""

    path: str
    recorded: Any
    desired: Any
    live: Any
    cause: Cause
    reason: str
    immutable: bool = False


@dataclass(frozen=True)
class Equal:
    """A field judged equal though not identical, and by which rule."""

    path: str
    rule: str


@dataclass(frozen=True)
class Reset:
    """What is set on the live resource and would be lost by writing desired."""

    path: str
    live: Any


@dataclass(frozen=True)
class Comparison:
    """changes: what a write puts right. not_accepted: what Azure keeps otherwise, whatever is written."""

    changes: tuple[FieldChange, ...]
    not_accepted: tuple[FieldChange, ...]
    equal: tuple[Equal, ...]
    resets: tuple[Reset, ...]


@dataclass(frozen=True, slots=True)
class _Sides:
    """The four values at one place; ABSENT where there is none."""

    desired: Any
    live: Any
    applied: Any
    baseline: Any


@dataclass(slots=True)
class _Folded:
    """A mapping read without regard to the case of its keys, as Azure reads them; else, nothing."""

    value: Any
    index: dict[str, str] | None = None

    def get(self, name: str) -> Any:
        if not isinstance(self.value, Mapping):
            return ABSENT
        if name in self.value:
            return self.value[name]
        if self.index is None:
            self.index = {each.lower(): each for each in self.value}
        other = self.index.get(name.lower())
        return ABSENT if other is None else self.value[other]


@dataclass(slots=True)
class _Walk:
    """One comparison under way: what is known of the past, and what was found."""

    recorded: bool
    based: bool
    key: bytes
    changes: list[FieldChange] = field(default_factory=list)
    not_accepted: list[FieldChange] = field(default_factory=list)
    equal: list[Equal] = field(default_factory=list)
    resets: list[Reset] = field(default_factory=list)

    def node(self, path: str, spot: Spot, at: _Sides) -> None:
        if at.desired is ABSENT and at.applied is ABSENT:
            self.unmentioned(path, spot, at.live, at.baseline)
        elif hidden := spot.hidden():
            if not _identical(at.desired, at.live):
                self.equal.append(Equal(path, hidden))
        elif isinstance(at.desired, Unknown):
            self.equal.append(Equal(path, "unknown"))
        elif isinstance(at.desired, Secret):
            self.secret(path, spot, at)
        elif isinstance(at.live, Mapping) and _is_map(at.desired, at.applied):
            self.keys(path, spot, at)
        elif isinstance(at.live, list) and _is_list(at.desired, at.applied):
            self.items(path, spot, at)
        else:
            self.leaf(path, spot, at)

    def keys(self, path: str, spot: Spot, at: _Sides) -> None:
        desired, live, applied, baseline = map(_Folded, (at.desired, at.live, at.applied, at.baseline))
        done: set[str] = set()
        for side in (at.desired, at.applied, at.live):
            for name in side if isinstance(side, Mapping) else ():
                if name.lower() in done:
                    continue
                done.add(name.lower())
                wanted, found = desired.get(name), live.get(name)
                if type(wanted) in _PLAIN and type(wanted) is type(found) and wanted == found:
                    continue  # most fields of most bodies: nothing can be said of them
                here = paths.child(path, name)
                if side is at.desired and found is not ABSENT and name not in at.live:
                    self.equal.append(Equal(here, "key"))
                sides = _Sides(wanted, found, applied.get(name), baseline.get(name))
                self.node(here, spot.key(name), sides)

    def items(self, path: str, spot: Spot, at: _Sides) -> None:
        ours = _list(at.desired)
        applied, baseline = _list(at.applied), _list(at.baseline)
        named, pair = pairing(spot, ours, at.live, applied, baseline)
        pairs = pair(0, 1)
        if lists.reordered(pairs):
            if "ordered" in spot.kinds:
                self.differs(path, spot, at, "notAccepted")
            else:
                self.equal.append(Equal(path, "order"))
        to_applied, to_baseline = dict(pair(0, 2)), dict(pair(1, 3))
        left_over = {old for new, old in pair(0, 2) if new is None}
        gone = dict(pair(1, 2)) if left_over else {}
        had = dict(pair(0, 3)) if any(theirs is None for _, theirs in pairs) else {}
        for mine, theirs in pairs:
            value = at.live[theirs] if mine is None else ours[mine]
            name = lists.identity(value, spot) if named else (theirs if mine is None else mine)
            here, there = paths.item(path, name or 0), spot.item(name or 0)
            old = gone.get(theirs) if mine is None else to_applied.get(mine)
            if mine is None and old not in left_over:
                old = None
            was = had.get(mine) if theirs is None else to_baseline.get(theirs)
            sides = _Sides(
                ABSENT if mine is None else ours[mine],
                ABSENT if theirs is None else at.live[theirs],
                ABSENT if old is None else applied[old],
                ABSENT if was is None else baseline[was],
            )
            if mine is None and old is None:
                self.extra(here, there, sides, "separate" in spot.kinds)
            elif mine is None and not there.hidden():
                self.leaf(here, there, sides)
            else:
                self.node(here, there, sides)

    def extra(self, path: str, spot: Spot, at: _Sides, separate: bool) -> None:
        """An item that a list has beyond those that desired mentions."""
        new = self.based and at.baseline is ABSENT
        rule = spot.hidden() or ("empty" if at.live in (None, "") else "")
        if rule or (holds("default", at.live, spot) and not new):
            self.equal.append(Equal(path, rule or "default"))
            return
        self.differs(path, spot, at, "notAccepted")
        if separate and at.baseline is ABSENT:
            self.resets.append(Reset(path, _shown(at.live, spot)))

    def secret(self, path: str, spot: Spot, at: _Sides) -> None:
        was = at.applied.fingerprint if isinstance(at.applied, Secret) else None
        if self.recorded and was != at.desired.fingerprint:
            source = at.applied.source if isinstance(at.applied, Secret) else ""
            moved = bool(source) and source == at.desired.source
            cause = Cause.DRIFT if moved else Cause.COMMIT
            reason = "secretSource" if moved else "secret"
            self.changes.append(
                FieldChange(path, CHANGED, CHANGED, CHANGED, cause, reason, "immutable" in spot.kinds)
            )
        elif self.based and is_hash(at.baseline) and self.secret_moved(at):
            self.changes.append(FieldChange(path, CHANGED, CHANGED, CHANGED, Cause.DRIFT, "drift"))
        elif not self.recorded and self.secret_differs(at):
            self.changes.append(FieldChange(path, ABSENT, CHANGED, CHANGED, Cause.NEW, "notAccepted"))
        else:
            self.equal.append(Equal(path, "secret"))

    def secret_differs(self, at: _Sides) -> bool:
        """Whether what exists already is shown by its hash, and is not known to be what Git wants."""
        wanted = at.desired.fingerprint
        return bool(wanted) and is_hash(at.live) and at.live != HASHED + wanted

    def secret_moved(self, at: _Sides) -> bool:
        if at.live is ABSENT or is_hash(at.live):
            return bool(at.live != at.baseline)
        return bool(self.key) and not is_mask(at.live) and hashed(at.live, self.key) != at.baseline

    def leaf(self, path: str, spot: Spot, at: _Sides) -> None:
        rule = judged(at.desired, at.live, spot)
        if rule is not None and self.moved(rule, spot, at):
            rule = None
        if rule is None:
            self.differs(path, spot, at, "missing" if at.live is ABSENT or at.live is None else "notAccepted")
        elif rule:
            self.equal.append(Equal(path, rule))

    def moved(self, rule: str, spot: Spot, at: _Sides) -> bool:
        """Whether what a rule lets pass beside desired is not what was read after our write."""
        if not self.based:
            return False
        if rule == "null":
            return not self.kept(at, spot)
        if rule not in ("secret", "unreadable") or not (at.live is ABSENT or empty(at.live)):
            return False
        return at.baseline is not ABSENT and not empty(at.baseline)

    def differs(self, path: str, spot: Spot, at: _Sides, reason: str) -> None:
        want_moved = self.recorded and not same(at.desired, at.applied, spot)
        live_moved = self.based and not self.kept(at, spot)
        cause, into = Cause.NEW, self.changes
        if want_moved:
            cause = Cause.BOTH if live_moved else Cause.REMOVED if at.desired is ABSENT else Cause.COMMIT
            reason = cause.value
        elif live_moved:
            cause, reason = Cause.DRIFT, "drift"
        elif self.recorded or "forced" in spot.kinds:
            into = self.not_accepted
        hide = _holds_secret(at.desired) or _holds_secret(at.applied)
        into.append(
            FieldChange(
                path,
                _shown(at.applied, spot),
                _shown(at.desired, spot),
                CHANGED if hide and at.live is not ABSENT else _shown(at.live, spot),
                cause,
                reason,
                "immutable" in spot.kinds,
            )
        )

    def kept(self, at: _Sides, spot: Spot) -> bool:
        """Whether live is what was read after our write."""
        return same(mask(at.live, spot, self.key) if self.key else at.live, at.baseline, spot)

    def unmentioned(self, path: str, spot: Spot, live: Any, baseline: Any) -> None:
        """What desired does not speak of and a write would reset."""
        if live is ABSENT or empty(live) or spot.hidden() or spot.kinds.keys() & KEPT:
            return
        if holds("default", live, spot) or (not self.based and "default" in spot.kinds):
            return  # which default a service chose is only known from a baseline
        if isinstance(live, Mapping):
            was = _Folded(baseline)
            for name, value in live.items():
                self.unmentioned(paths.child(path, name), spot.key(name), value, was.get(name))
        elif isinstance(live, list) and isinstance(baseline, list):
            named, pair = pairing(spot, live, baseline)
            for mine, theirs in pair(0, 1):
                if mine is not None:
                    name = lists.identity(live[mine], spot) if named else mine
                    old = ABSENT if theirs is None else baseline[theirs]
                    self.unmentioned_item(paths.item(path, name), spot.item(name), live[mine], old)
        elif not (self.based and same(live, baseline, spot)):
            self.lost(path, spot, live)

    def unmentioned_item(self, path: str, spot: Spot, live: Any, baseline: Any) -> None:
        if baseline is ABSENT and not spot.hidden() and not holds("default", live, spot):
            self.lost(path, spot, live)
        else:
            self.unmentioned(path, spot, live, baseline)

    def lost(self, path: str, spot: Spot, live: Any) -> None:
        """A write would take it away: that puts a document right, and resets a setting of anything else."""
        if self.based and "whole" in spot.kinds:
            shown = _shown(live, spot)
            self.changes.append(FieldChange(path, ABSENT, ABSENT, shown, Cause.DRIFT, "drift"))
        else:
            self.resets.append(Reset(path, _shown(live, spot)))


def compare(
    desired: Mapping[str, Any],
    live: Mapping[str, Any],
    rules: TypeRules,
    *,
    applied: Mapping[str, Any] | None = None,
    baseline: Mapping[str, Any] | None = None,
    ignore: Sequence[str] = (),
    key: bytes = b"",
) -> Comparison:
    """Compare what Git says with what is live.

    applied: what was last sent, in desired's form; None = never written by us (adopting).
    baseline: the body read after our last write, as `rules.masked` left it. None beside `applied`: nothing is
    called drift, a value that differs is not accepted. ignore: path patterns, see `paths`.
    key: that of `rules.masked`; without it a secret's live value cannot be held against the baseline.
    Raises ValueError on a path in `ignore` that is none."""
    walk = _Walk(applied is not None or baseline is not None, baseline is not None, key)
    walk.node(
        "",
        rules.root(ignore, {*secret_paths(desired), *secret_paths(applied)}),
        _Sides(
            desired,
            live,
            (desired if baseline is not None else ABSENT) if applied is None else applied,
            ABSENT if baseline is None else baseline,
        ),
    )
    return Comparison(tuple(walk.changes), tuple(walk.not_accepted), tuple(walk.equal), tuple(walk.resets))


def distrusted(found: Comparison, where: Callable[[str], bool] = lambda _: True) -> Comparison:
    """The comparison with what is not accepted at such paths taken for drift: it may be somebody's edit."""
    moved = tuple(
        replace(field, cause=Cause.DRIFT, reason="drift") for field in found.not_accepted if where(field.path)
    )
    kept = tuple(field for field in found.not_accepted if not where(field.path))
    return replace(found, changes=(*found.changes, *moved), not_accepted=kept)


def explain(
    type: str, desired: Mapping[str, Any], live: Mapping[str, Any], baseline: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The comparison of one resource as `reconciler explain` prints it; desired counts as applied."""
    found = compare(_revived(desired), live, for_type(type), applied=None, baseline=baseline)
    return {
        "changes": [_told(change) for change in (*found.changes, *found.not_accepted)],
        "equal": [{"path": each.path, "rule": each.rule} for each in found.equal],
    }


def _revived(value: Any) -> Any:
    """A value as `reconciler template` prints it: `{"$unknown": …}` is what only Azure knows."""
    if isinstance(value, Mapping):
        if value.keys() == {"$unknown"}:
            return Unknown(str(value["$unknown"]))
        return {name: _revived(item) for name, item in value.items()}
    return [_revived(item) for item in value] if isinstance(value, list) else value


def _told(change: FieldChange) -> dict[str, Any]:
    sides = {"desired": change.desired, "live": change.live}
    told = {name: value for name, value in sides.items() if value is not ABSENT}
    return {"path": change.path, **told, "reason": change.reason}


def _identical(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _is_map(desired: Any, applied: Any) -> bool:
    return isinstance(applied if desired is ABSENT else desired, Mapping)


def _is_list(desired: Any, applied: Any) -> bool:
    return isinstance(applied if desired is ABSENT else desired, list)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(each) for each in value.values())
    if isinstance(value, list):
        return any(_holds_secret(each) for each in value)
    return isinstance(value, Secret)


def _shown(value: Any, spot: Spot) -> Any:
    """A value as it may be shown: without secrets, unknowns by their expression."""
    if isinstance(value, Unknown):
        return {"$unknown": value.expression}
    if is_secure_string(value):
        return {**value, "value": HIDDEN_SECRET}
    if isinstance(value, Mapping):
        return {name: _shown(each, spot.key(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_shown(each, spot.item(index)) for index, each in enumerate(value)]
    if isinstance(value, Secret) or ("secret" in spot.kinds and value not in (ABSENT, None, "")):
        return HIDDEN_SECRET
    return value
