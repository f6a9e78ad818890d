"""What the checks of an environment share: what they may know, and how they find their way in the tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.yamlfile import Node, Place, Step


@dataclass(frozen=True)
class Context:
    """What the checks may know beside the tree.

    after: what each environment of the folder says in its own `after`.
    partial: some of the input could not be read, so nothing is said to be missing."""

    root: Path
    name: str
    tree: Node
    after: Mapping[str, tuple[str, ...]]
    partial: bool = False


Found = tuple[Place, str, str]


def nodes(tree: Node, pattern: str) -> Iterator[tuple[tuple[Step, ...], Node]]:
    """The nodes at the paths of a pattern."""
    found: list[tuple[tuple[Step, ...], Node]] = [((), tree)]
    for want in pattern.split("."):
        below = [((*path, step), child) for path, node in found for step, child in _children(node)]
        found = [(path, child) for path, child in below if want in ("*", path[-1])]
    return iter(found)


def _children(node: Node) -> list[tuple[Step, Node]]:
    if isinstance(node.value, dict):
        return list(node.value.items())
    return list(enumerate(node.value)) if isinstance(node.value, list) else []


def circle(start: str, waits: Mapping[str, Collection[str]]) -> list[str]:
    """The shortest way from a name over those it waits for back to itself, or [] where there is none."""
    ways = deque([[start]])
    seen: set[str] = set()
    while ways:
        way = ways.popleft()
        for other in sorted(waits.get(way[-1], ())):
            if other == start:
                return [*way, start]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
