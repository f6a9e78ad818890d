"""The store in a folder, beyond what every store promises (tests/conformance/test_stores.py): its files."""

from __future__ import annotations

import json
import resource
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support.stores import account, entry

from reconciler.errors import StateError
from reconciler.record import State
from reconciler.state import FileStore, folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "states"


@pytest.fixture
def kept(root: Path) -> State:
    """Three saves: the first is in state.json, the others are lines of the journal."""
    store = FileStore(root)
    state = store.save(State.new("dev").put(entry("a")))
    state = store.save(state.put(entry("b")))
    return store.save(replace(state.put(entry("a", 2)), commit="c0ffee"))


def fault(root: Path, environment: str = "dev") -> StateError:
    with pytest.raises(StateError) as caught:
        FileStore(root).load(environment)
    return caught.value


def test_a_save_writes_what_changed_and_not_the_whole(root: Path) -> None:
    """It comes after every call of an apply, with thousands of entries."""
    store = FileStore(root)
    state = State.new("dev")
    state = store.save(
        replace(state, entries={account(f"n{n}"): entry(f"n{n}", "x" * 1000) for n in range(1000)})
    )
    state = store.save(state.put(entry("n7", 2)))
    assert (root / "dev/journal.jsonl").stat().st_size < 1000
    assert (root / "dev/state.json").stat().st_size > 1_000_000
    assert FileStore(root).load("dev") == state


def test_a_long_journal_is_folded(root: Path, kept: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FOLD_BYTES", 2000)
    store = FileStore(root)
    state = kept
    sizes = []
    for number in range(20):
        state = store.save(state.put(entry("a", number)))
        sizes.append((root / "dev/journal.jsonl").stat().st_size)
        assert FileStore(root).load("dev") == state
    assert 0 in sizes
    assert max(sizes) < 3000


def change_line(path: Path, number: int, **fields: object) -> None:
    lines = path.read_text().splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **fields})
    path.write_text("\n".join(lines) + "\n")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "state.json is empty": (lambda f: (f / "state.json").write_text(""), "state.json"),
    "state.json is cut": (lambda f: (f / "state.json").write_text('{"version": 1, '), "state.json"),
    "state.json is a list": (lambda f: (f / "state.json").write_text("[]"), "state.json"),
    "state.json lacks entries": (lambda f: (f / "state.json").write_text('{"version": 1}'), "state.json"),
    "state.json has a wrong key": (
        lambda f: change_line(f / "state.json", 0, entries={"x": {}}),
        "state.json",
    ),
    "state.json is gone": (lambda f: (f / "state.json").unlink(), "state.json"),
    "state.json is binary": (lambda f: (f / "state.json").write_bytes(b"\xff\xfe\0"), "state.json"),
    "state.json is older": (lambda f: change_line(f / "state.json", 0, serial=0), "journal.jsonl:1"),
    "state.json is another": (lambda f: change_line(f / "state.json", 0, lineage="x"), "journal.jsonl:1"),
    "it is another environment's": (
        lambda f: change_line(f / "state.json", 0, environment="x"),
        "state.json",
    ),
    "a line is no JSON": (lambda f: (f / "journal.jsonl").write_text("{}}\n"), "journal.jsonl:1"),
    "a line is empty": (lambda f: (f / "journal.jsonl").write_text("\n"), "journal.jsonl:1"),
    "a line lacks all": (lambda f: (f / "journal.jsonl").write_text("{}\n"), "journal.jsonl:1"),
    "a line is missing": (lambda f: change_line(f / "journal.jsonl", 1, serial=4), "journal.jsonl:2"),
    "a serial is text": (lambda f: change_line(f / "journal.jsonl", 1, serial="3"), "journal.jsonl:2"),
    "a line sets a list": (lambda f: change_line(f / "journal.jsonl", 1, set=[1]), "journal.jsonl:2"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told_with_the_file_and_the_way_out(root: Path, kept: State, damage: str) -> None:
    """An environment whose state is taken for empty would lose what it owns, or own nothing."""
    harm, place = DAMAGE[damage]
    harm(root / "dev")
    error = fault(root)
    assert error.where == str(root / "dev" / place)
    assert "Restore the folder from a backup" in error.message
    with pytest.raises(StateError):
        FileStore(root).save(kept)


@pytest.mark.parametrize("file", ["state.json", "journal.jsonl"])
def test_a_newer_program_s_state_is_refused_by_name(root: Path, kept: State, file: str) -> None:
    change_line(root / "dev" / file, 0, version=7)
    error = fault(root)
    assert error.code == "state-newer"
    assert "a newer program wrote this: its format is 7, this one knows 1. Update it." in str(error)


def test_a_folder_that_may_not_be_read_is_no_empty_one(root: Path, kept: State) -> None:
    (root / "dev/state.json").unlink()
    (root / "dev/state.json").mkdir()
    assert "Is a directory" in str(fault(root))


def test_a_full_disk_keeps_the_old_state(root: Path, kept: State) -> None:
    """The limit on a file's size is a real refusal of the kernel, in the middle of a write."""
    store = FileStore(root)
    before = (root / "dev/journal.jsonl").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(StateError, match="File too large"):
            store.save(kept.put(entry("big", "x" * 10_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (root / "dev/journal.jsonl").read_bytes() == before
    assert store.load("dev") == kept
    assert store.save(kept).serial == 4


def test_files_are_for_their_owner_alone(root: Path, kept: State) -> None:
    store = FileStore(root)
    store.key()
    store.append_history("dev", {})
    with store.lock("dev", "test"):
        pass
    (root / ".gitignore").unlink()
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in [root, *root.rglob("*")]}
    folders = {"states": "0o700", "dev": "0o700"}
    names = (".key-name", "state.json", "journal.jsonl", "history.jsonl", "lock")
    assert modes == {**folders, **dict.fromkeys(names, "0o600")}


def test_a_new_root_is_kept_out_of_git_and_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "new/cache").mkdir(parents=True)
    FileStore(tmp_path / "new").key()
    assert (tmp_path / "new/.gitignore").read_text() == "*\n"
    (tmp_path / "used").mkdir()
    (tmp_path / "used/readme.md").touch()
    FileStore(tmp_path / "used").key()
    assert not (tmp_path / "used/.gitignore").exists()


def test_the_key_is_made_once_and_is_in_no_document(root: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: FileStore(root).key(), range(8)))
    assert [len(made) for made in keys] == [32]
    FileStore(root).save(State.new("dev"))
    (made,) = keys
    for path in (root / "dev").iterdir():
        assert made not in path.read_bytes()
        assert made.hex() not in path.read_text()


def test_the_key_lies_elsewhere_for_its_owner_alone(root: Path, settings_home: Path) -> None:
    """Who is given the folder of the states has hashes, and nothing to try out guesses with."""
    key = FileStore(root).key()
    assert [path.name for path in root.rglob("*") if path.is_file() and key in path.read_bytes()] == []
    file = settings_home / "reconciler/keys" / (root / ".key-name").read_text().strip()
    assert file.read_bytes() == key
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file, file.parent)] == [0o600, 0o700]
    assert FileStore(root.parent / "another").key() != key


def test_states_without_their_key_are_refused_until_somebody_decides(root: Path, settings_home: Path) -> None:
    """With another key each secret would look edited, and be written in turn by each machine."""
    key = FileStore(root).key()
    name = root / ".key-name"
    file = settings_home / "reconciler/keys" / name.read_text().strip()
    file.write_bytes(b"short")
    with pytest.raises(StateError, match="the key is damaged"):
        FileStore(root).key()
    file.unlink()
    with pytest.raises(StateError, match="Bring it from where it was made") as missing:
        FileStore(root).key()
    assert missing.value.where == str(file)
    name.write_text("../../elsewhere")
    with pytest.raises(StateError, match="names no key"):
        FileStore(root).key()
    name.unlink()
    assert FileStore(root).key() != key


def test_history_is_newest_first_and_survives_a_cut_line(root: Path) -> None:
    store = FileStore(root)
    for number in range(5):
        store.append_history("dev", {"n": number, "text": "zwei\nZeilen"})
    with (root / "dev/history.jsonl").open("a") as file:
        file.write('{"n": 9')
    assert [tick["n"] for tick in store.history("dev")] == [4, 3, 2, 1, 0]
    store.append_history("dev", {"n": 5})
    assert [tick["n"] for tick in store.history("dev", limit=2)] == [5, 4]
    assert store.history("dev")[1]["text"] == "zwei\nZeilen"
    with (root / "dev/history.jsonl").open("a") as file:
        file.write("oops\n")
    with pytest.raises(StateError, match=r"history\.jsonl:7: cannot be read.*Remove that line"):
        store.history("dev")


def test_a_long_history_loses_its_older_half(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FOLD_BYTES", 200)
    store = FileStore(root)
    for number in range(200):
        store.append_history("dev", {"n": number})
    kept = [tick["n"] for tick in store.history("dev")]
    assert kept == list(range(199, 199 - len(kept), -1))
    assert 5 < len(kept) < 40
