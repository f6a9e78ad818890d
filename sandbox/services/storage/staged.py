"""Data that was appended over dfs and not flushed yet: a file per piece, named by its position.

Pieces may come in any order (clients send them side by side); a flush joins them to what the blob holds.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from sandbox.service import CloudError
from sandbox.services.storage import blobs, files
from sandbox.world import World

Document = dict[str, Any]


def append(world: World, account: str, container: str, name: str, position: int, content: bytes) -> None:
    """Keep `content` until it is flushed."""
    files.write(world, _folder(world, account, container, name) / str(position), content)


def flush(world: World, account: str, container: str, before: Document, position: int) -> Document:
    """The blob made `position` bytes long by the pieces. Raises 400 InvalidFlushPosition.

    `before` is its entry; a flush of nothing leaves the blob as it is.
    """
    name, at = before["name"], _folder(world, account, container, before["name"])
    pieces = sorted(at.iterdir(), key=lambda piece: int(piece.name)) if at.is_dir() else []
    pieces = [piece for piece in pieces if int(piece.name) < position]
    end = before["size"]
    for piece in pieces:
        if int(piece.name) != end:
            raise _not_contiguous()
        end += piece.stat().st_size
    if end != position:
        raise _not_contiguous()
    if not pieces:
        return before
    joined = files.spare(world)
    with joined.open("wb") as out:
        for source in ([blobs.file(world, account, container, name)] if before["size"] else []) + pieces:
            with source.open("rb") as part:
                shutil.copyfileobj(part, out)
    document = blobs.adopt(world, account, container, name, joined, before["headers"])
    forget(world, account, container, name)
    return document


def forget(world: World, account: str, container: str, name: str) -> None:
    """Drop what was not flushed: the blob is written anew or gone."""
    files.remove(_folder(world, account, container, name))


def _folder(world: World, account: str, container: str, name: str) -> Path:
    key = hashlib.sha256(f"{account.lower()}/{container}/{name}".encode()).hexdigest()
    return files.top(world) / ".staged" / key


def _not_contiguous() -> CloudError:
    return CloudError(
        400,
        "InvalidFlushPosition",
        "The uploaded data is not contiguous or the position query parameter value is not equal to the "
        "length of the file after appending the uploaded data.",
    )
