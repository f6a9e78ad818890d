"""A run may die anywhere: the state is then the last that was answered, or the one that was being saved."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.stores import Container, Folder, container

from reconciler.errors import StateError, StateLocked
from reconciler.record import Entry, State
from reconciler.resource import Key
from reconciler.state import FileStore, folder

OPEN = """
import sys
if " " in sys.argv[1]:
    from reconciler.state import blob as kind
    from support.stores import at
    store = at(sys.argv[1])
else:  # without the SDK, whose import takes longer than the rest
    from pathlib import Path
    from reconciler.state import folder as kind
    store = kind.FileStore(Path(sys.argv[1]))
"""
SAVER = (
    OPEN
    + """
from dataclasses import replace
from reconciler.record import Entry, State
from reconciler.resource import Key

kind.FOLD_BYTES = 20_000
with store.lock("dev", "the saver"):
    state = store.load("dev") or State.new("dev")
    while True:
        number = state.serial + 1
        key = Key("k", "s", f"n{number % 40}")
        state = state.put(Entry(key, "t", {"n": number}, applied={"text": "x" * (number * 37 % 5000)}))
        if number % 7 == 0:
            state = state.drop(Key("k", "s", f"n{(number - 3) % 40}"))
        state = store.save(replace(state, notes={"n": number}))
        print(state.serial, flush=True)
"""
)
HOLDER = (
    OPEN
    + """
with store.lock("dev", "the holder"):
    print("held", flush=True)
    sys.stdin.read()
"""
)


@pytest.fixture(params=["folder", "blob"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Folder | Container:
    if request.param == "folder":
        return Folder(tmp_path)
    return container(request.getfixturevalue("azurite"))


@contextmanager
def running(program: str, place: Folder | Container) -> Iterator[subprocess.Popen[str]]:
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent}:{tests}"}
    command = [sys.executable, "-c", program, place.argument]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def expected(serial: int) -> dict[Key, int]:
    """What the saver's entries are after so many saves."""
    entries: dict[Key, int] = {}
    for number in range(1, serial + 1):
        entries[Key("k", "s", f"n{number % 40}")] = number
        if number % 7 == 0:
            entries.pop(Key("k", "s", f"n{(number - 3) % 40}"), None)
    return entries


@pytest.mark.parametrize(
    ("place", "rounds"),
    [
        ("folder", 8),
        ("blob", 2),
        pytest.param("folder", 200, marks=pytest.mark.prove),
        pytest.param("blob", 60, marks=pytest.mark.prove),
    ],
    indirect=["place"],
)
def test_a_saver_that_is_killed_leaves_what_it_answered_or_the_next(
    place: Folder | Container, rounds: int
) -> None:
    chance = random.Random(rounds)
    answered = 0
    for _ in range(rounds):
        with running(SAVER, place) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 60)):
                answered = int(process.stdout.readline())
            for _ in range(chance.randrange(3000)):  # some way into the next save
                pass
            os.kill(process.pid, signal.SIGKILL)
            rest = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        answered = int(rest[-1]) if rest else answered
        place.free("dev")
        state = place.open().load("dev")
        assert state is not None
        assert state.serial in (answered, answered + 1)
        assert state.notes == {"n": state.serial}
        assert {key: entry.at["n"] for key, entry in state.entries.items()} == expected(state.serial)


def entry(name: str, text: str = "") -> Entry:
    return Entry(Key("k", "s", name), "t", {}, applied={"text": text})


def test_a_save_that_was_cut_anywhere_is_the_old_state_or_the_new(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    old = store.save(store.save(State.new("dev")).put(entry("a")))
    journal = tmp_path / "dev/journal.jsonl"
    begin = journal.stat().st_size
    new = store.save(old.put(entry("b", "zwei\nZeilen")))
    whole = journal.read_bytes()
    for end in range(begin, len(whole) + 1):
        journal.write_bytes(whole[:end])
        again = FileStore(tmp_path)
        found = again.load("dev")
        assert found == (new if end == len(whole) else old), f"cut after {end} bytes"
        if end % 20 == 0:
            saved = again.save(replace(old, commit="next"))
            assert FileStore(tmp_path).load("dev") == saved, "the rest of the cut line is not in the way"


def test_a_fold_that_was_cut_short_repeats_nothing(tmp_path: Path) -> None:
    """state.json is new and the journal still old: a dropped entry must not come back."""
    store = FileStore(tmp_path)
    state = store.save(State.new("dev"))
    for step in (
        state.put(entry("a")),
        state.put(entry("a")).drop(Key("k", "s", "a")),
        state.put(entry("b")),
    ):
        state = store.save(replace(step, serial=state.serial))
    journal = tmp_path / "dev/journal.jsonl"
    lines = journal.read_bytes()
    with store.lock("dev", "test"):
        pass
    assert journal.read_bytes() == b""
    journal.write_bytes(lines)
    (tmp_path / "dev/.state.json.new").write_text("half")
    again = FileStore(tmp_path)
    assert again.load("dev") == state
    state = again.save(state.put(entry("c")))
    assert FileStore(tmp_path).load("dev") == state


def test_a_save_that_folds_and_was_cut_short_is_not_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """state.json is one save ahead of the journal that was not emptied."""
    store = FileStore(tmp_path)
    state = store.save(store.save(State.new("dev")).put(entry("a", "old")))
    journal = tmp_path / "dev/journal.jsonl"
    lines = journal.read_bytes()
    monkeypatch.setattr(folder, "FOLD_BYTES", 0)
    state = store.save(state.put(entry("a", "new")))
    journal.write_bytes(lines)
    assert FileStore(tmp_path).load("dev") == state


def test_a_held_environment_names_its_holder(place: Folder | Container) -> None:
    with running(HOLDER, place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(
                StateLocked, match=rf"held by the holder \(process {process.pid}\b.*\) since 20\d\d-"
            ) as caught,
            place.open().lock("dev", "another"),
        ):
            pass
        assert caught.value.retry
        with place.open().lock("test", "another"):
            pass  # another environment is free
        assert place.open().load("dev") is None, "reading needs no lock"


def test_what_a_dead_run_held_is_free(place: Folder | Container) -> None:
    """At once on one machine; a lease in Azure runs out first."""
    with running(HOLDER, place) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        place.free("dev")
        with place.open().lock("dev", "another") as lease:
            lease.check()


def test_a_lock_file_that_was_removed_ends_the_lease(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with store.lock("dev", "first") as lease:
        lease.check()
        (tmp_path / "dev/lock").unlink()
        with pytest.raises(StateLocked, match="was lost"):
            lease.check()
        with store.lock("dev", "second"), pytest.raises(StateLocked, match="was lost"):
            lease.check()


def test_a_lock_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "states").write_text("a file")
    with pytest.raises(StateError, match="Check the disk"), FileStore(tmp_path / "states").lock("dev", "x"):
        pass
