"""A bare HTTP client that makes the calls of a tick: what no program could be quicker than in Python.

It reads each body as JSON, since the next page is in it, and does nothing with it. Pages of one list follow
each other, as they must; all else is asked for side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks.parts.bare import Bare

Chain = Sequence[str]
"""URLs that are asked for one after the other: the pages of one list, or one resource."""
READERS = 20
"""Calls at once for one environment: as many as two providers of the product make."""


def chains(journal: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The calls of a tick, as the sandbox wrote them down, each list with its pages."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for call in journal:
        assert call["method"] == "GET", f"a tick without changes made a {call['method']} of {call['path']}"
        query = call["query"]
        named = urlencode({name: value for name, value in query.items() if "token" not in name.lower()})
        url = f"https://{call['host']}{quote(call['path'])}"
        url += f"?{urlencode(query)}" if query else ""
        found.setdefault(
            (call["host"], call["path"], named if "path=" in named or "scope=" in named else ""), []
        ).append(url)
    return list(found.values())


class Floor:
    """Makes the calls of some environments. Safe under threads."""

    def __init__(self, asked: Mapping[str, Sequence[Chain]], at_once: int) -> None:
        """asked: chains by environment. at_once: environments at once."""
        self._bare = Bare(READERS * at_once)
        self._pool = ThreadPoolExecutor(READERS * at_once)
        self._asked = asked

    def tick(self, environment: str) -> int:
        """The calls of one tick; gives how many they were."""
        return sum(self._pool.map(self._chain, self._asked[environment]))

    def _chain(self, urls: Chain) -> int:
        for url in urls:
            self._bare.call("GET", url)
        return len(urls)
