"""The bytes of blobs as plain files: `<world.folder>/storage/ACCOUNT/CONTAINER/NAME`.

Other processes (Spark) read and write them there by path. A file appears whole or not at all: it is written
beside and renamed. Symbolic links and whatever is no plain file are as if they were not there, and no name
leads out of its container. Knows nothing of the store.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

from sandbox.service import CloudError

if TYPE_CHECKING:
    from sandbox.world import World

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]|\$root|\$web|\$logs")
_SEGMENT = 255  # bytes, what file systems take
_PATH = 1024  # characters of a blob's name
_UNSPEAKABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def top(world: World) -> Path:
    """The folder of all accounts."""
    return world.folder / "storage"


def folder(world: World, account: str, container: str) -> Path:
    """A container's folder; it is there while the container is. Raises ValueError for what is no name."""
    if not _ACCOUNT.fullmatch(account.lower()) or not _CONTAINER.fullmatch(container):
        raise ValueError(f"'{account}/{container}' is no account and container")
    return top(world) / account.lower() / container


def path(world: World, account: str, container: str, name: str) -> Path:
    """Where a blob's file is. Raises CloudError 400 for a name that cannot be a file's in its container."""
    parts = name.split("/")
    wrong = len(name) > _PATH or any(
        part in ("", ".", "..") or not _is_text(part) or len(part.encode()) > _SEGMENT for part in parts
    )
    if wrong:
        raise CloudError(
            400, "InvalidResourceName", "The specified resource name contains invalid characters."
        )
    at = folder(world, account, container)
    for part in parts:
        at = at / part
        if at.is_symlink():
            raise CloudError(409, "PathConflict", CONFLICT)
    return at


CONFLICT = (
    "The specified path, or an element of the path, exists and its resource type is invalid for this "
    "operation."
)


def status(file: Path) -> os.stat_result | None:
    """Of a plain file or folder; None for everything else."""
    try:
        found = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode) else None


def is_folder(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode)


def write(world: World, file: Path, content: bytes) -> os.stat_result:
    """Replace the file at once, making its folders. Raises CloudError 409 where something is in the way."""
    made = spare(world)
    try:
        made.write_bytes(content)
        return move(made, file)
    finally:
        made.unlink(missing_ok=True)


def spare(world: World) -> Path:
    """An empty file on the same file system, to be filled and moved."""
    beside = top(world) / ".new"
    beside.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(dir=beside)
    os.close(handle)
    return Path(name)


def move(source: Path, target: Path) -> os.stat_result:
    """Rename a file or a folder over a file or an empty place. Raises CloudError 409, see `write`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    except OSError as fault:
        raise _refused(fault) from None
    for moved in (source, target):
        checksum(moved).unlink(missing_ok=True)
    return target.lstat()


def make(file: Path) -> os.stat_result:
    """Make a folder and those above it. Raises CloudError 409, see `write`."""
    try:
        file.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _refused(fault) from None
    return file.lstat()


def _refused(fault: OSError) -> Exception:
    in_the_way = fault.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)
    return CloudError(409, "PathConflict", CONFLICT) if in_the_way else fault


def read(file: Path, first: int, size: int) -> bytes:
    """`size` bytes from `first`, fewer at the end."""
    with file.open("rb") as opened:
        opened.seek(first)
        return opened.read(size)


def remove(file: Path) -> None:
    """A file, or a folder with all it holds."""
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)
        checksum(file).unlink(missing_ok=True)


def prune(file: Path, keep: Path) -> Iterator[Path]:
    """The empty folders above `file` and below `keep`, from the lowest; each may be removed as it comes."""
    for above in file.parents:
        if above == keep or any(above.iterdir()):
            return
        yield above


def walk(start: Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Names and status of everything in the folder `start` whose name starts with `prefix`, in no order."""
    inside = [""]
    while inside:
        head = inside.pop()
        at = start / head if head else start
        try:
            found = [(one.name, one.stat(follow_symlinks=False)) for one in os.scandir(at)]
        except (FileNotFoundError, NotADirectoryError):
            continue  # Somebody else took it away while we looked.
        for last, seen in found:
            name = f"{head}/{last}" if head else last
            if not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)) or not _is_text(last):
                continue
            if name.startswith(prefix):
                yield name, seen
            if stat.S_ISDIR(seen.st_mode) and (name.startswith(prefix) or prefix.startswith(f"{name}/")):
                inside.append(name)


def _is_text(name: str) -> bool:
    """Without what XML and UTF-8 cannot say: control characters, single surrogates, U+FFFE."""
    return not _UNSPEAKABLE.search(name)


def checksum(file: Path) -> Path:
    """Hadoop's local file system keeps checksums beside; a stale one would make the file unreadable to it."""
    return file.with_name(f".{file.name}.crc")


def is_checksum(name: str) -> bool:
    """Whether a file is such a side file."""
    last = name.rpartition("/")[2]
    return last.startswith(".") and last.endswith(".crc") and len(last) > len("..crc")
