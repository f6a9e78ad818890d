"""What was found out once is found out anew as soon as any of its inputs moves."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.armtemplate import Unknown
from reconciler.comparing import Compare
from reconciler.graph import Graph
from reconciler.memo import Memo, digest
from reconciler.resource import Key, Resource
from reconciler.rules import for_type

RULES = for_type("Microsoft.DataFactory/factories/pipelines")
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, "", "a", "A", "1"])
SPECS = st.builds(
    lambda first, second, listed: {"properties": {"a": first, "b": second, "c": listed}},
    LEAVES, LEAVES, st.lists(LEAVES, max_size=2),
)  # fmt: skip


@st.composite
def rounds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What a resource is compared with in some ticks: from one to the next one input moves, or none; live is
    always read anew."""
    pick = st.sampled_from(draw(st.lists(SPECS, min_size=2, max_size=3)))
    fields = {
        "desired": pick,
        "live": pick,
        "applied": st.none() | pick,
        "baseline": st.none() | pick,
        "ignore": st.sampled_from([(), ("properties.a",)]),
        "key": st.sampled_from([b"", b"k"]),
    }
    ticks = [draw(st.fixed_dictionaries(fields))]
    for name in draw(st.lists(st.sampled_from([*fields, ""]), min_size=3, max_size=8)):
        moved = {name: draw(fields[name])} if name else {}
        ticks.append({**ticks[-1], **moved})
    return [{**tick, "live": copy.deepcopy(tick["live"])} for tick in ticks]


@settings(max_examples=300, deadline=None)
@given(rounds())
def test_a_comparison_that_is_remembered_says_what_a_new_one_says(ticks: list[dict[str, Any]]) -> None:
    """Else drift would go unseen for as long as nothing else moves: 1, 1.0 and true are told apart, too."""
    compare, anew = Compare(Memo()), Compare()
    for tick in ticks:
        asked = {name: tick[name] for name in ("applied", "baseline", "ignore", "key")}
        told = compare("key", tick["desired"], tick["live"], RULES, **asked)
        fresh = anew("key", tick["desired"], tick["live"], RULES, **asked)
        assert repr(told) == repr(fresh)


def test_nothing_is_made_twice_of_the_same_objects_and_values() -> None:
    memo, made = Memo(), list[int]()
    spec, same = {"a": [1]}, {"a": [1]}

    def make() -> int:
        made.append(1)
        return len(made)

    assert [memo.of("k", (spec,), "v", make), memo.of("k", (spec,), "v", make)] == [1, 1]
    assert memo.of("k", (same,), "v", make) == 2, "an equal object is another one"
    assert memo.of("k", (same,), "w", make) == 3
    assert memo.of("other", (same,), "w", make) == 4
    assert memo.of("k", (same,), None, make) == 5, "what has no digest is never known"


def test_a_digest_tells_apart_what_json_tells_apart() -> None:
    values = [1, 1.0, True, "1", [1], {"a": 1}, None]
    assert len({digest(value) for value in values}) == len(values)
    assert digest({"a": object()}) is None, "a Secret or what only Azure knows has none"


def test_what_is_gone_is_forgotten() -> None:
    """A warm app lives for days: what Git once said is not kept for ever."""
    memo, spec, places = Memo(), {"a": 1}, [("seen", "stays"), ("seen", "goes"), "of all"]
    assert [memo.of(place, (spec,), "v", lambda: 1) for place in places] == [1, 1, 1]
    memo.keep({"stays"})
    assert [memo.of(place, (spec,), "v", lambda: 2) for place in places] == [1, 2, 1]


def test_a_graph_that_is_made_anew_is_the_last_one_while_it_says_the_same() -> None:
    """What was found out of a graph is known by that very graph. 1 and true are equal, and do not say the
    same."""
    memo, said = Memo(), Unknown("reference('a')")
    before = Graph([Resource(Key("k", "s", n), "t", {"a": said}, {}) for n in ("a", "b")])

    def made(value: Any) -> Graph:
        made = before.mapped(lambda each: replace(each, spec={"a": value}) if each.key.name == "a" else each)
        return made.steady(before, memo, "resolved")

    first = made(1)
    assert made(1) is first
    assert made(True) is not first
    assert [each.spec["a"] for each in made(True)] == [True, said]
    assert [each.spec["a"] for each in made(2)] == [2, said]
