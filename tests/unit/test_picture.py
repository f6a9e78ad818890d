"""The picture of a graph: well-formed, complete, and in the direction of needs."""

from __future__ import annotations

from xml.etree import ElementTree

from reconciler.picture import ranks, svg

SVG = "{http://www.w3.org/2000/svg}"


def test_what_is_needed_stands_before_what_needs_it() -> None:
    assert ranks("abc", [("a", "b"), ("b", "c"), ("a", "c")]) == {"c": 0, "b": 1, "a": 2}


def test_a_cycle_is_drawn_and_not_followed_for_ever() -> None:
    """`graph` never refuses, so a picture must come out of any graph."""
    assert set(ranks("ab", [("a", "b"), ("b", "a")])) == {"a", "b"}


def test_every_object_and_edge_is_in_it_and_names_are_escaped() -> None:
    root = ElementTree.fromstring(svg(["a<b", "c"], [("a<b", "c")]))
    assert sorted(title.text or "" for title in root.iter(f"{SVG}title"))[1:] == ["a<b", "c"]
    assert len(list(root.iter(f"{SVG}path"))) == 1


def test_an_empty_graph_is_a_picture_too() -> None:
    assert ElementTree.fromstring(svg([], [])).tag == f"{SVG}svg"
