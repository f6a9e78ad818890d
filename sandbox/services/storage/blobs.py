"""Blobs and directories as an account keeps them. Knows nothing of HTTP and of rights.

Containers are the documents of ARM (`Microsoft.Storage/storageAccounts/blobServices/containers`): one truth
for both. The bytes of blobs are plain files (`files.py`); what was sent with them (content type, metadata) is
kept in the store with a stamp of the file. A file that another process wrote has no document, or one whose
stamp is not its own: its etag and time come from the file then. Directories are real ones of an account with
a hierarchical namespace; in a flat one only those are shown that were made by name.

An entry has: name, directory, size, md5 (None when another process wrote it), headers, etag, modified.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from sandbox.services.storage import files
from sandbox.services.storage.files import folder
from sandbox.world import World

__all__ = [
    "adopt",
    "delete",
    "describe",
    "file",
    "folder",
    "forget",
    "forget_all",
    "get",
    "listed",
    "make",
    "make_directory",
    "put",
    "read",
    "rename",
]

BLOBS = "storage.blobs"

Document = dict[str, Any]


def make(world: World, account: str, container: str) -> None:
    """The folder of a new container."""
    files.make(folder(world, account, container))


def put(
    world: World, account: str, container: str, name: str, content: bytes, headers: Mapping[str, str]
) -> Document:
    """Replace a blob. `headers` are those to keep: its content type, encoding, metadata.

    Raises CloudError 400 InvalidResourceName, 409 PathConflict where a folder or a file is in the way.
    """
    path = files.path(world, account, container, name)
    md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    found = files.write(world, path, content)
    return _keep(world, account, container, name, found, {"md5": md5, "headers": dict(headers)})


def adopt(
    world: World, account: str, container: str, name: str, source: Path, headers: Mapping[str, str]
) -> Document:
    """Replace a blob by a file of ours, see `files.spare`. Raises as `put`."""
    found = files.move(source, files.path(world, account, container, name))
    return _keep(world, account, container, name, found, {"md5": None, "headers": dict(headers)})


def make_directory(
    world: World, account: str, container: str, name: str, headers: Mapping[str, str]
) -> Document:
    """A directory and those above it. Raises as `put`."""
    found = files.make(files.path(world, account, container, name))
    return _keep(world, account, container, name, found, {"md5": None, "headers": dict(headers)})


def get(world: World, account: str, container: str, name: str) -> Document | None:
    """The entry of a blob or directory, None without one. Raises CloudError as `files.path`."""
    found = files.status(files.path(world, account, container, name))
    document = world.store.get(BLOBS, _key(account, container, name))
    if found is None or (document is None and files.is_checksum(name)):
        return None
    return _entry(name, found, document)


def file(world: World, account: str, container: str, name: str) -> Path:
    """Where its bytes are. Raises CloudError as `files.path`."""
    return files.path(world, account, container, name)


def describe(world: World, account: str, container: str, name: str, headers: Mapping[str, str]) -> Document:
    """Replace the headers that are kept with a blob or directory that is there."""
    found = files.path(world, account, container, name).lstat()
    before = _entry(name, found, world.store.get(BLOBS, _key(account, container, name)))
    return _keep(world, account, container, name, found, {"md5": before["md5"], "headers": dict(headers)})


def read(
    world: World, account: str, container: str, name: str, first: int = 0, size: int | None = None
) -> bytes:
    """The blob's bytes, `size` from `first`."""
    return files.read(files.path(world, account, container, name), first, -1 if size is None else size)


def delete(world: World, account: str, container: str, name: str, hierarchical: bool) -> None:
    """Remove a blob, or a directory with all it holds. A flat account keeps no empty folders."""
    path = files.path(world, account, container, name)
    files.remove(path)
    for key in _keys(world, account, container, name):
        world.store.delete(BLOBS, key)
    if hierarchical:
        return
    at = folder(world, account, container)
    for empty in files.prune(path, at):
        if world.store.get(BLOBS, _key(account, container, str(empty.relative_to(at)))):
            return
        empty.rmdir()


def rename(world: World, account: str, source: tuple[str, str], target: tuple[str, str]) -> Document:
    """Move a blob, or a directory with all it holds; both are (container, name). Raises as `put`."""
    found = files.move(files.path(world, account, *source), files.path(world, account, *target))
    old, new = _key(account, *source), _key(account, *target)
    for key in _keys(world, account, *target):
        world.store.delete(BLOBS, key)
    for key in _keys(world, account, *source):
        moved = world.store.get(BLOBS, key) or {}
        world.store.delete(BLOBS, key)
        world.store.put(BLOBS, new + key[len(old) :], {**moved, "name": target[1] + key[len(old) :]})
    return _entry(target[1], found, world.store.get(BLOBS, new))


def listed(
    world: World, account: str, container: str, hierarchical: bool, prefix: str = ""
) -> list[Document]:
    """Blobs and directories whose names start with `prefix`, by name."""
    documents = dict(world.store.items(BLOBS, _key(account, container, prefix)))
    return sorted(
        _shown(world, account, container, hierarchical, prefix, documents), key=lambda e: str(e["name"])
    )


def _shown(
    world: World,
    account: str,
    container: str,
    hierarchical: bool,
    prefix: str,
    documents: Mapping[str, Document],
) -> Iterator[Document]:
    for name, found in files.walk(folder(world, account, container), prefix):
        document = documents.get(_key(account, container, name))
        if files.is_folder(found):
            wanted = hierarchical or document is not None
        else:
            wanted = document is not None or not files.is_checksum(name)
        if wanted:
            yield _entry(name, found, document)


def forget(world: World, account: str, container: str | None = None) -> None:
    """Remove all that a container holds, and the container's folder; or those of the whole account."""
    prefix = f"{account.lower()}/" if container is None else f"{account.lower()}/{container}/"
    for key in world.store.keys(BLOBS, prefix):
        world.store.delete(BLOBS, key)
    files.remove(
        files.top(world) / account.lower() if container is None else folder(world, account, container)
    )


def forget_all(world: World) -> None:
    """Of all accounts: a new world holds nothing."""
    files.remove(files.top(world))


def _keep(
    world: World, account: str, container: str, name: str, found: os.stat_result, more: Mapping[str, Any]
) -> Document:
    now = world.now()
    document: Document = {
        "name": name,
        "stamp": _stamp(found),
        "etag": _etag(name, now),
        "modified": format_datetime(now, usegmt=True),
        **more,
    }
    world.store.put(BLOBS, _key(account, container, name), document)
    return _entry(name, found, document)


def _entry(name: str, found: os.stat_result, document: Document | None) -> Document:
    directory = files.is_folder(found)
    if document is None or document["stamp"] != _stamp(found):
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
        document = {
            "name": name,
            "md5": None,
            "headers": {},
            "etag": _etag(name, _stamp(found)),
            "modified": format_datetime(modified, usegmt=True),
        }
    size = 0 if directory else found.st_size
    shown = {key: value for key, value in document.items() if key != "stamp"}
    return {**shown, "directory": directory, "size": size}


def _stamp(found: os.stat_result) -> list[int]:
    """What tells a file from another one of the same name; a folder's time changes with what it holds."""
    return [] if files.is_folder(found) else [found.st_mtime_ns, found.st_size]


def _etag(*parts: Any) -> str:
    return f'"0x{hashlib.sha256(repr(parts).encode()).hexdigest()[:15].upper()}"'


def _keys(world: World, account: str, container: str, name: str) -> list[str]:
    """Of the documents of a blob or directory and of all below it."""
    key = _key(account, container, name)
    return [*([key] if world.store.get(BLOBS, key) else []), *world.store.keys(BLOBS, f"{key}/")]


def _key(account: str, container: str, name: str) -> str:
    return f"{account.lower()}/{container}/{name}"
