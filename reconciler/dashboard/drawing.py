"""The picture of what needs what in an environment: a box for each resource, or for each kind where there are
many. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.dashboard.resources import ORDER, Shown, counted
from reconciler.picture import HEIGHT, LETTERS, WIDTH, Edge, Layout, layout, shortened

MANY = 150
"""With more resources than this, each kind is one box."""


@dataclass(frozen=True)
class Box:
    """One box. above: its small first line; title: what it says in full."""

    x: int
    y: int
    link: str
    state: str
    above: str
    label: str
    title: str


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[tuple[str, str], ...]
    """Path data, and the state of the box that needs the other."""
    folded: bool
    box: tuple[int, int] = (WIDTH, HEIGHT)
    """How large each box is."""


def drawing(shown: Sequence[Shown], slug: str, of_kind: Callable[[str], str]) -> Drawing:
    """The picture of these. slug: the kind that is looked at, whose resources are drawn each, with the kinds
    around it; of_kind: the address of a kind's page."""
    chosen = [each for each in shown if each.named.slug == slug]
    if len(shown) <= MANY:
        open_ = set(range(len(shown)))
    else:
        open_ = {each.at for each in chosen} if len(chosen) <= MANY else set()
    name = {each.at: f"r{each.at}" if each.at in open_ else f"k{each.named.slug}" for each in shown}
    edges = {(name[each.at], name[need]) for each in shown for need in each.needs}
    edges = {edge for edge in edges if edge[0] != edge[1]}
    if slug and len(shown) > MANY:
        near = {name[each.at] for each in chosen}
        edges = {edge for edge in edges if near & set(edge)}
        kept = near | {each for edge in edges for each in edge}
    else:
        kept = set(name.values())
    members: dict[str, list[Shown]] = {}
    for each in sorted(shown, key=lambda it: (it.named.system, it.named.kind, it.named.name)):
        if name[each.at] in kept:
            members.setdefault(name[each.at], []).append(each)
    return _drawn(members, edges, of_kind, folded=len(open_) < len(shown))


def _drawn(
    members: Mapping[str, list[Shown]], edges: Iterable[Edge], of_kind: Callable[[str], str], *, folded: bool
) -> Drawing:
    found: Layout = layout(members, sorted(edges))
    boxes = {}
    for name, (x, y) in found.places.items():
        these = members[name]
        first = these[0]
        state = min((each.state for each in these), key=ORDER.__getitem__)
        if name.startswith("r"):
            link, above, label = f"#{name}", first.named.kind, first.named.name
            title = f"{first.named.kind} {label}: {state}"
        else:
            states = counted(Counter(each.state for each in these))
            told = ", ".join(f"{count} {word}" for word, count in states)
            link, above, label = (
                of_kind(first.named.slug),
                first.named.system,
                f"{len(these)} × {first.named.kind}",
            )
            title = f"{first.named.system}, {first.named.kind}: {told}"
        boxes[name] = Box(
            x,
            y,
            link,
            state,
            shortened(above, LETTERS - (len(state) if state != "healthy" else 0)),
            shortened(label),
            title,
        )
    # In the order of reading, which is that of the tabulator: column by column.
    ordered = tuple(sorted(boxes.values(), key=lambda box: (box.x, box.y)))
    lines = tuple((line, boxes[edge[0]].state) for edge, line in found.lines)
    return Drawing(found.width, found.height, ordered, lines, folded)
