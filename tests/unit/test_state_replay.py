"""A folder that several processes write: what one of them knew and the new lines make what a fresh one reads."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.record import Entry, State
from reconciler.resource import Key
from reconciler.state import FileStore

NAMES = ("a", "b", "c", "C")
SPELT = ("group", "Group")


def entry(name: str, spelt: str, value: int) -> Entry:
    key = Key("arm.resource", spelt, f"Microsoft.Storage/storageAccounts:{name}")
    spec = {"value": value}
    return Entry(key, "Microsoft.Storage/storageAccounts", {"id": f"/x/{name}"}, applied=spec, baseline=spec)


def changed(state: State, what: str, name: str, spelt: str, value: int) -> State:
    made = entry(name, spelt, value)
    if what == "put":
        return state.put(made)
    if what == "drop":
        return state.drop(made.key)
    if what == "respell":
        return state.drop(made.key).put(made)
    return replace(state, commit=f"{value:040d}", notes={"began": str(value)})


ACTS = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["put", "drop", "respell", "note", "fold", "look"]),
    st.sampled_from(NAMES),
    st.sampled_from(SPELT),
    st.integers(0, 2),
)


RESPELT = [(0, "put", "c", "Group", 1), (0, "respell", "c", "group", 1), (0, "drop", "c", "group", 0)]
"""A record that is only spelt otherwise, and then goes: it must not come back with its old name."""


@settings(max_examples=40, deadline=None)
@example(acts=RESPELT)
@given(acts=st.lists(ACTS, min_size=4, max_size=16))
def test_new_lines_on_what_was_known_make_what_a_fresh_process_reads(
    acts: list[tuple[int, str, str, str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "states"
        stores = (FileStore(root), FileStore(root))
        stores[0].save(State.new("dev").put(entry("a", "group", 0)))
        for who, what, name, spelt, value in acts:
            if what == "fold":
                with stores[who].lock("dev", "test"):
                    pass
            elif what != "look":
                state = stores[who].load("dev")
                assert state is not None
                stores[who].save(changed(state, what, name, spelt, value))
            known, fresh = stores[who].load("dev"), FileStore(root).load("dev")
            assert known == fresh


def test_entries_that_another_process_left_alone_stay_the_same_objects(tmp_path: Path) -> None:
    """What is known of an entry hangs on the object: else each save elsewhere has all compared anew."""
    one, other = FileStore(tmp_path / "s"), FileStore(tmp_path / "s")
    first = one.save(State.new("dev").put(entry("a", "group", 0)).put(entry("b", "group", 0)))
    theirs = other.load("dev")
    assert theirs is not None
    other.save(replace(theirs.put(entry("b", "group", 1)), commit="c0ffee"))
    now = one.load("dev")
    assert now is not None
    assert (now.serial, now.commit) == (2, "c0ffee")
    key, moved = entry("a", "group", 0).key, entry("b", "group", 0).key
    assert now.entries[key] is first.entries[key]
    assert now.entries[moved] == entry("b", "group", 1)
