"""Durable JSON documents that survive a `kill -9` and a restart.

SQLite in WAL mode holds them, a write-through cache of their JSON texts answers reads. Everything
between two calls of `commit` is one transaction; `rollback` undoes it in both places.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Document = dict[str, Any]
_Place = tuple[str, str]


class Store:
    """Collections of documents by key. Documents are copied on the way in and out.

    Keys are compared as they are: whoever needs keys without case lowers them.
    """

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        # Only a power cut could lose what synchronous=OFF has not flushed, a killed process cannot.
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
            "CREATE TABLE IF NOT EXISTS documents"
            " (collection TEXT, key TEXT, document TEXT, PRIMARY KEY (collection, key)) WITHOUT ROWID;"
        )
        self._texts: dict[str, dict[str, str]] = {}
        self._keys: dict[str, list[str]] = {}
        self._undo: list[tuple[_Place, str | None]] = []
        self._now: Callable[[], datetime] | None = None
        self._horizon = timedelta(0)
        self._versions: dict[_Place, list[tuple[datetime, str | None]]] = {}
        for collection, key, text in self._db.execute("SELECT collection, key, document FROM documents"):
            self._set((collection, key), text)

    @property
    def database(self) -> sqlite3.Connection:
        """For the journal, which writes in the same transaction."""
        return self._db

    def get(self, collection: str, key: str) -> Document | None:
        """A copy of the document, or None."""
        text = self._texts.get(collection, {}).get(key)
        return None if text is None else _loads(text)

    def put(self, collection: str, key: str, document: Document) -> None:
        """Replace the document. Raises TypeError when it is not JSON."""
        self._change((collection, key), json.dumps(document, separators=(",", ":")))

    def delete(self, collection: str, key: str) -> None:
        """Remove the document; one that is not there is no fault."""
        if key in self._texts.get(collection, {}):
            self._change((collection, key), None)

    def items(self, collection: str, prefix: str = "") -> Iterator[tuple[str, Document]]:
        """Copies of all documents whose key starts with `prefix`, by key, as of this moment."""
        texts = self._texts.get(collection, {})
        yield from [(key, _loads(texts[key])) for key in self.keys(collection, prefix)]

    def keys(self, collection: str, prefix: str = "") -> list[str]:
        """The keys that start with `prefix`, sorted."""
        keys = self._keys.get(collection, [])
        if not prefix:
            return list(keys)
        first = last = bisect_left(keys, prefix)
        while last < len(keys) and keys[last].startswith(prefix):
            last += 1
        return keys[first:last]

    def collections(self) -> list[str]:
        """The names of all collections that hold something."""
        return sorted(name for name, keys in self._keys.items() if keys)

    def remember(self, now: Callable[[], datetime], horizon: timedelta) -> None:
        """Keep older versions (in memory) for `get_at` as far back as `horizon`."""
        self._now, self._horizon = now, horizon

    def get_at(self, collection: str, key: str, at: datetime) -> Document | None:
        """The document as it was at `at`; without older versions kept, as it is."""
        versions = self._versions.get((collection, key), [])
        if not versions:
            return self.get(collection, key)
        # The first remembered version has no beginning: it is what was there before.
        text = next((text for since, text in reversed(versions) if since <= at), versions[0][1])
        return None if text is None else _loads(text)

    def items_at(self, collection: str, at: datetime, prefix: str = "") -> Iterator[tuple[str, Document]]:
        """Like `items`, as of `at`: holds what was deleted since and lacks what is newer."""
        gone = {k for c, k in self._versions if c == collection and k.startswith(prefix)}
        for key in sorted(gone.union(self.keys(collection, prefix))):
            document = self.get_at(collection, key, at)
            if document is not None:
                yield key, document

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        self._undo.clear()
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        for place, text in reversed(self._undo):
            self._set(place, text)
            if self._now and self._versions.get(place):
                self._versions[place].pop()
        self._undo.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def clear(self) -> None:
        """Forget every document and commit."""
        self.rollback()
        self._texts, self._keys, self._versions = {}, {}, {}
        self.begin()
        self._db.execute("DELETE FROM documents")
        self.commit()

    def copy(self) -> dict[str, dict[str, str]]:
        """All documents as they are now, for `restore`."""
        return {collection: dict(texts) for collection, texts in self._texts.items()}

    def restore(self, kept: dict[str, dict[str, str]]) -> None:
        """Put back what `copy` gave, forget older versions, and commit."""
        self.rollback()
        for collection in {*self._texts, *kept}:
            there, then = self._texts.get(collection, {}), kept.get(collection, {})
            changed = [(key, None) for key in there if key not in then]
            for key, text in (*changed, *((k, t) for k, t in then.items() if there.get(k) != t)):
                self._change((collection, key), text)
        self._versions = {}
        self.commit()

    def begin(self) -> None:
        """Open the transaction if none is open."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._db.close()

    def _change(self, place: _Place, text: str | None) -> None:
        self.begin()
        before = self._texts.get(place[0], {}).get(place[1])
        self._undo.append((place, before))
        if self._now:
            self._keep(place, before, text, self._now())
        self._set(place, text)
        if text is None:
            self._db.execute("DELETE FROM documents WHERE collection = ? AND key = ?", place)
        else:
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (*place, text))

    def _keep(self, place: _Place, before: str | None, text: str | None, now: datetime) -> None:
        versions = self._versions.setdefault(place, [(datetime.min.replace(tzinfo=now.tzinfo), before)])
        versions.append((now, text))
        while len(versions) > 2 and versions[1][0] < now - self._horizon:
            versions.pop(0)

    def _set(self, place: _Place, text: str | None) -> None:
        collection, key = place
        texts = self._texts.setdefault(collection, {})
        keys = self._keys.setdefault(collection, [])
        if text is None:
            if texts.pop(key, None) is not None:
                keys.pop(bisect_left(keys, key))
        else:
            if key not in texts:
                insort(keys, key)
            texts[key] = text


def _loads(text: str) -> Document:
    document: Document = json.loads(text)
    return document
