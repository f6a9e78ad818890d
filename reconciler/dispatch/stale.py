"""Which environments Git has moved on from, by the content that each of them reads."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler import promotion
from reconciler.engine import Reconciler
from reconciler.environment import Environment, names
from reconciler.errors import InputError, SourceError


def stale(engine: Reconciler, name: str) -> bool:
    """Whether what the environment reads has changed since the commit that its last tick saw.

    Also where that cannot be told: its file is faulty or new, its branch is gone or was forced. One whose
    files are untouched is converged at the new commit as it was at the old: nothing is written for it, and
    the next tick of its interval records that commit."""
    checkout = engine.checkout
    state = engine.status(name)
    seen = str((state.notes.get("last") or {}).get("commit") or state.commit) if state is not None else ""
    try:
        commit = checkout.snapshot(name).commit
        moved = () if seen == commit else checkout.source.changed(seen, commit) if seen else None
        if moved is None:
            return True
        environment = environment_of(engine, name)
    except (InputError, SourceError):
        return True
    if environment is None:
        return f"environments/{name}.yaml" in moved
    return promotion.touched(environment, moved)


def environment_of(engine: Reconciler, name: str) -> Environment | None:
    """An environment as its own branch has it; None where its file is not there. Raises InputError."""
    snapshot = engine.checkout.snapshot(name)
    return engine.checkout.load(name, snapshot) if name in names(snapshot.root) else None


def comes_after(engine: Reconciler, name: str) -> tuple[str, ...]:
    """The environments that `name` waits for; none where that cannot be read."""
    try:
        environment = environment_of(engine, name)
    except (InputError, SourceError):
        return ()
    return environment.after if environment is not None else ()


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
