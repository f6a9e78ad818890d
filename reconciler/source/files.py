"""The files of one commit on disk: written once, read-only, and verified against the ids Git gave them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reconciler.within import within

LINK = "120000"
EXECUTABLE = "100755"
NAMED = 5
"""How many file names a message tells before it says "and N more"."""


@dataclass(frozen=True)
class Blob:
    """A file or a symbolic link of a commit: Git's mode, the id of its content, and its path."""

    mode: str
    id: str
    path: str


def some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def write(root: Path, blob: Blob, content: IO[bytes], size: int) -> None:
    """Write one blob, the next `size` bytes. Raises OSError where something is there already."""
    path = root / blob.path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if blob.mode == LINK:
        path.symlink_to(os.fsdecode(content.read(size)))
        return
    with path.open("xb") as file:
        while size and (piece := content.read(min(size, 1 << 20))):
            file.write(piece)
            size -= len(piece)
        os.fchmod(file.fileno(), 0o555 if blob.mode == EXECUTABLE else 0o444)


def escaping(root: Path, blobs: Sequence[Blob]) -> tuple[str, ...]:
    """The links that lead out of the folder, also by way of other links."""
    links = (blob.path for blob in blobs if blob.mode == LINK)
    return tuple(link for link in links if not within(root / link, root))


def intact(root: Path, blobs: Sequence[Blob]) -> bool:
    """Whether a folder holds just these files, each with the content that its id names."""
    if not root.is_dir():
        return False
    expected = {root / blob.path: blob for blob in blobs}
    return set(_walk(root)) == expected.keys() and all(_holds(path, blob) for path, blob in expected.items())


def _walk(root: Path) -> Iterator[Path]:
    """Files and links below a folder; links are not followed."""
    for folder, folders, files in os.walk(root):
        base = Path(folder)
        yield from (base / name for name in files)
        yield from (base / name for name in folders if (base / name).is_symlink())


def _holds(path: Path, blob: Blob) -> bool:
    if path.is_symlink() != (blob.mode == LINK):
        return False
    content = os.fsencode(path.readlink()) if blob.mode == LINK else path.read_bytes()
    algorithm = "sha256" if len(blob.id) == 64 else "sha1"
    named = hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return named.hexdigest() == blob.id


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One at a time. The lock of a process that died is free."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def seal(root: Path) -> None:
    """Make the folders below `root` read-only; the files are already."""
    for folder, _, _ in os.walk(root):
        if Path(folder) != root:
            Path(folder).chmod(0o555)


def remove(root: Path) -> None:
    """Remove a folder, also a read-only one; one that is gone already is fine."""
    for folder, folders, _ in os.walk(root):
        for path in (Path(folder), *(Path(folder) / name for name in folders)):
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(root, ignore_errors=True)
