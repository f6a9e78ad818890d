"""Blobs as an account keeps them. Knows nothing of HTTP and of rights.

Containers are the documents of ARM (`Microsoft.Storage/storageAccounts/blobServices/containers`): one truth
for both.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from sandbox.world import World

BLOBS = "storage.blobs"

Document = dict[str, Any]


def put(
    world: World, account: str, container: str, name: str, content: bytes, headers: Mapping[str, str]
) -> Document:
    """Replace a blob. `headers` are those to keep: its content type, encoding, metadata."""
    document: Document = {
        "name": name,
        "content": base64.b64encode(content).decode(),
        "size": len(content),
        "md5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        "headers": dict(headers),
        "etag": etag(world.now(), name),
        "modified": format_datetime(world.now(), usegmt=True),
    }
    world.store.put(BLOBS, _key(account, container, name), document)
    return document


def get(world: World, account: str, container: str, name: str) -> Document | None:
    return world.store.get(BLOBS, _key(account, container, name))


def content(document: Mapping[str, Any]) -> bytes:
    return base64.b64decode(document["content"])


def delete(world: World, account: str, container: str, name: str) -> None:
    world.store.delete(BLOBS, _key(account, container, name))


def listed(world: World, account: str, container: str, prefix: str = "") -> Iterator[Document]:
    """Blobs by name."""
    for _, document in world.store.items(BLOBS, _key(account, container, prefix)):
        yield document


def forget(world: World, account: str, container: str | None = None) -> None:
    """Remove all blobs of a container, or of the whole account."""
    prefix = f"{account.lower()}/" if container is None else f"{account.lower()}/{container}/"
    for key in world.store.keys(BLOBS, prefix):
        world.store.delete(BLOBS, key)


def etag(now: datetime, name: str) -> str:
    return f'"0x{hashlib.sha256(f"{name}{now}".encode()).hexdigest()[:15].upper()}"'


def _key(account: str, container: str, name: str) -> str:
    return f"{account.lower()}/{container}/{name}"
