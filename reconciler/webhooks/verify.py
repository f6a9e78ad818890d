"""Who posted: an HMAC of the body (GitHub), or a password (Azure DevOps). Compared in constant time.

Several secrets hold at once, so that one can be replaced without a gap."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

PREFIX = "sha256="


def signed(secrets: Iterable[str], body: bytes, header: str) -> bool:
    """Whether a header `X-Hub-Signature-256` is that of the body under one of the secrets.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    said = header.encode(errors="replace")
    made = [(PREFIX + hmac.digest(s.encode(), body, "sha256").hex()).encode() for s in secrets if s]
    return any(hmac.compare_digest(each, said) for each in made)


def basic(secrets: Iterable[str], header: str) -> bool:
    """Whether a header `Authorization` is basic, with one of the secrets as the password of any user name."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return bool(colon) and any(hmac.compare_digest(s.encode(), password) for s in secrets if s)
