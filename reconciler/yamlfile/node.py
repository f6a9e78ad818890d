"""A value of a YAML file with its place, and what can be done with such values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KINDS = {
    dict: "a map",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands; lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Scalar = str | int | float | bool | None
Step = str | int


@dataclass(frozen=True)
class Node:
    """A value with its place, and the place of the key that leads to it (None in a list or at the top)."""

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    key: Place | None = None
    size: int = 1

    def child(self, step: Step) -> Node | None:
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def walk(self, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Node]]:
        """This node and all below it, in order, each with its path."""
        yield path, self
        children: Iterator[tuple[Step, Node]] = iter(())
        if isinstance(self.value, dict):
            children = iter(self.value.items())
        elif isinstance(self.value, list):
            children = iter(enumerate(self.value))
        for step, child in children:
            yield from child.walk((*path, step))


def kind(value: object) -> str:
    """What a value is, in words for people."""
    return "nothing" if value is None else KINDS.get(type(value), type(value).__name__)


def at(root: Node, path: tuple[Step, ...]) -> Node:
    """The node at a path, or the nearest above it that is there."""
    node = root
    for step in path:
        child = node.child(step)
        if child is None:
            break
        node = child
    return node


def merged(base: Node, over: Node) -> Node:
    """`over` laid upon `base`: maps merge key by key, all else is replaced. Places stay as they were."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    entries: Mapping[str, Node] = base.value | {
        key: merged(base.value[key], child) if key in base.value else child
        for key, child in over.value.items()
    }
    return Node(dict(entries), over.place, over.key)


PATH_STEP = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["([^"]*)"\]""")


def parse_path(path: str) -> tuple[Step, ...]:
    """Read `a.b[0]["c.d"]` as steps. Raises ValueError where it is written otherwise."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = PATH_STEP.match(path, at)
        if match is None:
            raise ValueError(f"not a path: {path}")
        name, index, quoted = match.groups()
        steps.append(int(index) if index is not None else quoted if name is None else name)
        at = match.end()
    return tuple(steps)
