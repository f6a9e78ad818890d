"""A key vault's secret as its API shows it, in the form of specs, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.providers.deployment import MARK

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretProperties

TOKEN_ID = "databricks-token"
"""The tag that holds the id of the Databricks token that a secret is."""
OWN_TAGS = (MARK, TOKEN_ID)
CLEARED = ("contentType", "expires", "notBefore")
"""What an update of properties can set and not take away: that takes a new version
(https://learn.microsoft.com/rest/api/keyvault/secrets/update-secret)."""


@dataclass(frozen=True)
class Newest:
    """The newest version of a secret. value: None where it is disabled and so cannot be read."""

    properties: SecretProperties
    value: str | None = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.properties.id or "")


def version_of(id_: str) -> str:
    """The version in an id `https://VAULT.vault.azure.net/secrets/NAME/VERSION`; "" where it has none."""
    return id_.partition("/secrets/")[2].partition("/")[2]


def spec_of(properties: SecretProperties) -> dict[str, Any]:
    """What stands beside the value, without our own tags."""
    said = {
        "contentType": properties.content_type,
        "expires": _text(properties.expires_on),
        "notBefore": _text(properties.not_before),
        "tags": {name: text for name, text in (properties.tags or {}).items() if name not in OWN_TAGS}
        or None,
    }
    told = {name: value for name, value in said.items() if value is not None}
    return {"enabled": properties.enabled is not False, **told}


def fields_of(spec: Mapping[str, Any], environment: str, token: str = "") -> dict[str, Any]:
    """What a write sends beside the value; with our mark, and the id of the token that it is."""
    said = {
        "content_type": spec.get("contentType"),
        "expires_on": _time(spec.get("expires")),
        "not_before": _time(spec.get("notBefore")),
    }
    told = {name: value for name, value in said.items() if value is not None}
    tags = {**(spec.get("tags") or {}), MARK: environment, **({TOKEN_ID: token} if token else {})}
    return {"enabled": spec.get("enabled", True), "tags": tags, **told}


def stamp_of(properties: SecretProperties) -> dict[str, Any]:
    """What the list shows of the last write: seconds since 1970, and the token that it is."""
    at, token = properties.updated_on, token_of(properties)
    return {"updated": int(at.timestamp()) if at is not None else 0, **({"token": token} if token else {})}


def token_of(properties: SecretProperties) -> str:
    """The id of the Databricks token that it is; "" where it is none."""
    return str((properties.tags or {}).get(TOKEN_ID, ""))


def mark_of(properties: SecretProperties) -> str:
    """The environment whose mark it bears."""
    return str((properties.tags or {}).get(MARK, ""))


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
