"""What was found out once is found out anew as soon as any of its inputs moves."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.comparing import anew, remembering
from reconciler.memo import Memo, digest
from reconciler.rules import for_type

RULES = for_type("Microsoft.DataFactory/factories/pipelines")
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, "", "a", "A", "1"])
SPECS = st.dictionaries(
    st.sampled_from(["properties", "name", "tags", "a", "b"]),
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abn"), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@st.composite
def rounds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What a resource is compared with in some ticks: often the same objects, live always read anew."""
    pool = draw(st.lists(SPECS, min_size=1, max_size=3))
    pick = st.sampled_from(pool)
    one = st.fixed_dictionaries(
        {
            "desired": pick,
            "live": pick.map(copy.deepcopy),
            "applied": st.none() | pick,
            "baseline": st.none() | pick,
            "ignore": st.sampled_from([(), ("properties.a",)]),
            "key": st.sampled_from([b"", b"k"]),
        }
    )
    return draw(st.lists(one, min_size=2, max_size=6))


@settings(max_examples=300, deadline=None)
@given(rounds())
def test_a_comparison_that_is_remembered_says_what_a_new_one_says(ticks: list[dict[str, Any]]) -> None:
    """Else drift would go unseen for as long as nothing else moves: 1, 1.0 and true are told apart, too."""
    compare = remembering(Memo())
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
    assert digest({"a": {1, 2}}) is None
