"""Equal JSON values are one object, and nothing else about them is another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.adf import folder
from reconciler.record import Entry, State
from reconciler.resource import Key, Secret
from reconciler.sharing import Shared
from reconciler.state import FileStore

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(0, 2)
    | st.sampled_from([0.0, -0.0, 1.0, 1e300])
    | st.sampled_from("ab")
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=20,
)


def holders(value: Any) -> list[Any]:
    """All lists and dicts of a value, the innermost first."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [each for item in inner for each in holders(item)]
    return [*found, value] if isinstance(value, (dict, list)) else found


@settings(max_examples=200, deadline=None)
@example([1, 1.0, True, 0.0, -0.0, [1], [1.0], {"a": 1, "b": 2}, {"b": 2, "a": 1}])
@given(st.lists(VALUES, max_size=3))
def test_values_are_as_plain_json_has_them_and_equal_ones_the_same(values: list[Any]) -> None:
    """By their JSON: 1, 1.0 and true are equal to Python, and so are objects in another order."""
    shared = Shared()
    texts = [json.dumps({"value": value}) for value in values]
    read = [json.loads(text, object_pairs_hook=shared.pairs) for text in texts]
    assert [json.dumps(each) for each in read] == texts
    one: dict[str, Any] = {}
    for each in holders(read)[:-1]:  # the outermost list is the test's own
        assert one.setdefault(json.dumps(each), each) is each


def test_a_state_that_is_loaded_holds_equal_trees_once(tmp_path: Path) -> None:
    """What was applied and what came back of it: the records of 10,000 resources took twice the memory."""
    spec = {"properties": {"type": "Copy", "policy": {"retry": 1}, "inputs": [{"name": "a"}]}}
    sealed = {"password": Secret("abc", "parameters('p')"), "properties": spec["properties"]}
    state = State.new("dev")
    for name, applied in (("one", spec), ("two", spec), ("three", sealed)):
        key = Key("adf.pipeline", "factory", name)
        copied = json.loads(json.dumps(spec))
        state = state.put(Entry(key, "type", {"id": name}, applied=applied, baseline=copied))
    FileStore(tmp_path).save(state)
    found = FileStore(tmp_path).load("dev")
    assert found is not None and found.entries == state.entries
    one, two, three = (
        found.entries[Key("adf.pipeline", "factory", name)] for name in ("one", "two", "three")
    )
    assert one.applied is one.baseline is two.applied is two.baseline
    assert one.applied is not None and three.applied is not None
    assert three.applied["properties"] is one.applied["properties"]


def test_a_journal_that_grows_on_an_empty_state_changes_that_alone(tmp_path: Path) -> None:
    """Of a new state entries, drift and notes are equal and empty: what is put in the one is not in the other."""
    store = FileStore(tmp_path)
    empty = store.save(State.new("dev"))
    store.save(empty.put(Entry(Key("adf.pipeline", "factory", "one"), "type", {"id": "one"})))
    found = FileStore(tmp_path).load("dev")
    assert found is not None and (len(found.entries), found.drift, found.notes) == (1, {}, {})


def test_definitions_of_a_folder_share_what_they_have_in_common(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "pipeline").mkdir(exist_ok=True)
        body = {"name": name, "properties": {"activities": [{"name": "Copy", "policy": {"retry": 1}}]}}
        (tmp_path / "pipeline" / f"{name}.json").write_text(json.dumps(body))
    one, two = folder.read(tmp_path, "datafactory").objects.values()
    assert one.body["properties"] is two.body["properties"] and one.body["name"] != two.body["name"]
