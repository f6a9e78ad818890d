"""What is there, in two steps: first Azure, then what lives in the services that Azure tells of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler import live as live_
from reconciler import resolve as resolve_
from reconciler import workspace
from reconciler.armid import key_of
from reconciler.armtemplate import Unknown
from reconciler.cloud import Cloud
from reconciler.errors import CloudError, SignInError
from reconciler.graph import Graph
from reconciler.memo import Memo
from reconciler.providers.tokens import WORKSPACES
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource, Status

FACTORIES = "microsoft.datafactory/factories"


@dataclass(frozen=True)
class Survey:
    """graph: with all put in that live tells. others: resources that are referred to and not ours, by id.

    past: resources whose API version moves in Git, as the recorded version shows them.
    unplaced: resources of a workspace that has no address yet.
    gone: records of workspaces that were deleted, or are others by now."""

    graph: Graph
    observations: Mapping[Key, Observation]
    unmanaged: tuple[Key, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)
    past: Mapping[Key, Observation] = field(default_factory=dict)
    unplaced: frozenset[Key] = frozenset()
    gone: frozenset[Key] = frozenset()


def survey(wanted: Graph, state: State, cloud: Cloud, memo: Memo) -> Survey:
    """Look at all that Git wants and all that is recorded. Raises what `live.observe` raises.

    Where Azure told the same of them the last time, both steps are taken side by side, in the hope that it
    does so today."""
    expected: Graph | None = memo.last("surveyed", wanted)
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(live_.observe, expected, state, cloud.data) if expected is not None else None
        azure = live_.observe(wanted, state, cloud.azure)
        past = live_.as_recorded(wanted, state, cloud.azure)
        others = cloud.look_up(resolve_.referred(wanted))
        graph = wanted.mapped(lambda resource: resolve_.resolve(resource, azure.observations, others))
        graph = _placed(graph.steady(wanted, memo, "resolved"), state, azure.observations, others, memo)
        homeless = workspace.unplaced(graph)
        gone = {key for key, entry in state.entries.items() if _has_gone(entry, azure.observations)}
        steady = not homeless and not gone
        if early is not None and graph is expected and steady:
            data = early.result()
        else:
            there = (each for each in graph if each.key not in homeless and each.key not in gone)
            data = live_.observe(there, _without(state, gone), cloud.data)
    memo.put("surveyed", wanted, graph if steady else None)
    unread = {key for key, seen in data.observations.items() if seen.status is Status.UNKNOWN}
    left = [state.entries[key] for key in unread if key not in graph and key in state.entries]
    holders = _workspaces_of(left, azure.observations, cloud)
    gone |= {entry.key for entry in left if _has_gone(entry, holders)}
    seen = {
        **azure.observations,
        **data.observations,
        **{key: Observation(key, Status.ABSENT) for key in gone},
        **{key: _homeless(graph[key], azure.observations) for key in homeless},
    }
    inside, unlisted = _in_factories(graph, state, azure.observations, cloud)
    seen |= unlisted
    unmanaged = tuple(sorted({*azure.unmanaged, *data.unmanaged, *inside}))
    return Survey(graph, seen, unmanaged, others, past, homeless, frozenset(gone))


def _without(state: State, gone: set[Key]) -> State:
    left = {key: entry for key, entry in state.entries.items() if key not in gone}
    return replace(state, entries=left) if gone else state


def _in_factories(
    graph: Graph, state: State, live: Mapping[Key, Observation], cloud: Cloud
) -> tuple[set[Key], dict[Key, Observation]]:
    """What others have in the factories of ours that Git does not say any more: a factory takes it along.

    Where that cannot be told, nobody knows enough of the factory to delete it: it is given as UNKNOWN."""
    inside: set[Key] = set()
    unlisted: dict[Key, Observation] = {}
    for key, entry in state.entries.items():
        if entry.type.lower() != FACTORIES or key in graph:
            continue
        seen = live.get(key)
        if seen is None or seen.status is not Status.PRESENT:
            continue  # it is not deleted either
        try:
            inside.update(cloud.adf.beside(str(entry.at["id"]), whole=True))
        except SignInError:
            raise
        except CloudError as error:
            unlisted[key] = replace(seen, status=Status.UNKNOWN, error=error.message)
    return {key for key in inside if key not in graph and key not in state.entries}, unlisted


def _placed(
    graph: Graph, state: State, live: Mapping[Key, Observation], others: Mapping[str, Any], memo: Memo
) -> Graph:
    """The graph with workspaces under their hosts, as live tells them; else, where Azure tells nothing of a
    workspace today, under the host that is recorded."""
    known: dict[str, Any] = {}
    for key in workspace.unplaced(graph):
        at = graph[key].at
        said = {name: at[name] for name in ("host", "resourceId")}
        if all(value.expression in known for value in said.values() if isinstance(value, Unknown)):
            continue
        found = resolve_.resolve(replace(graph[key], spec=said), live, others).spec
        known |= {
            at[name].expression: value
            for name, value in found.items()
            if isinstance(at[name], Unknown) and not isinstance(value, Unknown)
        }
        host = at["host"].expression
        if host not in known and _homeless(graph[key], live).status is Status.UNKNOWN:
            known |= _recorded(graph[key], state)
    return memo.of("placed", (graph,), tuple(sorted(known.items())), lambda: workspace.placed(graph, known))


def _recorded(resource: Resource, state: State) -> dict[str, str]:
    """The host that is recorded of a resource's workspace, by the expression that asks for it."""
    at = resource.at
    hosts = {
        entry.key.scope
        for entry in state.entries.values()
        if entry.key.kind.startswith(workspace.FAMILY) and entry.at.get("said") == at.get("said")
    }
    return {at["host"].expression: hosts.pop()} if len(hosts) == 1 else {}


def as_recorded(graph: Graph, state: State) -> Graph:
    """The graph with each workspace under the host that is recorded of it, for a plan that makes no call."""
    known: dict[str, Any] = {}
    for key in workspace.unplaced(graph):
        known |= _recorded(graph[key], state)
    return workspace.placed(graph, known)


def _homeless(resource: Resource, live: Mapping[Key, Observation]) -> Observation:
    """What of a workspace without an address is there: nothing if it is to be made, else nobody knows."""
    made = [live[need] for need in resource.needs if need in live and need.kind == "arm.resource"]
    if any(observation.status is Status.ABSENT for observation in made):
        return Observation(resource.key, Status.ABSENT)
    told = "; ".join(observation.error for observation in made if observation.error)
    reason = f"The address of its workspace is not known. {told}".strip()
    return Observation(resource.key, Status.UNKNOWN, error=reason)


def _workspaces_of(
    entries: Iterable[Entry], known: Mapping[Key, Observation], cloud: Cloud
) -> Mapping[Key, Observation]:
    """The workspaces of others that hold what nobody asks for any more and that do not answer: Azure tells
    whether they are there at all. One that Azure does not tell of is left out."""
    ids = {
        str(entry.at.get("resourceId") or "")
        for entry in entries
        if entry.key.kind.startswith(workspace.FAMILY)
    }
    found: dict[Key, Observation] = {}
    for id_ in sorted(ids - {""}):
        if (key := key_of(id_)) not in known:
            with suppress(CloudError):
                found[key] = cloud.provider.look(key, id_, WORKSPACES)
    return found


def _has_gone(entry: Entry, live: Mapping[Key, Observation]) -> bool:
    """Whether the workspace that holds it was deleted, or is another one by now."""
    if not entry.key.kind.startswith(workspace.FAMILY) or not (id_ := str(entry.at.get("resourceId") or "")):
        return False
    seen = live.get(key_of(id_))
    if seen is None or seen.status is Status.UNKNOWN:
        return False
    if seen.status is Status.ABSENT:
        return True
    url = str((seen.spec.get("properties") or {}).get("workspaceUrl") or entry.key.scope)
    return url.lower() != entry.key.scope.lower()
