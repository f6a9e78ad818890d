"""How long an answer is waited for: a minute, whichever SDK asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest
from requests.adapters import BaseAdapter

from reconciler.errors import ReconcilerError
from reconciler.providers import connections
from reconciler.providers.session import Session
from reconciler.providers.workspace import Place, Workspaces

MINUTE = 60.0
ARM = "https://management.azure.com/subscriptions?api-version=2022-12-01"


class Silent(BaseAdapter):
    """Never answers, and keeps how long was to be waited for each answer."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def send(self, request: Any, *_: Any, timeout: Any = None, **__: Any) -> Any:
        self.waits.append(timeout[1] if isinstance(timeout, tuple) else timeout)
        raise requests.ReadTimeout("no answer", request=request)

    def close(self) -> None:
        return


class Token:
    """Signs in to nothing."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("t", int(time.time()) + 3600)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Silent:
    """Clients that are made now: those that are kept may have been told otherwise."""
    made = Silent()
    for kept in (connections._transport, connections._management, connections._secrets):
        kept.cache_clear()
    monkeypatch.setattr(Session, "get_adapter", lambda *_: made)
    return made


CLIENTS: dict[str, Callable[[], object]] = {
    "Resource Manager": lambda: connections.management(Token()).send_request(HttpRequest("GET", ARM)),
    "a vault": lambda: connections.secrets(Token(), "https://kv.vault.azure.net").get_secret("name"),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_an_answer_of_azure_is_waited_for_for_a_minute(silent: Silent, name: str) -> None:
    """docs/reliability.md says so, and a tick of eight minutes has room for some."""
    with pytest.raises(AzureError):
        CLIENTS[name]()
    assert silent.waits == [MINUTE], "and the SDK asks once: retries are ours"


def test_an_answer_of_a_workspace_is_waited_for_for_a_minute(silent: Silent) -> None:
    """The SDK's own measure is five minutes, five times over: longer than a tick."""
    place = Place("adb-1.1.azuredatabricks.net", "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w")
    with pytest.raises(ReconcilerError):
        Workspaces(Token(), Counter()).call(place, "POST", "/api/2.1/jobs/create", repeatable=False)
    assert silent.waits == [MINUTE], "and a write without an answer is not made again"
