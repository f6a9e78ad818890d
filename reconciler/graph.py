"""The graph of desired resources: what needs what, in which waves it can be written, and why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from reconciler.errors import Fault, InputError
from reconciler.memo import Memo
from reconciler.resource import Key, Resource


class Graph:
    """Resources by key. Refuses duplicates, unknown needs and cycles when built, all of them at once."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        """Raises InputError naming each duplicate, each absent need, and the path of a cycle."""
        by_key: dict[Key, Resource] = {}
        faults: list[Fault] = []
        for resource in resources:
            first = by_key.setdefault(resource.key, resource)
            if first is not resource:
                faults.append(
                    Fault(
                        resource.origin,
                        f"{resource.key} is there twice; the other is at {first.origin or '?'}.",
                        "Remove one of them.",
                    )
                )
        for resource in by_key.values():
            for need in resource.needs:
                if need not in by_key:
                    faults.append(Fault(resource.origin, f"{resource.key} needs {need}, which is not there."))
        self._by_key = by_key
        if faults:
            raise InputError(faults)
        self._resources = tuple(by_key[key] for key in self._sort())

    def _sort(self) -> tuple[Key, ...]:
        sorter: TopologicalSorter[Key] = TopologicalSorter()
        for key in sorted(self._by_key):
            sorter.add(key, *sorted(self._by_key[key].needs))
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            path: list[Key] = error.args[1]
            told = " needs ".join(str(key) for key in reversed(path))
            place = self._by_key[path[0]].origin
            raise InputError([Fault(place, f"a cycle: {told}.", "Break it at one of these.")]) from None

    def __iter__(self) -> Iterator[Resource]:
        """Resources, what is needed before what needs it; the same order for the same graph."""
        return iter(self._resources)

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def __getitem__(self, key: Key) -> Resource:
        return self._by_key[key]

    def get(self, key: Key) -> Resource | None:
        return self._by_key.get(key)

    def mapped(self, change: Callable[[Resource], Resource]) -> Graph:
        """The graph with each resource as `change` gives it: this very graph where it gives all as they are.

        Raises InputError as the constructor does."""
        made = tuple(map(change, self._resources))
        moved = [(old, new) for old, new in zip(self._resources, made, strict=True) if old is not new]
        if not moved:
            return self
        if any(old.key is not new.key or old.needs is not new.needs for old, new in moved):
            return Graph(made)
        return self._like({**self._by_key, **{new.key: new for _, new in moved}}, made)

    def steady(self, before: Graph, memo: Memo, name: str) -> Graph:
        """This graph, which was made from `before`; or the last one of that name where it says the same: then
        all holds that was found out of it."""
        made = self.mapped(
            lambda each: each if before.get(each.key) is each else memo.same((name, each.key), each)
        )
        return memo.of(name, made._resources, "", lambda: made)

    def renamed(self, moved: Mapping[Key, Resource]) -> Graph:
        """The graph with resources in the place of those with these keys; needs follow a key that is another.

        The order stays. Raises InputError where two have one key then."""
        if not moved:
            return self
        names = {old: new.key for old, new in moved.items() if old != new.key}
        made = tuple(_following(moved.get(each.key, each), names) for each in self._resources)
        by_key = {resource.key: resource for resource in made}
        return self._like(by_key, made) if len(by_key) == len(made) else Graph(made)

    @staticmethod
    def _like(by_key: dict[Key, Resource], ordered: tuple[Resource, ...]) -> Graph:
        """Of resources whose needs are known to be there, in an order that is known to be one."""
        graph = Graph()
        graph._by_key, graph._resources = by_key, ordered
        return graph

    def edges(self) -> Iterator[tuple[Key, Key]]:
        """Pairs: the first needs the second."""
        return ((resource.key, need) for resource in self for need in resource.needs)


def _following(resource: Resource, names: Mapping[Key, Key]) -> Resource:
    """The resource with its needs under their new names."""
    if not any(need in names for need in resource.needs):
        return resource
    return replace(resource, needs=tuple(names.get(need, need) for need in resource.needs))


def order(needs: Mapping[Key, Iterable[Key]]) -> tuple[Key, ...]:
    """Sort keys so that what is needed comes first; needs outside the mapping are left out.

    Deletes run in the reverse of it. Recorded needs come from graphs that had no cycle, but from several
    commits: where they contradict each other the names decide, so that a delete is never stuck."""
    sorter: TopologicalSorter[Key] = TopologicalSorter()
    for key in sorted(needs):
        sorter.add(key, *sorted(need for need in needs[key] if need in needs))
    try:
        return tuple(sorter.static_order())
    except CycleError:
        return tuple(sorted(needs))
