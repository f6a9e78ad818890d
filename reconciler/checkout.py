"""What Git says: snapshots, environments and their desired graphs, for a repository that is followed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler import desired as desired_
from reconciler import environment as environment_
from reconciler.cloud import Identity
from reconciler.desired import Desired
from reconciler.environment import Environment
from reconciler.errors import Fault, InputError, SourceError
from reconciler.graph import Graph
from reconciler.referring import Facts
from reconciler.source import Snapshot, Source

NOBODY = Identity("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000")
"""Stands for our own identity where nobody is signed in, as for `validate`."""


@dataclass
class _Kept:
    """What was read of the commits that were looked at last: a commit says the same each time.

    snapshots: by commit. verified: when its files were looked through last, by `time.monotonic`. The others
    by environment, with the folder of the snapshot that they are of."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    verified: dict[str, float] = field(default_factory=dict)
    names: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    environments: dict[str, tuple[Path, Environment]] = field(default_factory=dict)
    desired: dict[str, tuple[Path, Facts, Desired]] = field(default_factory=dict)

    def forget(self) -> None:
        """Keep only so many snapshots. Other threads may do the same at the same moment."""
        for commit in list(self.snapshots)[:-SNAPSHOTS]:
            self.snapshots.pop(commit, None)
            self.verified.pop(commit, None)
        for root in list(self.names)[:-SNAPSHOTS]:
            self.names.pop(root, None)


VERIFIED_SECONDS = 60.0
"""For so long files that were looked through are taken for what they were."""
SNAPSHOTS = 32
"""Commits of which it is kept in memory what they say: environments may follow branches of their own."""


@dataclass
class Checkout:
    """A repository, read at `ref`; with `follow`, each environment at the branch or tag that it names.

    secret: the value of `env:NAME` and its like, and "" or else what is missing: it is not set, not allowed.
    key: for keyed hashes of secrets."""

    source: Source
    key: Callable[[], bytes]
    secret: Callable[[str], tuple[str, str]] = lambda _: ("", "")
    ref: str = "HEAD"
    follow: bool = False
    _fetched: bool = False
    _kept: _Kept = field(default_factory=_Kept, init=False, repr=False)

    def fetch(self) -> None:
        """Bring in what is new. Raises SourceError."""
        self.source.fetch()
        self._fetched = True

    def snapshot(self, name: str | None = None, commit: str | None = None) -> Snapshot:
        """The repository at a commit, else where this environment follows it."""
        if not self._fetched:
            self.fetch()
        if commit:
            return self.source.snapshot(commit)
        first = self._at(self.ref)
        if name is None or name not in self.names(first):
            return first
        environment = self.load(name, first)
        follows = environment.source
        ref = (follows.tag or follows.branch) if follows else None
        if self.follow:
            return self._followed(environment, ref) if ref and ref != self.ref else first
        if not ref or (branch := self.source.branch()) in ("", ref):
            return first
        told = f"{name} follows {ref}; this is what {branch} says, which is checked out here."
        return replace(first, warnings=(*first.warnings, told))

    def _followed(self, environment: Environment, ref: str) -> Snapshot:
        """Raises SourceError, which tells where the environment names what is not there."""
        try:
            return self._at(ref)
        except SourceError as error:
            told = f"{error.message} {environment.where('source')} names it."
            raise SourceError(told, where=error.where, code=error.code) from None

    def _at(self, ref: str) -> Snapshot:
        """The snapshot of a branch or tag. Where it is at a commit that was looked at before, its files are
        verified when they are read next, not now. What is checked out is looked at in any case: a warning
        tells what is not committed."""
        known = self._kept.snapshots.get(self.source.resolve(ref)) if self.follow else None
        if known is not None:
            return known
        made = self.source.snapshot(ref)
        if self.follow:
            self._kept.snapshots[made.commit] = made
            self._kept.verified[made.commit] = time.monotonic()
            self._kept.forget()
        return made

    def _verified(self, snapshot: Snapshot) -> None:
        """Look through the files of a snapshot that was given without that for long: they are read now."""
        at = self._kept.verified.get(snapshot.commit)
        if at is not None and time.monotonic() - at > VERIFIED_SECONDS:
            self.source.snapshot(snapshot.commit)
            self._kept.verified[snapshot.commit] = time.monotonic()

    def expect(self, name: str) -> None:
        """Raises InputError where the repository has no environment of this name."""
        snapshot = self.snapshot()
        if name not in self.names(snapshot):
            self.load(name, snapshot)

    def load(self, name: str, snapshot: Snapshot) -> Environment:
        """One environment. Raises InputError, which tells where a file is in the folder and not in Git."""
        root, known = self._kept.environments.get(name, (None, None))
        if known is not None and root == snapshot.root:
            return known
        self._verified(snapshot)
        try:
            found = environment_.load(snapshot.root, name)
        except InputError as error:
            raise InputError(map(self._with_hint, error.faults)) from None
        self._kept.environments[name] = (snapshot.root, found)
        return found

    def _with_hint(self, fault: Fault) -> Fault:
        absent = re.fullmatch(r"`(.+)` is not there\.", fault.message)
        path = fault.place if fault.message == environment_.UNKNOWN else absent[1] if absent else ""
        if not path or not self.source.holds(path):
            return fault
        return replace(
            fault, hint=f"The file is in the folder, not in this commit: `git add {path}`, commit."
        )

    def names(self, snapshot: Snapshot | None = None) -> tuple[str, ...]:
        """The environments of a snapshot; without one, of where the repository is read."""
        snapshot = snapshot or self.snapshot()
        known = self._kept.names.get(snapshot.root)
        if known is None:
            self._verified(snapshot)
            known = self._kept.names[snapshot.root] = environment_.names(snapshot.root)
        return known

    def validate(self, names: tuple[str, ...] = (), commit: str | None = None) -> tuple[str, ...]:
        """Check environments offline. Raises InputError with every fault of all of them; gives warnings."""
        snapshot = self.snapshot(commit=commit)
        faults: list[Fault] = []
        warnings = list(snapshot.warnings)
        for name in names or self.names(snapshot):
            try:
                environment = self.load(name, snapshot)
                warnings += self.desired(environment, snapshot).warnings
            except InputError as error:
                faults.extend(error.faults)
        if faults:
            raise InputError(faults)
        return tuple(dict.fromkeys(warnings))

    def graph(self, name: str, commit: str | None = None) -> Graph:
        """What one environment wants and what needs what, offline."""
        snapshot = self.snapshot(name, commit)
        environment = self.load(name, snapshot)
        return self.desired(environment, snapshot).graph

    def environment(self, name: str, snapshot: Snapshot) -> Environment | None:
        """One environment; None where its file, or all that it says of Azure, has gone. Raises InputError."""
        if name not in self.names(snapshot):
            return None
        found = self.load(name, snapshot)
        return found if found.azure is not None else None

    def desired(self, environment: Environment, snapshot: Snapshot, identity: Identity = NOBODY) -> Desired:
        """What the environment wants. Raises InputError with every fault of what it reads.

        What was built last for somebody who is signed in is kept."""
        facts = self._facts(environment, identity, snapshot)
        root, before, known = self._kept.desired.get(environment.name, (None, None, None))
        if (
            known is not None
            and (root, before) == (snapshot.root, facts)
            and known.environment is environment
        ):
            return known
        self._verified(snapshot)
        found = desired_.build(environment, snapshot.root, facts)
        if identity is not NOBODY:
            self._kept.desired[environment.name] = (snapshot.root, facts, found)
        return found

    def sound(self, environment: Environment, snapshot: Snapshot) -> None:
        """Raises InputError with every fault of what the environment reads, before anybody has signed in."""
        root, before, known = self._kept.desired.get(environment.name, (None, None, None))
        facts = self._facts(environment, NOBODY, snapshot)
        same = before and replace(before, identity=facts.identity, tenant=facts.tenant) == facts
        if known is None or root != snapshot.root or known.environment is not environment or not same:
            self.desired(environment, snapshot)

    def _facts(self, environment: Environment, identity: Identity, snapshot: Snapshot) -> Facts:
        asked = {reference.text[2:-1] for _, reference in environment.references() if reference.is_secret}
        read = {text: self.secret(text) for text in asked}
        return Facts(
            identity=identity.object_id,
            tenant=identity.tenant_id,
            secrets={text: value for text, (value, missing) in read.items() if value and not missing},
            unset={text: missing for text, (_, missing) in read.items() if missing},
            key=self.key(),
            time=snapshot.time,
        )
