"""Secrets as the vaults keep them: versions, attributes, deletion, recovery.

One document per secret, by `vault/name` in small letters, with all its versions; the newest is last. Both the
data plane and `Microsoft.KeyVault/vaults/secrets` in ARM write through here. Knows nothing of HTTP and of
rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sandbox.service import CloudError
from sandbox.world import World

SECRETS = "keyvault.secrets"
RETENTION = 90  # days, when a vault does not say
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_MAX_VALUE = 25 * 1024
_MAX_TAGS = 15

Document = dict[str, Any]


def live(world: World, vault: str, name: str) -> Document | None:
    """The secret, None when there is none or it is deleted."""
    found = world.store.get(SECRETS, _key(vault, name))
    return found if found and not found["deleted"] else None


def get(world: World, vault: str, name: str) -> Document:
    """The secret; raises 404 SecretNotFound."""
    found = live(world, vault, name)
    if found is None:
        raise not_found(name)
    return found


def deleted(world: World, vault: str, name: str) -> Document:
    """The deleted secret; raises 404 SecretNotFound. One whose purge date has passed is gone."""
    found = world.store.get(SECRETS, _key(vault, name))
    if found and found["deleted"] and not _expired(world, found):
        return found
    raise CloudError(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def version(document: Mapping[str, Any], wanted: str | None) -> Document:
    """One version, the newest for None or an empty text; raises 404 SecretNotFound."""
    versions: list[Document] = document["versions"]
    if not wanted:
        return versions[-1]
    found = next((one for one in versions if one["version"] == wanted.lower()), None)
    if found is None:
        raise not_found(f"{document['name']}/{wanted}")
    return found


def listed(world: World, vault: str, gone: bool = False) -> Iterator[Document]:
    """The live (or the deleted) secrets of a vault, by name."""
    for _, document in world.store.items(SECRETS, f"{vault.lower()}/"):
        if bool(document["deleted"]) == gone and not (gone and _expired(world, document)):
            yield document


def put(world: World, vault: str, name: str, body: Mapping[str, Any]) -> Document:
    """Add a version; `body` is as the data plane takes it. Raises 400 BadParameter, 409 Conflict."""
    if not _NAME.fullmatch(name):
        raise bad(f"The request URI contains an invalid name: {name}")
    value, tags = body.get("value"), body.get("tags")
    if not isinstance(value, str):
        raise bad(
            "Property value is required and must be a string" if value is None else "Invalid value for value"
        )
    if len(value.encode()) > _MAX_VALUE:
        raise bad(f"The secret value is too large, it must be smaller than or equal to {_MAX_VALUE} bytes.")
    _check_tags(tags)
    kept = world.store.get(SECRETS, _key(vault, name))
    if kept and kept["deleted"]:
        if not _expired(world, kept):
            raise CloudError(
                409,
                "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be "
                "reused; in this "
                "state, the secret can only be recovered or purged.",
                extra={"innererror": {"code": "ObjectIsDeletedButRecoverable"}},
            )
        kept = None
    now = _epoch(world.now())
    document = kept or {"vault": vault.lower(), "name": name, "versions": [], "deleted": None}
    made = {
        "version": uuid4().hex,
        "value": value,
        "contentType": body.get("contentType"),
        "tags": tags,
        "attributes": {"enabled": True, **attributes(body), "created": now, "updated": now},
    }
    document["versions"].append(made)
    world.store.put(SECRETS, _key(vault, name), document)
    return document


def update(world: World, vault: str, name: str, wanted: str | None, body: Mapping[str, Any]) -> Document:
    """Change attributes, tags or content type of one version; answers that version."""
    document = get(world, vault, name)
    one = version(document, wanted)
    _check_tags(body.get("tags"))
    one["attributes"] |= {**attributes(body), "updated": _epoch(world.now())}
    for key in ("tags", "contentType"):
        if body.get(key) is not None:
            one[key] = body[key]
    world.store.put(SECRETS, _key(vault, name), document)
    return one


def delete(world: World, vault: str, name: str, days: int) -> Document:
    """Move it among the deleted for `days`."""
    document = get(world, vault, name)
    now = world.now()
    document["deleted"] = {
        "deletedDate": _epoch(now),
        "scheduledPurgeDate": _epoch(now + timedelta(days=days)),
    }
    world.store.put(SECRETS, _key(vault, name), document)
    return document


def recover(world: World, vault: str, name: str) -> Document:
    """Take it back. Raises 400 MethodNotAllowed when it is not deleted."""
    if live(world, vault, name):
        raise CloudError(
            400,
            "MethodNotAllowed",
            f"Secret exists already: {name}",
            extra={"innererror": {"code": "RequestNotAllowedOnNonDeletedObject"}},
        )
    document = deleted(world, vault, name)
    document["deleted"] = None
    world.store.put(SECRETS, _key(vault, name), document)
    return document


def purge(world: World, vault: str, name: str) -> None:
    """Forget a deleted secret for good."""
    deleted(world, vault, name)
    world.store.delete(SECRETS, _key(vault, name))


def purge_vault(world: World, vault: str) -> None:
    """Forget all that a vault held."""
    for key in world.store.keys(SECRETS, f"{vault.lower()}/"):
        world.store.delete(SECRETS, key)


def attributes(body: Mapping[str, Any]) -> Document:
    """The attributes that were sent, checked; raises 400 BadParameter."""
    sent = body.get("attributes") or {}
    if not isinstance(sent, Mapping) or not isinstance(sent.get("enabled", True), bool):
        raise bad("Invalid value for attributes")
    if not all(isinstance(sent.get(key, 0), int) for key in ("nbf", "exp") if sent.get(key) is not None):
        raise bad("Invalid value for attributes")
    return {key: sent[key] for key in ("enabled", "nbf", "exp") if sent.get(key) is not None}


def bad(message: str) -> CloudError:
    return CloudError(400, "BadParameter", message)


def not_found(name: str) -> CloudError:
    return CloudError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this "
        "secret you may be "
        "able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def _check_tags(tags: Any) -> None:
    texts = (
        isinstance(tags, Mapping)
        and all(isinstance(v, str) for v in tags.values())
        and len(tags) <= _MAX_TAGS
    )
    if tags is not None and not texts:
        raise bad("Invalid value for tags")


def _expired(world: World, document: Mapping[str, Any]) -> bool:
    return bool(_epoch(world.now()) >= document["deleted"]["scheduledPurgeDate"])


def _epoch(at: datetime) -> int:
    return int(at.timestamp())


def _key(vault: str, name: str) -> str:
    return f"{vault.lower()}/{name.lower()}"
