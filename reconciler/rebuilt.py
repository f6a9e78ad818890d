"""A state that was lost: which secrets can only be written once more. Pure.

What can be read is compared with Git, and taken over where it is equal. The value of a secret in a scope is
given to nobody. Where nothing at all is recorded and something bears our mark, the state that knew it was
lost, and the secrets that Git says were ours as well; they are noted until they are recorded again, so that
neither a crash nor a workspace that is away forgets one.

While anything is recorded, a secret that is not is new in Git: what stands under its name is somebody's, and
no mark elsewhere (a resource that was kept when it left Git, a copy that bears its tags) says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.graph import Graph
from reconciler.record import State
from reconciler.resource import Key, Observation, Status

NOTE = "rewrite"
WRITE_ONLY = "databricks.secret"


def rebuilt(
    graph: Graph, state: State, seen: Mapping[Key, Observation], environment: str
) -> tuple[State, Mapping[Key, Observation], tuple[str, ...]]:
    """The state with its note, the observations with our mark on what is to be written once more, and what
    people are told of that."""
    noted = {Key.parse(text).name for text in state.notes.get(NOTE, ())}  # its host may not be known today
    lost = _lost(graph, state, seen, environment)
    if not lost and not noted:
        return state, seen, ()
    wanted = [key for key in _write_only(graph) if (lost or key.name in noted) and not _known(state, key)]
    notes = {name: value for name, value in state.notes.items() if name != NOTE}
    if due := [key for key in wanted if _status(seen, key) is not Status.ABSENT]:
        notes[NOTE] = [str(key) for key in due]
    left = [key for key in due if _status(seen, key) is Status.PRESENT]
    marked = {key: replace(seen[key], mark=environment) for key in left}
    names = ", ".join(key.name for key in left)
    told = f"What was recorded here is lost. Secrets that nobody can read are written once more: {names}."
    return replace(state, notes=notes), {**seen, **marked}, (told,) if left else ()


def _write_only(graph: Graph) -> list[Key]:
    return sorted(resource.key for resource in graph if resource.key.kind == WRITE_ONLY)


def _lost(graph: Graph, state: State, seen: Mapping[Key, Observation], environment: str) -> bool:
    """Whether something that Git says bears our mark, though nothing is recorded of anything."""
    if any(entry.ours for entry in state.entries.values()):
        return False
    return any(
        _status(seen, resource.key) is Status.PRESENT
        and seen[resource.key].mark == environment
        and resource.key not in state.entries
        for resource in graph
    )


def _status(seen: Mapping[Key, Observation], key: Key) -> Status:
    return seen[key].status if key in seen else Status.UNKNOWN


def _known(state: State, key: Key) -> bool:
    entry = state.entries.get(key)
    return entry is not None and (entry.ours or entry.intent is not None)
