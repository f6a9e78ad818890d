"""JSON with equal values as one object.

The resources of an environment say the same over and over, and what was applied, what was read after it and
what Git says are mostly the same trees. Values are immutable here, so one of each is enough."""

from __future__ import annotations

from typing import Any


class Shared:
    """The values of some documents that are read one after the other. Forget it when they are read: what it
    knows takes as much memory as the values."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """The `object_pairs_hook` of `json.loads`: what is inside comes before what it is in."""
        made = {self._one(name): self._one(value) for name, value in pairs}
        found: dict[str, Any] = self._known.setdefault((*made, *map(_mark, made.values())), made)
        return found

    def _one(self, value: Any) -> Any:
        if type(value) is str:
            return self._known.setdefault(value, value)
        if type(value) is list:
            made = [self._one(item) for item in value]
            return self._known.setdefault((list, *map(_mark, made)), made)
        return value


def _mark(value: Any) -> Any:
    """What tells apart values whose parts are shared: 1, 1.0 and true differ, and so do 0.0 and -0.0."""
    kind = type(value)
    if kind is str or kind is dict or kind is list:
        return id(value)
    return (kind, repr(value) if kind is float else value)
