"""A state as JSON: what was recorded is read back as it was, and a secret's value is never in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.armtemplate.values import Unknown
from reconciler.record import Drift, Entry, Intent, State, Trouble, from_json, to_json
from reconciler.resource import Key, Secret
from reconciler.state import journal

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
SECRETS = st.builds(Secret, TEXT, TEXT)
VALUES = st.recursive(
    LEAVES | SECRETS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SPECS = st.dictionaries(TEXT, VALUES, max_size=3)
PLAIN = st.dictionaries(TEXT, LEAVES | st.lists(LEAVES, max_size=2), max_size=2)
KEYS = st.builds(Key, st.sampled_from(["arm.resource", "databricks.notebook"]), TEXT, TEXT)
ENTRIES = st.builds(
    Entry,
    key=KEYS,
    type=st.just("Microsoft.Storage/storageAccounts"),
    at=PLAIN,
    needs=st.lists(KEYS, max_size=2).map(tuple),
    applied=st.none() | SPECS,
    baseline=st.none() | SPECS,
    id=TEXT,
    written=TEXT,
    commit=TEXT,
    adopted=st.booleans(),
    settled=st.booleans(),
    intent=st.none() | st.builds(Intent, TEXT, TEXT, PLAIN, PLAIN),
    trouble=st.none() | st.builds(Trouble, TEXT, st.integers(0, 9), TEXT, TEXT, TEXT),
)
STATES = st.builds(
    State,
    environment=TEXT,
    lineage=TEXT,
    serial=st.integers(0, 9),
    entries=st.lists(ENTRIES, max_size=3).map(lambda entries: {entry.key: entry for entry in entries}),
    drift=st.dictionaries(KEYS, st.builds(Drift, TEXT, st.lists(TEXT, max_size=2).map(tuple)), max_size=2),
    commit=TEXT,
    suspended=TEXT,
    notes=PLAIN,
)


@settings(max_examples=80, deadline=None)
@given(STATES)
def test_a_state_comes_back_from_its_json(state: State) -> None:
    assert from_json(json.loads(json.dumps(to_json(state)))) == state


def test_a_secret_keeps_its_fingerprint_wherever_it_stands() -> None:
    """Compared by it later: lost in an intent, every resumed write would look like a changed secret."""
    spec = {"a": {"password": Secret("f00d", "parameters('p')")}, "list": [Secret("beef")]}
    key = Key("arm.resource", "g", "n")
    entry = Entry(key, "T", {}, applied=spec, baseline=spec, intent=Intent("update", "t", spec=spec))
    found = from_json(json.loads(json.dumps(to_json(State.new("dev").put(entry))))).entries[key]
    assert (found.applied, found.baseline) == (spec, spec)
    assert found.intent is not None
    assert found.intent.spec == spec


def test_what_only_azure_knows_is_kept_as_its_expression() -> None:
    key = Key("arm.resource", "g", "n")
    spec = {"id": Unknown("reference('x').id", references=("x",))}
    entry = Entry(key, "T", {}, applied=spec, intent=Intent("create", "t", spec=spec))
    document = to_json(State.new("dev").put(entry))["entries"][str(key)]
    assert document["applied"] == {"id": {"$unknown": "reference('x').id"}}
    assert document["intent"]["spec"] == {"id": {"$unknown": "reference('x').id"}}


def test_the_same_state_is_the_same_text_whatever_order_it_grew_in() -> None:
    entries = [Entry(Key("k", "s", name), "T", {}) for name in "bac"]
    one, other = State("dev", "l"), State("dev", "l")
    for entry in entries:
        one = one.put(entry)
    for entry in reversed(entries):
        other = other.put(entry)
    assert json.dumps(to_json(one)) == json.dumps(to_json(other))


def test_an_entry_is_ours_once_it_was_applied_also_when_it_is_empty() -> None:
    key = Key("k", "s", "n")
    state = State.new("dev").put(Entry(key, "T", {}, intent=Intent("create", "t")))
    assert state.ours == {}
    state = state.put(Entry(key, "T", {}, applied={}))
    assert list(from_json(to_json(state)).ours) == [key]
    assert list(state.drop(Key("K".lower(), "S", "N")).entries) == []


def test_two_new_states_are_of_different_lineage() -> None:
    assert State.new("dev").lineage != State.new("dev").lineage


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match="version"):
        from_json({**to_json(State.new("dev")), "version": version})


@pytest.mark.parametrize(
    "notes",
    [
        {"last": 10**30},
        {"last": "null"},
        {"last": {"checks": 1}},
        {"last": {"summary": {"create": "2"}}},
        {"holds": "blocked"},
        {"next": 5},
        {"checks": {"endpoint": [1]}},
        {"approved": {"digest": "d"}},
        {"alerts": {"undelivered": [{"shown": "x"}]}},
        {"alerts": {"standing": [{"kind": "drift", "environment": None, "since": ""}]}},
    ],
)  # fmt: skip
def test_notes_that_are_none_of_ours_are_refused_without_their_value(notes: dict[str, Any]) -> None:
    """Those who look (status, the dashboard, alerts) count on their shapes; a fuzzer found the first."""
    document = {**to_json(State.new("a")), "notes": notes}
    with pytest.raises(TypeError, match=r"notes\..* was to be"):
        from_json(document)


@settings(max_examples=80, deadline=None)
@given(STATES)
def test_a_state_that_is_written_entry_by_entry_is_its_json(state: State) -> None:
    written = journal.whole(state)
    assert json.loads(written) == json.loads(json.dumps(to_json(state)))
    assert written.count(b"\n") == 1
