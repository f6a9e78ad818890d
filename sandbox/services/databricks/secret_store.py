"""Secret scopes and their secrets as a workspace keeps them. Knows nothing of HTTP and of rights.

Names of scopes and keys do not regard case. A scope of a key vault holds nothing itself: its secrets are the
vault's. The field `secret` is masked wherever the sandbox shows its state.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from sandbox.services.databricks import errors, hosts
from sandbox.services.keyvault import secrets as vault_secrets
from sandbox.world import World

SCOPES = "databricks.scopes"
SECRETS = "databricks.secrets"
# docs.databricks.com, "Secret management", limits.
_MAX_SCOPES, _MAX_SECRETS, _MAX_BYTES = 100, 1000, 128 * 1024
_NAME = re.compile(r"[\w.@-]{1,128}", re.ASCII)

Document = dict[str, Any]


def scope(world: World, host: str, name: str) -> Document | None:
    """`{"name", "backend_type", "keyvault_metadata"?, "acls": {principal: READ | WRITE | MANAGE}}`."""
    return world.store.get(SCOPES, f"{host}/{name.lower()}")


def load_scope(world: World, host: str, name: str) -> Document:
    """As ``scope``; raises 404 RESOURCE_DOES_NOT_EXIST."""
    document = scope(world, host, name)
    if document is None:
        raise errors.missing(f"Scope {name} does not exist!")
    return document


def scopes(world: World, host: str) -> Iterator[Document]:
    """All scopes, by name."""
    for _, document in world.store.items(SCOPES, f"{host}/"):
        yield document


def create_scope(world: World, host: str, document: Document) -> None:
    """Keep a new scope. Raises 400 for a bad or taken name and over the limit."""
    name = document["name"]
    _check_name("Scope name", name)
    if scope(world, host, name) is not None:
        raise errors.refusal("RESOURCE_ALREADY_EXISTS", f"Scope {name} already exists!")
    if len(world.store.keys(SCOPES, f"{host}/")) >= _MAX_SCOPES:
        message = f"The workspace has the maximum of {_MAX_SCOPES} secret scopes."
        raise errors.refusal("RESOURCE_LIMIT_EXCEEDED", message)
    save_scope(world, host, document)


def save_scope(world: World, host: str, document: Document) -> None:
    world.store.put(SCOPES, f"{host}/{document['name'].lower()}", document)


def delete_scope(world: World, host: str, name: str) -> None:
    """Remove a scope with its secrets and permissions; a vault behind it stays as it is."""
    load_scope(world, host, name)
    for key in world.store.keys(SECRETS, f"{host}/{name.lower()}/"):
        world.store.delete(SECRETS, key)
    world.store.delete(SCOPES, f"{host}/{name.lower()}")


def put(world: World, host: str, name: str, key: str, value: str | bytes) -> None:
    """Write a secret of a Databricks-backed scope, text or bytes. Raises 400 and 404."""
    _own(world, host, name)
    _check_name("Secret key", key)
    content = value.encode() if isinstance(value, str) else value
    if len(content) > _MAX_BYTES:
        message = f"The secret value is {len(content)} bytes; the maximum is {_MAX_BYTES} bytes."
        raise errors.bad(message)
    place = _place(host, name, key)
    before = world.store.get(SECRETS, place)
    if before is None and len(world.store.keys(SECRETS, f"{host}/{name.lower()}/")) >= _MAX_SECRETS:
        message = f"Scope {name} has the maximum of {_MAX_SECRETS} secrets."
        raise errors.refusal("RESOURCE_LIMIT_EXCEEDED", message)
    document = {
        "key": before["key"] if before else key,
        "secret": base64.b64encode(content).decode(),
        "is_text": isinstance(value, str),
        "last_updated_timestamp": hosts.millis(world),
    }
    world.store.put(SECRETS, place, document)


def delete(world: World, host: str, name: str, key: str) -> None:
    """Remove a secret of a Databricks-backed scope. Raises 400 and 404."""
    _own(world, host, name)
    place = _place(host, name, key)
    if world.store.get(SECRETS, place) is None:
        raise no_secret(name, key)
    world.store.delete(SECRETS, place)


def listed(world: World, host: str, name: str) -> list[Document]:
    """`{"key", "last_updated_timestamp"}` of each secret, by key; never a value."""
    document = load_scope(world, host, name)
    if document["backend_type"] == "AZURE_KEYVAULT":
        return [
            {
                "key": one["name"],
                "last_updated_timestamp": one["versions"][-1]["attributes"]["updated"] * 1000,
            }
            for one in vault_secrets.listed(world, _vault(document))
        ]
    found = (one for _, one in world.store.items(SECRETS, f"{host}/{name.lower()}/"))
    return [{"key": one["key"], "last_updated_timestamp": one["last_updated_timestamp"]} for one in found]


def value(world: World, host: str, scope_name: str, key: str) -> str | bytes | None:
    """A secret's value as it was put, text or bytes; None when there is no such scope or secret.

    Also of a scope of a key vault: then the newest version of the vault's secret.
    """
    document = scope(world, host, scope_name)
    if document is None:
        return None
    if document["backend_type"] == "AZURE_KEYVAULT":
        secret = vault_secrets.live(world, _vault(document), key)
        return str(secret["versions"][-1]["value"]) if secret else None
    kept = world.store.get(SECRETS, _place(host, scope_name, key))
    if kept is None:
        return None
    content = base64.b64decode(kept["secret"])
    return content.decode() if kept["is_text"] else content


def no_secret(name: str, key: str) -> Exception:
    """404 in the words that `dbutils` shows too."""
    return errors.missing(f"Secret does not exist with scope: {name} and key: {key}.")


def _own(world: World, host: str, name: str) -> None:
    if load_scope(world, host, name)["backend_type"] == "AZURE_KEYVAULT":
        message = f"Scope {name} is backed by an Azure Key Vault: its secrets are written in the vault."
        raise errors.refusal("BAD_REQUEST", message)


def _vault(document: Document) -> str:
    return str(document["keyvault_metadata"]["resource_id"]).rstrip("/").rsplit("/", 1)[-1]


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = (
            f"{what} must be non-empty, consist of alphanumeric characters, dashes, underscores, @ and "
            "periods, and may not exceed 128 characters."
        )
        raise errors.bad(message)


def _place(host: str, name: str, key: str) -> str:
    return f"{host}/{name.lower()}/{key.lower()}"
