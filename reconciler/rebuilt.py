"""A state that was lost: which secrets can only be written once more. Pure.

What can be read is compared with Git, and taken over where it is equal. The value of a secret in a scope is
given to nobody. Where something bears our mark and nothing is recorded of it, the state that knew it was
lost, and the secrets that Git says were ours as well; they are noted until they are recorded again, so that
a crash forgets none."""

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
    noted = {Key.parse(text) for text in state.notes.get(NOTE, ())}
    if _lost(graph, state, seen, environment):
        noted |= {resource.key for resource in graph if resource.key.kind == WRITE_ONLY}
    left = sorted(key for key in noted if key in graph and _there(seen, key) and not _known(state, key))
    notes = {name: value for name, value in state.notes.items() if name != NOTE}
    if left:
        notes[NOTE] = [str(key) for key in left]
    marked = {key: replace(seen[key], mark=environment) for key in left}
    names = ", ".join(key.name for key in left)
    told = f"What was recorded here is lost. Secrets that nobody can read are written once more: {names}."
    return replace(state, notes=notes), {**seen, **marked}, (told,) if left else ()


def _lost(graph: Graph, state: State, seen: Mapping[Key, Observation], environment: str) -> bool:
    """Whether something that Git says bears our mark, though nothing is recorded of it."""
    return any(
        _there(seen, resource.key)
        and seen[resource.key].mark == environment
        and resource.key not in state.entries
        for resource in graph
    )


def _there(seen: Mapping[Key, Observation], key: Key) -> bool:
    return key in seen and seen[key].status is Status.PRESENT


def _known(state: State, key: Key) -> bool:
    entry = state.entries.get(key)
    return entry is not None and (entry.ours or entry.intent is not None)
