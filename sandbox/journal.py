"""Every request that arrived and how it was answered. No bodies, no headers: no secret gets in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.store import Store

# Values of these query parameters grant access (shared access signatures).
_SECRET_PARAMETERS = frozenset({"sig", "code", "client_secret", "access_token", "token"})


class Journal:
    """Numbered entries from 1, kept with the documents. `status` is None when no answer was sent."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._db = store.database
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS journal (n INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT)"
        )

    def add(
        self,
        method: str,
        host: str,
        path: str,
        query: Mapping[str, str],
        status: int | None,
        write: bool,
        caller: str | None,
    ) -> None:
        """Append an entry to the open transaction; `caller` is a name or an object id."""
        entry = {
            "method": method,
            "host": host,
            "path": path,
            "query": {k: "***" if k.lower() in _SECRET_PARAMETERS else v for k, v in query.items()},
            "status": status,
            "write": write,
            "caller": caller,
        }
        self._store.begin()
        self._db.execute(
            "INSERT INTO journal (entry) VALUES (?)", (json.dumps(entry, separators=(",", ":")),)
        )

    def since(self, n: int = 0) -> list[dict[str, Any]]:
        """The entries after number `n`, oldest first."""
        rows = self._db.execute("SELECT n, entry FROM journal WHERE n > ? ORDER BY n", (n,))
        return [{"n": number, **json.loads(entry)} for number, entry in rows]

    def clear(self) -> None:
        """Empty it; numbers go on, so that an old `since` stays right."""
        self._store.begin()
        self._db.execute("DELETE FROM journal")
