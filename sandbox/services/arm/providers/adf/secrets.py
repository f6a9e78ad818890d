"""Secrets as the service shows them: a SecureString as stars, or not at all beside an `encryptedCredential`;
a plain connection string without its key (all three recorded)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.providers import forms

MASK = "**********"

_KEY = re.compile(r"(AccountKey|SharedAccessKey|Password|Pwd)\s*=[^;]*;?", re.IGNORECASE)
# Linked services that drop their SecureStrings instead of masking them (recorded of this one type).
_DROPPING = ("AzureBlobFS",)


def masked(value: Any) -> Any:
    """A JSON value as it comes back. A parameter of type SecureString has no value to hide."""
    if isinstance(value, Mapping):
        if _secure(value):
            return {**value, "value": MASK}
        return {k: _connection(v) if k.lower() == "connectionstring" else masked(v) for k, v in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def linked_service(target: ResourceId, sent: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The properties of a linked service as they come back."""
    properties: dict[str, Any] = masked(sent)
    if not _holds_secret(sent):
        return properties
    own = dict(properties.get("typeProperties") or {})
    if sent.get("type") in _DROPPING:
        own = {key: value for key, value in own.items() if not _secure(value)}
    if not own.get("encryptedCredential"):
        own["encryptedCredential"] = base64.b64encode(
            forms.guid("credential", target.id, now).encode()
        ).decode()
    return {**properties, "typeProperties": own}


def _secure(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "SecureString" and "value" in value


def _connection(value: Any) -> Any:
    return _KEY.sub("", value) if isinstance(value, str) else masked(value)


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _secure(value) or any(_holds_secret(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in value)
