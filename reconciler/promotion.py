"""`after`: an environment follows once those before it are healthy with the same content. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reconciler.environment import Environment
from reconciler.record import State


def held(
    environment: Environment,
    commit: str,
    state_of: Callable[[str], State | None],
    changed: Callable[[str, str], tuple[str, ...] | None],
    environment_of: Callable[[str], Environment | None],
) -> str:
    """Why the environment has to wait for those that come before it; "" where it need not.

    What counts is content: the one before must have been healthy at a commit that says the same as this one
    in every file that this environment reads. Where nothing that the one before reads has moved since it was
    healthy, it counts as healthy at this commit: a tick of it would find nothing to do.
    changed: paths that differ between two commits, None where that is not known. environment_of: another
    environment at this commit, None where its files are faulty."""
    for before in environment.after:
        state = state_of(before)
        healthy = str(state.notes.get("healthy") or "") if state else ""
        if state is None or not healthy:
            return f"{before} comes first and was not healthy yet."
        if (state.notes.get("last") or {}).get("result") in ("failed", "pending"):
            reason = str((state.notes.get("last") or {}).get("reason") or "")
            return f"{before} comes first and is not healthy now. {reason}".rstrip()
        moved = () if healthy == commit else changed(healthy, commit)
        if moved is None or (touched(environment, moved) and _touched(environment_of(before), moved)):
            return f"{before} comes first and has not been healthy with the same content yet."
    return ""


def touched(environment: Environment, moved: Iterable[str]) -> bool:
    """Whether any of these paths of the repository is one that the environment reads."""
    reads = (*environment.files, *environment.paths)
    return any(_under(path, read) for path in moved for read in reads)


def _touched(before: Environment | None, moved: Iterable[str]) -> bool:
    return before is None or touched(before, moved)


def _under(path: str, read: str) -> bool:
    """Whether a path is what is read, or lies in it."""
    folder = read.rstrip("/")
    return folder in ("", ".") or path == folder or path.startswith(folder + "/")
