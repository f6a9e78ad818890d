"""A graph of resources as a picture: what is needed stands left of what needs it. Pure.

Edges that follow from others are left out: where a pipeline needs a dataset and that needs a linked service,
the line from the pipeline to the linked service tells nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, GAP, SIDE = 204, 44, 12, 44
"""Of a box, and between boxes, in pixels."""
LETTERS = 22
"""How many letters of a name fit into a box; the whole name is its title."""
SWEEPS = 6
"""So often columns are sorted by where their neighbours stand: after a few times little moves any more."""

Edge = tuple[str, str]
"""The first needs the second."""


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels. places: the upper left corner of each box; lines: from the box that
    is needed to the one that needs it, as SVG path data."""

    width: int
    height: int
    places: Mapping[str, tuple[int, int]]
    lines: tuple[tuple[Edge, str], ...]


def ranks(objects: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """How many steps each object stands behind what needs nothing. In a cycle each stands where it is met."""
    needs = _needs(objects, edges)
    found: dict[str, int] = {}
    for start in needs:
        stack, under_way = [start], set()
        while stack:
            name = stack[-1]
            under_way.add(name)
            left = [need for need in needs[name] if need not in found and need not in under_way]
            if left:
                stack.append(left[0])
                continue
            stack.pop()
            found.setdefault(name, 1 + max((found.get(need, -1) for need in needs[name]), default=-1))
    return found


def direct(objects: Iterable[str], edges: Iterable[Edge]) -> list[Edge]:
    """The edges that do not follow from others, each once."""
    needs = _needs(objects, edges)
    bit = {name: 1 << at for at, name in enumerate(needs)}
    reach: dict[str, int] = {}
    found: list[Edge] = []
    rank = ranks(needs, edges)
    for name in sorted(needs, key=rank.__getitem__):
        beyond = 0
        for need in needs[name]:
            beyond |= reach.get(need, 0)
        found += [(name, need) for need in needs[name] if not beyond & bit[need]]
        reach[name] = beyond
        for need in needs[name]:
            reach[name] |= bit[need]
    return found


def layout(objects: Iterable[str], edges: Iterable[Edge]) -> Layout:
    """Place the objects, those of one rank in one column, near to what they need."""
    objects, edges = tuple(objects), tuple(edges)
    rank, lines = ranks(objects, edges), direct(objects, edges)
    columns: list[list[str]] = [[] for _ in range(1 + max(rank.values(), default=0))]
    for name in objects:
        columns[rank[name]].append(name)
    beside: dict[str, list[str]] = {name: [] for name in objects}
    for one, other in lines:
        beside[one].append(other)
        beside[other].append(one)
    _sort(columns, beside)
    tops = _tops(columns, beside)
    places = {
        name: (GAP + column * (WIDTH + SIDE), GAP + tops[name])
        for column, names in enumerate(columns)
        for name in names
    }
    return Layout(
        width=GAP * 2 + len(columns) * (WIDTH + SIDE) - SIDE,
        height=GAP * 2 + HEIGHT + max(tops.values(), default=0),
        places=places,
        lines=tuple((edge, _line(places[edge[1]], places[edge[0]])) for edge in lines),
    )


def _needs(objects: Iterable[str], edges: Iterable[Edge]) -> dict[str, list[str]]:
    needs: dict[str, list[str]] = {name: [] for name in objects}
    for one, other in dict.fromkeys(edges):
        needs[one].append(other)
    return needs


def _sort(columns: Sequence[list[str]], beside: Mapping[str, Sequence[str]]) -> None:
    """Sort each column by where the neighbours of its boxes stand, so that few lines cross."""
    place: dict[str, float] = {}
    for names in columns:
        place |= {name: at / len(names) for at, name in enumerate(names)}
    for sweep in range(SWEEPS):
        for names in columns if sweep % 2 == 0 else columns[::-1]:
            names.sort(key=lambda name: _mean([place[each] for each in beside[name]], place[name]))
            place |= {name: at / len(names) for at, name in enumerate(names)}


def _tops(columns: Sequence[Sequence[str]], beside: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How far down each box stands: at the mean of what it needs, where the one above leaves room."""
    tops: dict[str, int] = {}
    tallest = max(map(len, columns), default=0) * (HEIGHT + GAP)
    for names in columns:
        free, room = 0, len(names) * (HEIGHT + GAP)
        for name in names:
            wanted = int(_mean([tops[each] for each in beside[name] if each in tops], free))
            tops[name] = free = max(free, min(wanted, tallest - room))
            free, room = free + HEIGHT + GAP, room - HEIGHT - GAP
    return tops


def _mean(numbers: Sequence[float], none: float) -> float:
    return sum(numbers) / len(numbers) if numbers else none


def _line(needed: tuple[int, int], needer: tuple[int, int]) -> str:
    (x, y), (right, bottom) = (
        (needed[0] + WIDTH, needed[1] + HEIGHT // 2),
        (needer[0], needer[1] + HEIGHT // 2),
    )
    middle = (x + right) // 2
    return f"M{x},{y} C{middle},{y} {middle},{bottom} {right},{bottom}"


def shortened(name: str, letters: int = LETTERS) -> str:
    """As much of a name as fits into a box: its end tells more than its beginning."""
    return name if len(name) <= letters else "…" + name[1 - letters :]


def svg(objects: Iterable[str], edges: Iterable[Edge]) -> str:
    """The picture as a document of its own."""
    found = layout(objects, edges)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {found.width} {found.height}" '
        f'width="{found.width}" role="img" font-family="system-ui, sans-serif" font-size="13">',
        "<title>What needs what</title>",
    ]
    parts += [f'<path d="{line}" fill="none" stroke="#8a8f98"/>' for _, line in found.lines]
    for name, (x, y) in found.places.items():
        kind, _, own = name.rpartition("/")
        above = f'<text x="{x + 10}" y="{y + 17}" font-size="11" fill="#566">{escape(shortened(kind))}</text>'
        parts.append(
            f'<g><title>{escape(name)}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
            f'fill="#f4f7fc" stroke="#5b7db1"/>{above}'
            f'<text x="{x + 10}" y="{y + 34}">{escape(shortened(own))}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])
