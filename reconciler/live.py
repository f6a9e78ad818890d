"""What is there: every provider looks at its own kinds, side by side; one bad read never spoils the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from reconciler.graph import Graph
from reconciler.providers.provider import Provider
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource


@dataclass(frozen=True)
class Live:
    observations: Mapping[Key, Observation]
    unmanaged: tuple[Key, ...] = ()
    """What stands beside ours in the same groups, factories and folders."""


def observe(graph: Iterable[Resource], state: State, providers: Iterable[Provider]) -> Live:
    """Look at all that Git wants and all that was recorded, of the kinds that these providers know.

    Raises SignInError and CloudError only where they concern everything (no sign-in, no such subscription,
    no answer at all to the read of a group); any other refusal makes the resource UNKNOWN."""
    providers = tuple(providers)
    wanted: list[dict[Key, Resource | Entry]] = [{} for _ in providers]
    by_kind = {kind: mine for who, mine in zip(providers, wanted, strict=True) for kind in who.kinds}
    for key, entry in state.entries.items():
        if key.kind in by_kind:
            by_kind[key.kind][key] = entry
    for resource in graph:
        if (key := resource.key).kind in by_kind:
            by_kind[key.kind][key] = _at_recorded_id(resource, state.entries.get(key))
    observations: dict[Key, Observation] = {}
    unmanaged: set[Key] = set()
    with ThreadPoolExecutor(max(1, len(providers))) as pool:
        looks = [
            pool.submit(provider.observe, mine.values(), state.entries)
            for provider, mine in zip(providers, wanted, strict=True)
            if mine
        ]
        for look in looks:
            looked = look.result()
            observations.update(looked.observations)
            unmanaged.update(looked.unmanaged)
    return Live(observations, tuple(sorted(unmanaged.difference(*wanted))))


def as_recorded(graph: Graph, state: State, providers: Iterable[Provider]) -> Mapping[Key, Observation]:
    """Resources of ours for which Git names another API version than was recorded, as the recorded one shows
    them: only that can be held against the baseline."""
    moved = [
        entry
        for resource in graph
        if (entry := state.entries.get(resource.key)) is not None
        and entry.ours
        and entry.at.get("apiVersion") != resource.at.get("apiVersion")
    ]
    observations: dict[Key, Observation] = {}
    for provider in providers:
        mine = [entry for entry in moved if entry.key.kind in provider.kinds]
        if mine:
            observations.update(provider.observe(mine, {}).observations)
    return observations


def _at_recorded_id(resource: Resource, entry: Entry | None) -> Resource:
    """A resource that was adopted under another name is read where it was found."""
    if entry is None or not (entry.adopted and entry.id) or resource.at.get("id", entry.id) == entry.id:
        return resource
    return replace(resource, at={**resource.at, "id": entry.id})
