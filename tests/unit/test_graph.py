"""The graph: what is needed comes first, always in the same order; a wrong graph is refused whole."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import InputError
from reconciler.graph import Graph, order
from reconciler.resource import Key, Resource


def key(name: str) -> Key:
    return Key("k", "s", name)


def resource(name: str, *needs: str, origin: str = "") -> Resource:
    return Resource(key(name), "t", {}, {}, tuple(key(need) for need in needs), origin=origin or f"f:{name}")


EDGES = st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 30)))


@given(EDGES, st.randoms())
def test_what_is_needed_comes_first_whatever_order_it_was_given_in(
    edges: dict[int, set[int]], shuffle: random.Random
) -> None:
    """A need always has a lower number here, so there is no cycle."""
    resources = [resource(f"{n:02}", *(f"{m:02}" for m in edges.get(n, ()) if m < n)) for n in range(31)]
    first = [item.key for item in Graph(resources)]
    shuffle.shuffle(resources)
    graph = Graph(resources)
    assert [item.key for item in graph] == first
    place = {item: number for number, item in enumerate(first)}
    assert all(place[need] < place[item] for item, need in graph.edges())
    assert len(graph) == 31


def test_looking_up() -> None:
    graph = Graph([resource("b", "a"), resource("a")])
    assert graph[key("B")].key == key("b"), "in any case, as the cloud does"
    assert key("a") in graph
    assert key("c") not in graph
    assert graph.get(key("c")) is None
    assert list(graph.edges()) == [(key("b"), key("a"))]
    assert list(Graph()) == []


def test_every_duplicate_and_every_absent_need_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Graph(
            [
                resource("a", "x", origin="f:1:1"),
                resource("A", origin="f:2:1"),
                resource("b", "y", origin="f:3:1"),
            ]
        )
    assert str(caught.value).splitlines() == [
        "f:1:1: k/s/a needs k/s/x, which is not there.",
        "f:2:1: k/s/A is there twice; the other is at f:1:1. Remove one of them.",
        "f:3:1: k/s/b needs k/s/y, which is not there.",
    ]


def test_a_cycle_tells_its_path_in_the_direction_of_need() -> None:
    with pytest.raises(InputError) as caught:
        Graph([resource("a", "b"), resource("b", "c"), resource("c", "a"), resource("d", "a")])
    (fault,) = caught.value.faults
    steps = fault.message.removeprefix("a cycle: ").removesuffix(".").split(" needs ")
    needs = {("k/s/a", "k/s/b"), ("k/s/b", "k/s/c"), ("k/s/c", "k/s/a")}
    assert set(pairwise(steps)) == needs
    assert fault.place in ("f:a", "f:b", "f:c")


def test_a_resource_that_needs_itself_is_a_cycle() -> None:
    with pytest.raises(InputError, match="a cycle: k/s/a needs k/s/a"):
        Graph([resource("a", "a")])


def test_recorded_needs_are_sorted_even_where_they_contradict_each_other() -> None:
    """They come from several commits, and a delete must not be stuck on them."""
    assert order({key("a"): [key("b"), key("gone")], key("b"): []}) == (key("b"), key("a"))
    assert order({key("b"): [key("a")], key("a"): [key("b")], key("c"): []}) == (key("a"), key("b"), key("c"))
