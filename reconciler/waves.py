"""Which changes can start now: what is needed first, deletes last, batches as large as they can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.change import Action, Change
from reconciler.graph import Graph
from reconciler.outcome import Outcome, Result
from reconciler.resource import Key


class Waves:
    """The changes of a plan that are still to be done.

    recorded: what each recorded resource needs; owned: those that are there and ours.
    split: batches that were refused as a whole, and are done one change at a time."""

    def __init__(
        self,
        changes: Iterable[Change],
        graph: Graph,
        recorded: Mapping[Key, tuple[Key, ...]],
        owned: set[Key],
    ) -> None:
        self.todo: dict[Key, Change] = {change.key: change for change in changes}
        self.owned = owned
        self.split: set[str] = set()
        self._graph = graph
        self._order = {key: place for place, key in enumerate(self.todo)}
        self._holders: dict[Key, list[Key]] = {}
        for key, needs in recorded.items():
            for need in needs:
                self._holders.setdefault(need, []).append(key)

    def deletes(self, change: Change) -> bool:
        """A replacement is a delete, and once that is recorded a write like others."""
        return change.action is Action.DELETE or (
            change.action is Action.REPLACE and change.key in self.owned
        )

    def needs(self, change: Change) -> set[Key]:
        """Whose change of this plan must have ended well before this one may start.

        A delete waits for every write, and for the deletes of those that need it."""
        if change.action is Action.DELETE:
            place = self._order[change.key]
            holders = {
                key for key in self._holders.get(change.key, ()) if self._order.get(key, place) < place
            }
            return holders | {key for key, other in self.todo.items() if other.action is not Action.DELETE}
        return {need for need in self._graph[change.key].needs if need in self._order}

    def doomed(self, outcomes: Mapping[Key, Outcome]) -> list[tuple[Change, Outcome]]:
        """Changes that can't be done any more, each with the outcome that stands in its way."""
        writes = [key for key, outcome in outcomes.items() if outcome.action is not Action.DELETE]
        found = []
        for change in self.todo.values():
            asked = {*self.needs(change), *(writes if change.action is Action.DELETE else ())}
            ended = (outcomes[key] for key in sorted(asked) if key in outcomes)
            bad = next((outcome for outcome in ended if outcome.result is not Result.DONE), None)
            if bad is not None:
                found.append((change, bad))
        return found

    def ready(self) -> list[tuple[Change, ...]]:
        """What can start now, each group by one call. A batch takes along who needs only what it brings."""
        open_needs = {key: self.needs(change) & self.todo.keys() for key, change in self.todo.items()}
        groups: list[tuple[Change, ...]] = []
        batches: dict[str, set[Key]] = {}
        for key, change in self.todo.items():
            resource = self._graph.get(key)
            if self.deletes(change) or resource is None or not resource.batch:
                if not open_needs[key]:
                    groups.append((change,))
            else:
                batches.setdefault(resource.batch, set()).add(key)
        for name, members in batches.items():
            keys = _closed(members, open_needs)
            if name in self.split:
                keys = {key for key in keys if not open_needs[key]}
                keys = {min(keys, key=self._order.__getitem__)} if keys else set()
            if keys:
                groups.append(tuple(self.todo[key] for key in sorted(keys, key=self._order.__getitem__)))
        return groups


def _closed(members: set[Key], needs: Mapping[Key, set[Key]]) -> set[Key]:
    """The largest part of the members that needs nothing outside itself."""
    keys = set(members)
    while out := {key for key in keys if needs[key] - keys}:
        keys -= out
    return keys
