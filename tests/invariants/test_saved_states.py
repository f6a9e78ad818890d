"""States as each version of the program has written them: every later one goes on from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.record import VERSION, from_json, to_json
from reconciler.resource import Secret

STATES = Path(__file__).parent / "states"


def test_there_is_one_of_every_version() -> None:
    """Who raises the version adds a file, and leaves the older ones as they are."""
    assert sorted(int(file.stem) for file in STATES.glob("*.json")) == list(range(1, VERSION + 1))


@pytest.mark.parametrize("file", sorted(STATES.glob("*.json")), ids=lambda file: file.stem)
def test_a_state_of_an_earlier_version_is_loaded_whole(file: Path) -> None:
    """Nothing in it is lost on the way, and what is written now is read the same."""
    written = json.loads(file.read_text("utf-8"))
    state = from_json(written)
    assert {str(key) for key in state.entries} == set(written["entries"])
    assert (state.environment, state.serial, state.commit) == ("test", 42, written["commit"])
    by_kind = {key.kind: entry for key, entry in state.entries.items()}
    assert by_kind["arm.group"].adopted
    trigger, secret = by_kind["adf.trigger"], by_kind["databricks.secret"]
    assert (trigger.paused, trigger.settled, trigger.doubted, len(trigger.needs)) == (True, False, True, 1)
    notebook = by_kind["databricks.notebook"]
    assert notebook.trouble is not None and (notebook.trouble.count, notebook.trouble.code) == (2, "denied")
    assert notebook.stamp == {"modified_at": 1700000000000, "size": 20}
    assert secret.intent is not None and isinstance(secret.intent.spec["value"], Secret)
    assert secret.applied is not None and secret.applied["value"].fingerprint == "62c1192d"
    assert [drift.fields for drift in state.drift.values()] == [("runtimeState",)]
    assert state.notes == written["notes"]
    assert from_json(json.loads(json.dumps(to_json(state)))) == state
