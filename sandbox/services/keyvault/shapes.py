"""Secrets as the data plane answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Response, arm_error
from sandbox.services.keyvault.limits import throttled
from sandbox.services.keyvault.secrets import RETENTION

Document = dict[str, Any]


def error(fault: CloudError) -> Response:
    """As ARM's, but the service has a code of its own for one request too many, also for one asked for."""
    if fault.status == 429:
        fault = throttled(fault.headers)
    return arm_error(fault)


def bundle(
    vault: Mapping[str, Any], secret: Mapping[str, Any], version: Mapping[str, Any], value: bool
) -> Document:
    """One version with its id; `value` says whether the value is shown."""
    shown: Document = {"value": version["value"]} if value else {}
    return {**shown, **item(vault, secret, version, f"{_uri(vault, secret)}/{version['version']}")}


def item(
    vault: Mapping[str, Any], secret: Mapping[str, Any], version: Mapping[str, Any], identifier: str
) -> Document:
    """One line of a list."""
    shown: Document = (
        {"contentType": version["contentType"]} if version.get("contentType") is not None else {}
    )
    shown |= {"id": identifier, "attributes": {**version["attributes"], **_recovery(vault)}}
    if version.get("tags") is not None:
        shown["tags"] = version["tags"]
    return shown


def newest(vault: Mapping[str, Any], secret: Mapping[str, Any]) -> Document:
    """A secret in the list of a vault's secrets: without a version in its id."""
    return item(vault, secret, secret["versions"][-1], _uri(vault, secret))


def gone(vault: Mapping[str, Any], secret: Mapping[str, Any], listed: bool = False) -> Document:
    """A deleted secret; in a list its id has no version."""
    version = secret["versions"][-1]
    body = newest(vault, secret) if listed else bundle(vault, secret, version, value=False)
    recovery = f"{vault['properties']['vaultUri']}deletedsecrets/{secret['name']}"
    return {"recoveryId": recovery, **secret["deleted"], **body}


def days(vault: Mapping[str, Any]) -> int:
    """How long the vault keeps what was deleted."""
    kept: int = vault["properties"].get("softDeleteRetentionInDays", RETENTION)
    return kept


def _recovery(vault: Mapping[str, Any]) -> Document:
    customized = "Customized" if days(vault) != RETENTION else ""
    purgeable = "" if vault["properties"].get("enablePurgeProtection") else "+Purgeable"
    return {"recoveryLevel": f"{customized}Recoverable{purgeable}", "recoverableDays": days(vault)}


def _uri(vault: Mapping[str, Any], secret: Mapping[str, Any]) -> str:
    return f"{vault['properties']['vaultUri']}secrets/{secret['name']}"
