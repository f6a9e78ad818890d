"""A graph of resources as an SVG picture: what is needed stands left of what needs it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

WIDTH, HEIGHT, GAP, SIDE = 320, 28, 14, 80
"""Of a box, and between boxes, in pixels."""
LETTERS = 44
"""How many letters of a name fit into a box; the whole name is its title."""


def ranks(objects: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many steps each object stands behind what needs nothing. In a cycle each stands where it is met."""
    needs: dict[str, list[str]] = {name: [] for name in objects}
    for one, other in edges:
        needs[one].append(other)
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


def svg(objects: Iterable[str], edges: Iterable[tuple[str, str]]) -> str:
    """The picture as text. Objects of the same rank stand in one column, by name."""
    objects, edges = tuple(objects), tuple(edges)
    columns: dict[int, list[str]] = {}
    for name, rank in sorted(ranks(objects, edges).items()):
        columns.setdefault(rank, []).append(name)
    place = {
        name: (GAP + rank * (WIDTH + SIDE), GAP + row * (HEIGHT + GAP))
        for rank, names in columns.items()
        for row, name in enumerate(names)
    }
    width = GAP * 2 + max(len(columns), 1) * (WIDTH + SIDE) - SIDE
    height = GAP + max((len(names) for names in columns.values()), default=1) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>What needs what</title>",
    ]
    for one, other in edges:
        (x, y), (left, top) = place[one], place[other]
        parts.append(
            f'<path d="M{left + WIDTH},{top + HEIGHT // 2} C{left + WIDTH + SIDE // 2},{top + HEIGHT // 2} '
            f'{x - SIDE // 2},{y + HEIGHT // 2} {x},{y + HEIGHT // 2}" fill="none" stroke="#8a8f98"/>'
        )
    for name, (x, y) in place.items():
        shown = name if len(name) <= LETTERS else "…" + name[1 - LETTERS :]
        parts.append(
            f'<g><title>{escape(name)}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
            f'fill="#eef3fb" stroke="#5b7db1"/><text x="{x + 8}" y="{y + 18}">{escape(shown)}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])
