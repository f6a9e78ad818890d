"""What is kept and queued: a state, its journal, a history and a message are read, or refused by name."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from support import damage
from support.fuzzing import CANARY, Watch, fuzz
from support.graphs import entry, half
from support.graphs import state as made

from reconciler import dispatch, render
from reconciler.api import PRINCIPAL, caller
from reconciler.dispatch.message import parse
from reconciler.errors import StateError
from reconciler.record import Drift, State, Trouble, from_json, to_json
from reconciler.state import FileStore


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[FileStore, State]]:
    """A store with a state, two saves on top of it, and a history."""
    store = FileStore(tmp_path / "state")
    state = store.save(replace(made(entry("a"), half("b")), serial=0))
    state = store.save(replace(state, suspended="why", notes={"healthy": "c1", "last": {"result": "done"}}))
    troubled = replace(entry("c"), trouble=Trouble("it failed", 2, "2026-01-01T00:00:00+00:00", "c1"))
    state = store.save(
        replace(state.put(troubled), drift={entry("a").key: Drift("2026-01-01T00:00:00+00:00", ("tags",))})
    )
    store.append_history(
        state.environment, {"time": "2026-01-01T00:00:00+00:00", "result": "done", "seconds": 1.0}
    )
    yield store, state


@fuzz(few=100, many=6000)
def test_files_of_a_state(
    kept: tuple[FileStore, State], tmp_path: Path, watch: Watch, random: Random
) -> None:
    """A damaged state is refused whole, with its file; never read as an empty one, or as one that forgot."""
    _, state = kept
    folder = tmp_path / "state" / state.environment
    name = random.choice(("state.json", "journal.jsonl", "history.jsonl"))
    sound = (folder / name).read_bytes()
    rows = sound.split(b"\n")
    if random.random() < 0.6:
        at = random.randrange(len(rows) - 1)
        rows[at] = damage.json_or_raw(rows[at], random).replace(b"\n", b"")
        torn = b"\n".join(rows)
    else:
        torn = damage.raw(sound, random)
    (folder / name).write_bytes(torn)
    fresh = FileStore(tmp_path / "state")

    def read() -> None:
        found = fresh.load(state.environment)
        assert found is not None, "a damaged state is no empty one"
        json.dumps(render.state_json(state.environment, found), default=str)
        assert from_json(json.loads(json.dumps(to_json(found)))).entries == found.entries
        fresh.history(state.environment)

    try:
        watch.judge(read, StateError)
    finally:
        (folder / name).write_bytes(sound)


@fuzz(few=200, many=8000)
def test_messages_of_the_queue(watch: Watch, random: Random) -> None:
    """A message is one of ours or a ValueError, which the platform counts and puts aside."""
    sound = {
        "environment": "a",
        "reason": "push",
        "by": CANARY,
        "at": "2026-01-01T00:00:00+00:00",
        "tries": 2,
    }
    text = damage.document(sound, random).decode("utf-8", "replace")
    try:
        with watch.one():
            found = parse(text)
            assert parse(found.text) == found
            assert found.met("2026-02-01T00:00:00+00:00") in (True, False)
            dispatch.ask(found.environment, found.reason, found.by)
    except ValueError:
        watch.refused += 1


DEEP = "[" * 100_000


def test_what_is_nested_beyond_all_measure_is_refused_by_name(
    kept: tuple[FileStore, State], tmp_path: Path
) -> None:
    """Python's own parser ends in a RecursionError there; fuzzers found each of these."""
    with pytest.raises(ValueError, match="deeply"):
        parse(DEEP)
    assert caller({PRINCIPAL: base64.b64encode(DEEP[:9000].encode()).decode()}, easy_auth=True) is None
    (tmp_path / "state" / kept[1].environment / "state.json").write_text(DEEP)
    with pytest.raises(StateError, match="cannot be read"):
        FileStore(tmp_path / "state").load(kept[1].environment)
