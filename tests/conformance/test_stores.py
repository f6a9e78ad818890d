"""What every store of states promises, kept by a folder and by a container of a real Azurite alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stores import Container, Folder, account, container, entry

from reconciler.errors import StaleState, StateError, StateLocked
from reconciler.record import Drift, Intent, State
from reconciler.state import FileStore, blob, folder

Place = Folder | Container


@pytest.fixture(params=["folder", "blob"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Folder(tmp_path / "states")
    return container(request.getfixturevalue("azurite"))


@pytest.fixture
def kept(place: Place) -> State:
    """Three saves: the first is the whole state, the others say what changed."""
    store = place.open()
    state = store.save(State.new("dev").put(entry("a")))
    state = store.save(state.put(entry("b")))
    return store.save(replace(state.put(entry("a", 2)), commit="c0ffee"))


def test_what_was_saved_is_loaded_by_another_run(place: Place, kept: State) -> None:
    assert kept.serial == 3
    assert place.open().load("dev") == kept


def test_there_is_none_until_one_is_saved(place: Place) -> None:
    store = place.open()
    assert (store.load("dev"), store.environments(), store.history("dev")) == (None, (), [])
    assert not place.exists(), "looking makes nothing"
    store.append_history("test", {"result": "done"})
    assert (store.load("test"), store.environments()) == (None, ())
    store.save(State.new("prod"))
    store.save(State.new("dev"))
    assert store.environments() == ("dev", "prod")


def test_every_part_of_a_state_comes_back(place: Place, kept: State) -> None:
    store = place.open()
    steps: list[Callable[[State], State]] = [
        lambda s: s.drop(account("b")),
        lambda s: s.put(
            replace(entry("c"), intent=Intent("create", "2026-01-01T00:00:00Z", token={"url": "u"}))
        ),
        lambda s: replace(s, drift={account("a"): Drift("2026-01-01T00:00:00Z", ("x.y",))}),
        lambda s: replace(s, drift={}, suspended="maintenance", notes={"health": {"ok": True}}),
        lambda s: replace(s, suspended="", commit="", notes={}),
        lambda s: replace(s, entries={}),
        lambda s: s,
    ]
    state = kept
    for step in steps:
        state = store.save(step(state))
        assert place.open().load("dev") == state
    assert state.serial == 3 + len(steps)


def test_a_key_that_comes_back_in_another_case_is_one_entry(place: Place, kept: State) -> None:
    """Keys are equal where Azure folds case; as text in JSON they would be two."""
    store = place.open()
    state = store.save(kept.drop(account("a")).put(replace(entry("A", 3), key=account("A"))))
    state = store.save(state.put(replace(state.entries[account("a")], written="2026-01-01T00:00:00Z")))
    found = place.open().load("dev")
    assert found == state
    assert [str(k) for k in found.entries] == [str(account("b")), str(account("A"))]


NAMES = st.sampled_from("abcdABCD")
STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "lock", "reopen"]), NAMES, st.integers(0, 3)))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_saves_are_loaded_as_they_were(place: Place, steps: list[tuple[str, str, int]]) -> None:
    """Over one place, as environments of their own; a fold comes after a few blocks or a lock."""
    name = f"e{uuid4().hex}"
    with pytest.MonkeyPatch.context() as small:
        small.setattr(blob, "FOLD_BLOCKS", 3)
        store = place.open()
        state = store.save(State.new(name))
        for action, letter, value in steps:
            if action == "put":
                state = store.save(state.put(entry(letter, value)))
            elif action == "drop":
                state = store.save(state.drop(account(letter)))
            elif action == "lock":
                with store.lock(name, "test"):
                    pass
            else:
                store = place.open()
            assert place.open().load(name) == state


def test_many_changes_are_folded(place: Place, kept: State, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (blob, folder):
        monkeypatch.setattr(module, "FOLD_BYTES", 2000)
    store, state = place.open(), kept
    for number in range(20):
        state = store.save(state.put(entry("a", number)))
        assert place.open().load("dev") == state
    assert json.loads(place.whole("dev"))["serial"] > 10


def test_a_state_that_somebody_else_saved_is_not_overwritten(place: Place, kept: State) -> None:
    place.open().save(kept.put(entry("theirs")))
    with pytest.raises(StaleState, match="made from save 3, kept is 4"):
        place.open().save(kept.put(entry("mine")))
    with pytest.raises(StaleState, match="of another lineage"):
        place.open().save(State.new("dev"))
    found = place.open().load("dev")
    assert found is not None
    assert account("theirs") in found.entries
    assert account("mine") not in found.entries


def test_a_store_notices_what_another_process_saved(place: Place, kept: State) -> None:
    one, two = place.open(), place.open()
    assert one.load("dev") == two.load("dev") == kept
    assert one.load("dev") is one.load("dev"), "what did not change is not read again"
    newer = two.save(kept.put(entry("c")))
    with pytest.raises(StaleState, match="kept is 4"):
        one.save(kept)
    assert one.load("dev") == newer
    with pytest.raises(StaleState, match="kept is 4"):
        one.save(kept)
    assert one.save(newer).serial == 5


def test_a_state_that_vanished_is_not_begun_anew(place: Place, kept: State) -> None:
    store = place.open()
    store.load("dev")
    place.remove("dev")
    for each in (store, place.open()):
        with pytest.raises(StaleState, match="save 3, which this is made from, is gone"):
            each.save(kept)


def test_of_savers_at_once_just_one_wins(place: Place, kept: State) -> None:
    def save(number: int) -> bool:
        try:
            place.open().save(kept.put(entry("won", number)))
        except StaleState:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(8))) == 1
    assert place.open().load("dev").serial == 4  # type: ignore[union-attr]


def change(place: Place, **fields: object) -> None:
    place.write("dev", json.dumps({**json.loads(place.whole("dev")), **fields}).encode() + b"\n")


def test_a_newer_program_s_state_is_refused_by_name(place: Place, kept: State) -> None:
    change(place, version=7)
    with pytest.raises(StateError, match=r"its format is 7, this one knows 1\. Update it\.") as caught:
        place.open().load("dev")
    assert caught.value.code == "state-newer"


def test_a_state_that_lacks_what_came_later_is_loaded(place: Place, kept: State) -> None:
    """An earlier program wrote no notes, and fewer fields in an entry."""
    whole = json.loads(place.whole("dev"))
    for name in ("notes", "drift", "suspended"):
        whole.pop(name, None)
    for each in whole["entries"].values():
        for name in ("stamp", "paused", "doubted", "trouble"):
            each.pop(name, None)
    place.write("dev", json.dumps(whole).encode() + b"\n")
    found = place.open().load("dev")
    assert found is not None
    assert (found.serial, found.notes, found.entries) == (1, {}, {account("a"): entry("a")})
    assert place.open().save(found.put(entry("b"))).serial == 2


@pytest.mark.parametrize("text", [b"", b'{"version": 1, ', b"[]\n", b'{"version": 1}\n', b"\xff\xfe\0"])
def test_damage_is_told_with_the_place_and_the_way_out(place: Place, kept: State, text: bytes) -> None:
    """An environment whose state is taken for empty would lose what it owns, or own nothing."""
    place.write("dev", text)
    for call in (lambda: place.open().load("dev"), lambda: place.open().save(kept)):
        with pytest.raises(StateError, match=r"cannot be read: .* Restore .*policy\.adopt") as caught:
            call()
        assert "dev" in caught.value.where


def test_the_state_of_another_environment_is_refused(place: Place, kept: State) -> None:
    change(place, environment="prod")
    with pytest.raises(StateError, match="it is the state of prod"):
        place.open().load("dev")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc",
        "a\\b",
        ".hidden",
        "a\0",
        "a\n",
        "-x",
        "x" * 64,
        "key",
        "cache",
        "ü",
    ],
)
def test_a_name_never_leads_elsewhere(place: Place, name: str) -> None:
    store = place.open()
    calls: list[Callable[[], object]] = [
        lambda: store.load(name),
        lambda: store.save(State.new(name)),
        lambda: store.lock(name, "test").__enter__(),
        lambda: store.append_history(name, {}),
        lambda: store.history(name),
        lambda: store.keep_plan(name, {}),
        lambda: store.last_plan(name),
    ]
    for call in calls:
        with pytest.raises(StateError, match="no name for an environment"):
            call()
    assert not place.exists()


def test_the_key_is_made_once_and_is_in_no_state(place: Place, kept: State) -> None:
    first = place.open().key()
    assert len(first) == 32
    assert place.open().key() == first
    assert first.hex().encode() not in place.whole("dev")


def test_history_is_newest_first(place: Place) -> None:
    store = place.open()
    for number in range(5):
        store.append_history("dev", {"n": number, "text": "zwei\nZeilen"})
    store.append_history("test", {"n": 9})
    assert [tick["n"] for tick in store.history("dev")] == [4, 3, 2, 1, 0]
    assert [tick["n"] for tick in place.open().history("dev", limit=2)] == [4, 3]
    assert store.history("dev")[1]["text"] == "zwei\nZeilen"


def test_the_last_plan_is_kept_alone_and_apart_from_the_state(place: Place) -> None:
    """Pages show it. It is no state: it makes no environment, and a broken one is as none."""
    store = place.open()
    assert store.last_plan("dev") is None
    for number in range(2):
        store.keep_plan("dev", {"n": number, "text": "zwei\nZeilen, \ud800"})
    assert place.open().last_plan("dev") == {"n": 1, "text": "zwei\nZeilen, \ud800"}
    assert store.last_plan("test") is None
    assert (store.load("dev"), store.environments()) == (None, ())


def test_history_of_many_at_once_is_whole(place: Place) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: place.open().append_history("dev", {"n": n}), range(12)))
    assert sorted(tick["n"] for tick in place.open().history("dev")) == list(range(12))


def test_a_lock_holds_and_ends_with_its_block(place: Place) -> None:
    store = place.open()
    with pytest.raises(ZeroDivisionError), store.lock("dev", "first"):
        with (
            pytest.raises(StateLocked, match=r"held by first \(process \d+.*\) since 20\d\d-") as caught,
            place.open().lock("dev", "second"),
        ):
            pass
        assert caught.value.retry
        with place.open().lock("test", "another environment is free"):
            pass
        state = store.save(State.new("dev"))
        assert place.open().load("dev") == state, "reading needs no lock"
        store.save(state)
        1 / 0  # noqa: B018
    with place.open().lock("dev", "third") as lease:
        lease.check()
        assert (lease.environment, lease.holder) == ("dev", "third")
        assert store.load("dev") == replace(state, serial=2)
    with pytest.raises(StateLocked, match="was lost"):
        lease.check()


def test_of_many_that_want_a_lock_one_has_it(place: Place) -> None:
    inside: list[int] = []

    def hold(number: int) -> bool:
        try:
            with place.open().lock("dev", str(number)):
                inside.append(number)
                assert len(inside) == 1
                place.open().environments()
                inside.remove(number)
        except StateLocked:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert any(pool.map(hold, range(12)))


def test_a_key_that_was_made_anew_is_the_one_that_is_used(tmp_path: Path) -> None:
    """A process that lives for days must not go on with the key that somebody has removed."""
    store, other = FileStore(tmp_path), FileStore(tmp_path)
    first = store.key()
    (tmp_path / ".key-name").unlink()
    second = other.key()
    assert second != first
    assert store.key() == second
