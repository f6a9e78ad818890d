"""A bare HTTP client that makes the calls of a tick: what no program could be quicker than in Python.

It keeps its connections, has its tokens already, reads each body as JSON (the next page is in it), and does
nothing with it. Pages of one list follow each other, as they must; all else is asked for side by side."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3

Chain = Sequence[str]
"""URLs that are asked for one after the other: the pages of one list, or one resource."""
READERS = 20
"""Calls at once for one environment: as many as two providers of the product make."""
MANAGEMENT = "https://management.azure.com/.default"
VAULT = "https://vault.azure.net/.default"
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"


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
        trusted = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
        self._http = urllib3.ProxyManager(
            os.environ["HTTPS_PROXY"],
            num_pools=512,
            maxsize=READERS * at_once,
            ssl_context=trusted,
            retries=False,
        )
        self._pool = ThreadPoolExecutor(READERS * at_once)
        self._asked = asked
        self._headers: dict[str, dict[str, str]] = {}
        for scope in (MANAGEMENT, VAULT, DATABRICKS):
            self._headers[scope] = {"Authorization": f"Bearer {_token(scope)}"}

    def tick(self, environment: str) -> int:
        """The calls of one tick; gives how many they were."""
        return sum(self._pool.map(self._chain, self._asked[environment]))

    def _chain(self, urls: Chain) -> int:
        headers = self._headers[_scope(str(urlsplit(urls[0]).hostname))]
        for url in urls:
            answer = self._http.request("GET", url, headers=headers)
            assert answer.status == 200, f"{url}: {answer.status} {answer.data[:200]!r}"
            json.loads(answer.data)
        return len(urls)


def _scope(host: str) -> str:
    if host.endswith(".vault.azure.net"):
        return VAULT
    return DATABRICKS if host.endswith(".azuredatabricks.net") else MANAGEMENT


def _token(scope: str) -> str:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential().get_token(scope).token
