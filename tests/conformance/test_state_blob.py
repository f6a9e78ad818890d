"""States in a container, beyond what every store promises: lost answers, lost leases, blocks, days."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobLeaseClient
from support.azurite import Azurite
from support.stores import Container, container

from reconciler.errors import StateError, StateLocked
from reconciler.record import Entry, State
from reconciler.resource import Key
from reconciler.state import blob, days, lease


class Wire(RequestsTransport):
    """The real transport, which counts requests and loses the first answer to those that `loses` names."""

    def __init__(self, loses: str = "-") -> None:
        super().__init__()
        self.seen: list[str] = []
        self.places: list[str] = []
        self._loses: str | None = loses

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **options)
        told = f"{request.method} {request.url.partition('?')[2]}"
        self.seen.append(told)
        self.places.append(request.url.partition("?")[0])
        if self._loses and self._loses in told:
            self._loses = None
            raise ServiceResponseError("the connection was reset")
        return answer


@pytest.fixture
def place(azurite: Azurite) -> Container:
    return container(azurite)


def entry(name: str, text: str = "") -> Entry:
    return Entry(Key("k", "s", name), "t", {}, applied={"text": text})


@pytest.mark.parametrize("lost", ["PUT comp=blocklist", "PUT comp=block&"])
def test_a_save_whose_answer_was_lost_is_saved_once(place: Container, lost: str) -> None:
    """The SDK sends it once more; what then stands in the way is our own save, not somebody else's."""
    place.open().save(State.new("dev"))
    state = place.open().load("dev")
    assert state is not None
    wire = Wire(lost)
    store = place.open(transport=wire)
    state = store.save(state.put(entry("a")))
    assert sum(lost in each for each in wire.seen) >= 2, "it was sent again"
    assert place.open().load("dev") == state
    assert store.save(state.put(entry("b"))).serial == 3


def test_a_tick_whose_answer_was_lost_is_told_once(place: Container) -> None:
    place.open().append_history("dev", {"n": 1})
    place.open(transport=Wire("PUT comp=appendblock")).append_history("dev", {"n": 2})
    assert [tick["n"] for tick in place.open().history("dev")] == [2, 1]


def test_a_lock_whose_answer_was_lost_is_ours(place: Container) -> None:
    with place.open().lock("dev", "the blob is there"):
        pass
    with place.open(transport=Wire("PUT comp=lease")).lock("dev", "first") as held:
        held.check()
        with pytest.raises(StateLocked, match="held by first"), place.open().lock("dev", "second"):
            pass


def test_a_save_sends_what_changed_and_the_whole_now_and_then(
    place: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after every call of an apply, with thousands of entries."""
    many = {(one := entry(f"n{n}", "x" * 1000)).key: one for n in range(1000)}
    store = place.open()
    state = store.save(replace(State.new("dev"), entries=many))
    state = store.save(state.put(entry("n7", "y")))
    whole, change = place.lines("dev")
    assert len(whole) > 1_000_000
    assert len(change) < 1000
    monkeypatch.setattr(blob, "FOLD_BLOCKS", 4)
    counts = []
    for number in range(6):
        state = store.save(state.put(entry("n7", str(number))))
        counts.append(len(place.lines("dev")))
    assert counts == [3, 4, 1, 2, 3, 4]
    assert place.open().load("dev") == state


def test_a_save_takes_two_requests(place: Container) -> None:
    wire = Wire()
    store = place.open(transport=wire)
    state = store.save(store.save(State.new("dev")).put(entry("a")))
    wire.seen.clear()
    store.save(state.put(entry("b")))
    assert [each.split("&")[0] for each in wire.seen] == ["PUT comp=block", "PUT comp=blocklist"]
    wire.seen.clear()
    assert store.load("dev") == store.load("dev")
    assert wire.seen == ["GET ", "GET "], "each asks whether it is still the same"


def test_a_blob_that_was_restored_by_hand_is_taken_as_it_is(place: Container) -> None:
    """A file that is uploaded whole has no blocks to go on from."""
    store = place.open()
    state = store.save(store.save(State.new("dev")).put(entry("a")))
    copy = b"".join(place.lines("dev"))
    store.save(state.put(entry("b")))
    place.client().get_blob_client("states/dev").upload_blob(copy, overwrite=True)
    assert store.load("dev") == state
    state = store.save(state.put(entry("c")))
    assert len(place.lines("dev")) == 1
    assert place.open().load("dev") == state


def test_a_day_s_first_save_is_copied_and_can_be_put_back(place: Container) -> None:
    """A month of days is kept; the copy goes back with the two commands that the guide names."""
    today = datetime.now(UTC)
    names = [f"backups/dev/{today - timedelta(days=ago):%Y-%m-%d}" for ago in (0, 29, 31)]
    store = place.open()
    first = store.save(State.new("dev"))
    for name in names:
        place.client().upload_blob(name, b"old", overwrite=True)
    place.client().delete_blob(names[0])
    wire = Wire()
    again = place.open(transport=wire)
    second = again.save(first.put(entry("a")))
    again.save(again.save(second))
    store.save(again.load("dev") or second)
    copies = list(place.client().list_blob_names(name_starts_with="backups/"))
    assert copies == sorted(names[:2]), "today's and those of a month"
    assert sum(f"/{today:%Y-%m-%d}" in each for each in wire.places) == 2, "looked for and made, once"
    place.client().upload_blob("states/dev", b"no state", overwrite=True)
    with pytest.raises(StateError, match="backups/"):
        place.open().load("dev")
    copy = place.client().download_blob(names[0]).readall()
    place.client().upload_blob("states/dev", copy, overwrite=True)
    assert place.open().load("dev") == second
    assert place.open().save(second.put(entry("b"))).serial == 3


def test_a_copy_that_is_refused_fails_no_save(place: Container, caplog: pytest.LogCaptureFixture) -> None:
    """It is for a bad day; what has just been done is not lost over it."""

    class Refuses(Wire):
        def send(self, request: Any, **options: Any) -> Any:
            if "/backups/" in request.url:
                raise ServiceResponseError("the connection was reset")
            return super().send(request, **options)

    store = place.open(transport=Refuses())
    assert store.save(State.new("dev")).serial == 1
    assert "copy of a state not kept environment=dev" in caplog.text
    assert place.open().load("dev") is not None


def test_who_only_touches_the_blob_is_no_other_saver(place: Container) -> None:
    """Policies and people set tiers and metadata; that changes the ETag and not what is kept."""
    store = place.open()
    state = store.save(State.new("dev"))
    place.client().get_blob_client("states/dev").set_blob_metadata({"owner": "me"})
    assert store.save(state.put(entry("a"))).serial == 2


def eventually(happened: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(500):
        if happened():
            return
        pause.wait(0.02)
    raise AssertionError("it did not happen in ten seconds")


def test_a_lease_that_is_broken_in_mid_tick_stops_the_next_save(
    place: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    store = place.open()
    with store.lock("dev", "first") as held:
        state = store.save(State.new("dev"))
        place.free("dev")
        with place.open().lock("dev", "second"):
            eventually(lambda: not held.held())
            with pytest.raises(StateLocked, match=r"was lost\. Nothing more is written"):
                store.save(state.put(entry("a")))
    assert place.open().load("dev") == state


def test_a_lease_is_renewed_while_its_block_runs(place: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    wire = Wire()
    with place.open(transport=wire).lock("dev", "first") as held:
        before = len(wire.seen)
        eventually(lambda: len(wire.seen) > before + 2)
        held.check()


def test_a_lease_that_cannot_be_renewed_ends_before_another_may_have_it(
    place: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "MARGIN_SECONDS", 59.9)  # as if it had been taken 54.9 seconds ago
    with place.open().lock("dev", "first") as held:
        eventually(lambda: not held.held())
        with pytest.raises(StateLocked), place.open().lock("dev", "second"):
            pass


@pytest.mark.prove
def test_a_lease_that_nobody_renews_runs_out(place: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure's shortest lease takes fifteen seconds to."""
    monkeypatch.setattr(lease, "SECONDS", 15)
    with place.open().lock("dev", "gone"):
        pass
    lock = place.client().get_blob_client("locks/dev")
    BlobLeaseClient(lock).acquire(lease_duration=15)

    def free() -> bool:
        try:
            with place.open().lock("dev", "next") as held:
                held.check()
        except StateLocked:
            return False
        return True

    assert not free()
    pause = threading.Event()
    assert any(free() or pause.wait(1) for _ in range(30))


def test_history_spans_days_and_old_days_are_dropped(
    place: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "PIECE", 64)
    client = place.client()
    client.create_container()
    for day, numbers in {"2019-12-31": range(3), "2999-12-31": range(3, 40)}.items():
        old = client.get_blob_client(f"history/dev/{day}")
        old.create_append_blob()
        for number in numbers:
            old.append_block(b'{"n":%d,"text":"%s"}\n' % (number, b"x" * number))
    found = [tick["n"] for tick in place.open().history("dev", limit=1000)]
    assert found == list(range(39, -1, -1))
    assert [tick["n"] for tick in place.open().history("dev", limit=38)] == found[:38], (
        "over the end of a day"
    )
    place.open().append_history("dev", {"n": 40})
    assert {name.rpartition("/")[2] for name in client.list_blob_names()} >= {"2999-12-31"}
    assert "history/dev/2019-12-31" not in set(client.list_blob_names())


def test_a_refusal_is_told_with_the_role_and_without_the_key(place: Container) -> None:
    place.open().save(State.new("dev"))
    wrong = replace(place, connection=place.connection.replace("Eby8", "Abc8"))
    with pytest.raises(StateError, match=r"Storage Blob Data Contributor|sign-in failed") as caught:
        wrong.open().load("dev")
    assert "Abc8" not in str(caught.value)
    assert caught.value.where.endswith(f"{place.name}/states/dev")


def test_an_account_that_is_not_reached_is_told(place: Container) -> None:
    nowhere = replace(place, connection=re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", place.connection))
    with pytest.raises(StateError, match="was not reached"):
        nowhere.open().load("dev")
