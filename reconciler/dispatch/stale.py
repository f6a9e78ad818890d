"""Which environments Git has moved on from, by the content that each of them reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler import promotion
from reconciler.engine import Reconciler
from reconciler.environment import Environment
from reconciler.errors import InputError, SourceError


@dataclass(frozen=True)
class View:
    """An environment as its branch has it now. commit: "" where the branch cannot be read or the file is
    faulty; environment: None then, and where its file has gone."""

    commit: str = ""
    environment: Environment | None = None

    @property
    def after(self) -> tuple[str, ...]:
        return self.environment.after if self.environment is not None else ()


def look(engine: Reconciler, name: str) -> View:
    """Look at an environment in Git, as of the last fetch."""
    try:
        snapshot = engine.checkout.snapshot(name)
        there = name in engine.checkout.names(snapshot)
        return View(snapshot.commit, engine.checkout.load(name, snapshot) if there else None)
    except (InputError, SourceError):
        return View()


def stale(engine: Reconciler, name: str, view: View) -> bool:
    """Whether what the environment reads has changed since the commit that its last tick saw.

    Also where that cannot be told: its file is faulty or new, its branch is gone or was forced. One whose
    files are untouched is converged at the new commit as it was at the old: nothing is written for it, and
    the next tick of its interval records that commit."""
    state = engine.status(name)
    seen = str((state.notes.get("last") or {}).get("commit") or state.commit) if state is not None else ""
    if not seen or not view.commit:
        return True
    try:
        moved = () if seen == view.commit else engine.checkout.source.changed(seen, view.commit)
    except SourceError:
        return True
    if moved is None:
        return True
    if view.environment is None:
        return f"environments/{name}.yaml" in moved
    return promotion.touched(view.environment, moved)


def followed(engine: Reconciler, environments: Iterable[str]) -> frozenset[str]:
    """The full names of the refs from which environments are read."""
    refs = {f"refs/heads/{engine.checkout.ref}"}
    first = engine.checkout.snapshot()
    for name in environments:
        try:
            source = engine.checkout.load(name, first).source
        except InputError:
            continue  # as it stands on the branch that all are listed from
        if source is not None and source.tag:
            refs.add(f"refs/tags/{source.tag}")
        elif source is not None and source.branch:
            refs.add(f"refs/heads/{source.branch}")
    return frozenset(refs)
