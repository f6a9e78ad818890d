"""Databricks tokens that are kept in a key vault: minted by our own identity, renewed in time, then revoked.

A token's comment names the environment and the secret that it is for: so one that a crash left behind is
found, and goes with the older ones (https://docs.databricks.com/api/azure/workspace/tokens). The secret bears
the token's id as a tag."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import NotFound, Unreachable
from reconciler.providers.azure import Arm
from reconciler.providers.workspace import Place, Workspaces
from reconciler.redaction import remember
from reconciler.resource import Key
from reconciler.secrets import NOTHING, token_times

API = "/api/2.0/token"
WORKSPACES = "2024-05-01"
"""API version by which Azure Resource Manager is asked whether a workspace is there."""
RENEW, REVOKE = "renew", "revoke"
"""What can be due, as the first word of the text that tells it."""
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Minted:
    id: str
    expires: datetime
    value: str = field(repr=False)


class Tokens:
    """The tokens of one environment's secrets. Safe under threads. Raises CloudError and its kinds."""

    def __init__(self, workspaces: Workspaces, arm: Arm, environment: str) -> None:
        self._workspaces, self._arm, self._environment = workspaces, arm, environment
        self._listed: dict[Place, list[Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def look(self) -> None:
        """Forget what was seen: the next question lists the tokens again, once for each workspace."""
        self._listed.clear()

    def of(self, at: Mapping[str, Any], key: Key) -> dict[str, datetime]:
        """The tokens for one secret: when they expire, by id."""
        mine = [each for each in self._all(Place.of(at)) if self._is_for(each, key)]
        return {str(each["token_id"]): _expiry(each) for each in mine}

    def due(self, at: Mapping[str, Any], key: Key, source: str, id_: str, *, followed: bool) -> str:
        """What is due for a secret that holds the token with this id; NOTHING where nothing is.

        followed: whether all that copies the secret has its newest value: before that, none is revoked."""
        found = self.of(at, key)
        expires = found.pop(id_, None)
        if expires is None:
            return f"{RENEW}: the token in the vault is not one that we made and nobody revoked"
        if expires - self._arm.now() <= token_times(source)[1]:
            return f"{RENEW}: before it expires on {expires:%Y-%m-%d %H:%M} UTC"
        if found and followed:
            return f"{REVOKE}: {len(found)} older token{'s' if len(found) > 1 else ''}"
        return NOTHING

    def mint(self, at: Mapping[str, Any], key: Key, source: str, run: str) -> Minted:
        """Make one. Not repeatable: a token whose answer was lost is revoked as an older one later."""
        lifetime, _ = token_times(source)
        body = {"lifetime_seconds": int(lifetime.total_seconds()), "comment": f"{self._prefix(key)}{run}"}
        answer = self._workspaces.call(
            Place.of(at), "POST", f"{API}/create", body=body, where=str(key), repeatable=False
        )
        told = answer["token_info"]
        return Minted(str(told["token_id"]), _expiry(told), remember(str(answer["token_value"])))

    def revoke(self, at: Mapping[str, Any], key: Key, id_: str) -> None:
        with suppress(NotFound):
            self._workspaces.call(
                Place.of(at), "POST", f"{API}/delete", body={"token_id": id_}, where=str(key)
            )

    def keep(self, at: Mapping[str, Any], key: Key, id_: str = "") -> None:
        """Revoke all tokens for one secret but the one with this id. A workspace that has gone has none."""
        self.look()
        try:
            for each in self.of(at, key):
                if each != id_:
                    self.revoke(at, key, each)
        except Unreachable:
            if not self._gone(Place.of(at)):
                raise

    def _all(self, place: Place) -> list[Mapping[str, Any]]:
        with self._lock:
            if place not in self._listed:
                answer = self._workspaces.call(place, "GET", f"{API}/list")
                self._listed[place] = list(answer.get("token_infos") or ())
            return self._listed[place]

    def _is_for(self, token: Mapping[str, Any], key: Key) -> bool:
        return str(token.get("comment", "")).startswith(self._prefix(key))

    def _prefix(self, key: Key) -> str:
        return f"reconciler {self._environment}/{key.scope.lower()}/{key.name.lower()} "

    def _gone(self, place: Place) -> bool:
        """Whether Azure says that there is no such workspace: its host does not answer then."""
        if not place.resource_id:
            return False
        try:
            self._arm.call("GET", place.resource_id, WORKSPACES)
        except NotFound:
            return True
        return False


def _expiry(told: Mapping[str, Any]) -> datetime:
    """Milliseconds since 1970; none or less where it does not expire."""
    time = int(told.get("expiry_time") or -1)
    return datetime.fromtimestamp(time / 1000, UTC) if time > 0 else FOREVER
