"""The client for workspaces: how often it signs in."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity import ManagedIdentityCredential
from support.databricks import RESOURCE_ID, Workspace
from support.sandbox import Sandbox

from reconciler.providers.workspace import LOGIN_APP, MANAGEMENT, Place, Workspaces


class Slow:
    """A credential that keeps no token, as that of `az login`; what it gives lasts for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, Counter[str]()

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked.update(scopes)
        token = ManagedIdentityCredential().get_token(*scopes).token
        return AccessToken(token, int(time.time() + self.seconds))


def test_a_token_is_asked_for_once_while_it_lasts(sandbox: Sandbox) -> None:
    """One that is about to expire is not used again."""
    made = Workspace.make(sandbox)
    place = Place(made.host, RESOURCE_ID)
    for seconds, times in ((3600.0, 1), (60.0, 3)):
        credential = Slow(seconds)
        client = Workspaces(credential, Counter())
        for _ in range(3):
            client.call(place, "GET", "/api/2.0/secrets/scopes/list")
        assert credential.asked == {LOGIN_APP: times, MANAGEMENT: times}
