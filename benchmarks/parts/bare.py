"""A bare HTTP client of Azure: it keeps its connections, has its tokens already, and reads JSON."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3

MANAGEMENT = "https://management.azure.com/.default"
VAULT = "https://vault.azure.net/.default"
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"


class Bare:
    """Safe under threads."""

    def __init__(self, connections: int) -> None:
        """connections: to each host, at most."""
        trusted = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
        self._http = urllib3.ProxyManager(
            os.environ["HTTPS_PROXY"], num_pools=512, maxsize=connections, ssl_context=trusted, retries=False
        )
        scopes = (MANAGEMENT, VAULT, DATABRICKS)
        self._headers = {scope: {"Authorization": f"Bearer {_token(scope)}"} for scope in scopes}

    def call(self, method: str, url: str, body: Any = None, more: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON. more: headers. Raises AssertionError for an error status."""
        headers = self._headers[_scope(str(urlsplit(url).hostname))]
        if more or body is not None:
            headers = {**headers, "Content-Type": "application/json", **(more or {})}
        data = None if body is None else json.dumps(body)
        answer = self._http.request(method, url, body=data, headers=headers)
        assert answer.status < 300, f"{method} {url}: {answer.status} {answer.data[:300]!r}"
        return json.loads(answer.data or b"null")

    def token(self, scope: str) -> str:
        return self._headers[scope]["Authorization"].removeprefix("Bearer ")


def _scope(host: str) -> str:
    if host.endswith(".vault.azure.net"):
        return VAULT
    return DATABRICKS if host.endswith(".azuredatabricks.net") else MANAGEMENT


def _token(scope: str) -> str:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential().get_token(scope).token
