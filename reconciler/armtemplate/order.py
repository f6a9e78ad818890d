"""Who waits for whom, once nested deployments are replaced by what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .deployment import Deployment
from .unit import Unit

_ON_STACK: Final = 1
_DONE: Final = 2


class Order:
    """Dependencies between resources, worked out when asked for."""

    def __init__(self) -> None:
        self._stand_ins: dict[int, list[Unit]] = {}
        self._needs: dict[int, list[Unit]] = {}
        self._keep: list[Unit] = []
        self._enclosing: dict[int, Unit] = {}

    def needs(self, unit: Unit) -> list[Unit]:
        """The resources that this one waits for directly, in order and without repetition."""
        found = self._needs.get(id(unit))
        if found is None:
            wanted: dict[int, Unit] = {}
            for other in self._edges(unit):
                for leaf in self._leaves(other):
                    if leaf is not unit:
                        wanted.setdefault(id(leaf), leaf)
            found = self._needs[id(unit)] = list(wanted.values())
            self._keep.append(unit)
        return found

    def _edges(self, unit: Unit) -> list[Unit]:
        """Own dependencies, and those of the deployments around it."""
        edges = [*unit.explicit.values(), *_inside_of(unit.implicit)]
        holder = unit.home.holder
        while holder is not None:
            edges += [*holder.explicit.values(), *_inside_of(holder.implicit)]
            holder = holder.home.holder
        return edges

    def _leaves(self, unit: Unit) -> list[Unit]:
        """What stands for a unit: itself, what its template holds, or, if that is nothing, what it awaits."""
        found = self._stand_ins.get(id(unit))
        if found is not None:
            return found
        self._stand_ins[id(unit)] = []
        self._keep.append(unit)
        if not unit.active:
            leaves: list[Unit] = []
        elif unit.nested is not None:
            leaves = list(unit.nested.walk_units())
            if not leaves:
                leaves = [leaf for other in self._edges(unit) for leaf in self._leaves(other)]
        else:
            leaves = [unit]
        self._stand_ins[id(unit)] = leaves
        return leaves

    def cycle(self, units: list[Unit]) -> list[Unit]:
        """A circle of resources that wait for each other; empty where there is none."""
        state: dict[int, int] = {}
        for start in units:
            if id(start) in state:
                continue
            path = [start]
            iterators = [iter(self.needs(start))]
            state[id(start)] = _ON_STACK
            while path:
                following = next(iterators[-1], None)
                if following is None:
                    state[id(path.pop())] = _DONE
                    iterators.pop()
                elif state.get(id(following)) == _ON_STACK:
                    return [*path[path.index(following) :], following]
                elif id(following) not in state:
                    state[id(following)] = _ON_STACK
                    path.append(following)
                    iterators.append(iter(self.needs(following)))
        return []

    def direct(self, deployment: Deployment) -> Mapping[str, tuple[str, ...]]:
        """Ids of the template's own members to the ids of those they wait for.

        As in Azure's own report: nested deployments as such, and resources outside that are read.
        """
        result: dict[str, tuple[str, ...]] = {}
        for unit in deployment.units:
            if not unit.active:
                continue
            ids: dict[str, None] = {}
            for other in (*unit.explicit.values(), *unit.implicit.values()):
                if isinstance(other, str):
                    ids.setdefault(other)
                elif other.active and other is not unit:
                    ids.setdefault(other.id)
            if ids:
                result[unit.id] = tuple(ids)
        return result


def _inside_of(implicit: Mapping[int | str, Unit | str]) -> list[Unit]:
    """Of what is read, the resources of this evaluation."""
    return [other for other in implicit.values() if not isinstance(other, str)]
