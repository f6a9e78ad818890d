"""Documents: transactions, order, durability, older versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.store import Store

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "world.db")


def test_documents_are_copies(store: Store) -> None:
    """A handler that changes what it read or wrote must not change the store."""
    document = {"tags": {"a": "1"}}
    store.put("c", "k", document)
    document["tags"]["a"] = "2"
    read = store.get("c", "k")
    assert read == {"tags": {"a": "1"}}
    read["tags"]["a"] = "3"

    assert store.get("c", "k") == {"tags": {"a": "1"}}


def test_items_are_sorted_and_chosen_by_prefix(store: Store) -> None:
    """Lists answer children of one parent in a stable order."""
    for key in ("b/2", "a", "b/1", "b", "c"):
        store.put("c", key, {"key": key})
    store.delete("c", "b/1")

    assert [key for key, _ in store.items("c", "b")] == ["b", "b/2"]
    assert store.keys("c") == ["a", "b", "b/2", "c"]
    assert list(store.items("other")) == []


def test_rollback_undoes_all_since_the_commit_in_file_and_cache(store: Store, tmp_path: Path) -> None:
    """A refused request has no effect, not even in part."""
    store.put("c", "kept", {"n": 1})
    store.commit()
    store.put("c", "kept", {"n": 2})
    store.put("c", "kept", {"n": 3})
    store.put("c", "new", {"n": 1})
    store.delete("c", "kept")
    store.rollback()

    assert list(store.items("c")) == [("kept", {"n": 1})]
    store.close()
    assert list(Store(tmp_path / "world.db").items("c")) == [("kept", {"n": 1})]


def test_what_is_no_json_is_refused(store: Store) -> None:
    """A document that could not be read back would be lost at the restart."""
    with pytest.raises(TypeError):
        store.put("c", "k", {"at": NOON})
    assert store.get("c", "k") is None


def test_older_versions_tell_creation_change_and_deletion(store: Store) -> None:
    """A lagging read shows what was there, also that nothing was there, or what is gone."""
    now = [NOON]
    store.put("c", "old", {"n": 0})
    store.commit()
    store.remember(lambda: now[0], timedelta(minutes=10))
    for minute, document in enumerate(({"n": 1}, {"n": 2}, None), start=1):
        now[0] = NOON + timedelta(minutes=minute)
        store.put("c", "k", document) if document else store.delete("c", "k")

    seen = [store.get_at("c", "k", NOON + timedelta(minutes=m, seconds=30)) for m in range(4)]
    assert seen == [None, {"n": 1}, {"n": 2}, None]
    assert dict(store.items_at("c", NOON + timedelta(minutes=2))) == {"k": {"n": 2}, "old": {"n": 0}}
    assert store.get_at("c", "old", NOON - timedelta(days=1)) == {"n": 0}
    store.commit()
    store.put("c", "k", {"n": 4})
    store.rollback()
    assert store.get_at("c", "k", now[0]) is None


def test_versions_beyond_the_horizon_are_dropped_yet_right(store: Store) -> None:
    """Memory stays bounded, and the version in force at the horizon stays known."""
    now = [NOON]
    store.remember(lambda: now[0], timedelta(minutes=1))
    for second in range(600):
        now[0] = NOON + timedelta(seconds=second)
        store.put("c", "k", {"n": second})

    assert store.get_at("c", "k", now[0] - timedelta(seconds=59)) == {"n": 540}
    assert store.get_at("c", "k", now[0]) == {"n": 599}
    assert len(store._versions["c", "k"]) < 70
