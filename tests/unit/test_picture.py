"""The picture of a graph: well-formed, complete, in the direction of needs, and without one box upon another."""

from __future__ import annotations

import time
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.picture import GAP, HEIGHT, WIDTH, direct, layout, ranks, shortened, svg

SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=60).map(
    lambda pairs: [(str(max(pair)), str(min(pair))) for pair in pairs if pair[0] != pair[1]]
)
NAMES = [str(number) for number in range(15)]


def test_what_is_needed_stands_before_what_needs_it() -> None:
    assert ranks("abc", [("a", "b"), ("b", "c"), ("a", "c")]) == {"c": 0, "b": 1, "a": 2}


def test_a_cycle_is_drawn_and_not_followed_for_ever() -> None:
    """`graph` never refuses, so a picture must come out of any graph."""
    cycle = [("a", "b"), ("b", "a")]
    assert set(ranks("ab", cycle)) == {"a", "b"}
    assert set(layout("ab", cycle).places) == {"a", "b"}


def test_every_object_and_edge_is_in_it_and_names_are_escaped() -> None:
    root = ElementTree.fromstring(svg(["a<b", "c"], [("a<b", "c")]))
    assert sorted(title.text or "" for title in root.iter(f"{SVG}title"))[1:] == ["a<b", "c"]
    assert len(list(root.iter(f"{SVG}path"))) == 1


def test_an_empty_graph_is_a_picture_too() -> None:
    assert ElementTree.fromstring(svg([], [])).tag == f"{SVG}svg"


def test_edges_that_follow_from_others_are_not_drawn() -> None:
    """Nearly everything needs the group; only what needs nothing else is joined to it."""
    assert sorted(direct("abc", [("a", "b"), ("b", "c"), ("a", "c"), ("a", "b")])) == [("a", "b"), ("b", "c")]


@given(GRAPHS)
def test_what_is_left_of_the_edges_says_the_same(edges: list[tuple[str, str]]) -> None:
    def reached(found: list[tuple[str, str]]) -> set[tuple[str, str]]:
        known = set(found)
        while more := {(a, d) for a, b in known for c, d in known if b == c} - known:
            known |= more
        return known

    assert reached(direct(NAMES, edges)) == reached(edges)


@given(GRAPHS)
def test_no_box_stands_upon_another_and_lines_go_to_the_right(edges: list[tuple[str, str]]) -> None:
    found = layout(NAMES, edges)
    columns: dict[int, list[int]] = {}
    for x, y in found.places.values():
        assert 0 < x <= found.width - WIDTH
        assert 0 < y <= found.height - HEIGHT
        columns.setdefault(x, []).append(y)
    for tops in columns.values():
        assert all(below - above >= HEIGHT + GAP for above, below in pairwise(sorted(tops)))
    assert all(found.places[need][0] < found.places[needer][0] for needer, need in edges)


def test_a_picture_of_thousands_is_made_in_a_moment() -> None:
    """`graph --svg` draws whatever there is: time must not grow with the square."""
    edges = [(str(each), str(each // 3)) for each in range(1, 8000)]
    started = time.process_time()
    layout(map(str, range(8000)), edges)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("name", "shown"), [("short", "short"), ("x" * 22, "x" * 22), ("a" + "b" * 22, "…" + "b" * 21)]
)
def test_a_long_name_shows_its_end(name: str, shown: str) -> None:
    assert shortened(name) == shown
