"""What Git says: snapshots, environments and their desired graphs, for a repository that is followed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler import desired as desired_
from reconciler import environment as environment_
from reconciler.cloud import Identity
from reconciler.desired import Desired
from reconciler.environment import Environment
from reconciler.errors import Fault, InputError
from reconciler.graph import Graph
from reconciler.referring import Facts
from reconciler.source import Snapshot, Source

NOBODY = Identity("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000")
"""Stands for our own identity where nobody is signed in, as for `validate`."""


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
        first = self.source.snapshot(self.ref)
        if name is None or name not in environment_.names(first.root):
            return first
        follows = self.load(name, first).source
        ref = (follows.tag or follows.branch) if follows else None
        if self.follow:
            return self.source.snapshot(ref) if ref and ref != self.ref else first
        if not ref or (branch := self.source.branch()) in ("", ref):
            return first
        told = f"{name} follows {ref}; this is what {branch} says, which is checked out here."
        return replace(first, warnings=(*first.warnings, told))

    def expect(self, name: str) -> None:
        """Raises InputError where the repository has no environment of this name."""
        snapshot = self.snapshot()
        if name not in environment_.names(snapshot.root):
            self.load(name, snapshot)

    def load(self, name: str, snapshot: Snapshot) -> Environment:
        """One environment. Raises InputError, which tells where a file is in the folder and not in Git."""
        try:
            return environment_.load(snapshot.root, name)
        except InputError as error:
            raise InputError(map(self._with_hint, error.faults)) from None

    def _with_hint(self, fault: Fault) -> Fault:
        absent = re.fullmatch(r"`(.+)` is not there\.", fault.message)
        path = fault.place if fault.message == environment_.UNKNOWN else absent[1] if absent else ""
        if not path or not self.source.holds(path):
            return fault
        return replace(
            fault, hint=f"The file is in the folder, not in this commit: `git add {path}`, commit."
        )

    def names(self) -> tuple[str, ...]:
        return environment_.names(self.snapshot().root)

    def validate(self, names: tuple[str, ...] = (), commit: str | None = None) -> tuple[str, ...]:
        """Check environments offline. Raises InputError with every fault of all of them; gives warnings."""
        snapshot = self.snapshot(commit=commit)
        faults: list[Fault] = []
        warnings = list(snapshot.warnings)
        for name in names or environment_.names(snapshot.root):
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
        if name not in environment_.names(snapshot.root):
            return None
        found = self.load(name, snapshot)
        return found if found.azure is not None else None

    def desired(self, environment: Environment, snapshot: Snapshot, identity: Identity = NOBODY) -> Desired:
        """What the environment wants. Raises InputError with every fault of what it reads."""
        return desired_.build(environment, snapshot.root, self._facts(environment, identity, snapshot))

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
