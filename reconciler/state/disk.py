"""Files that survive a crash: written whole or not at all, and forced to the disk."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import StateError


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that end. What comes after the last end was being written when its writer died."""
    if not path.exists():
        return []
    return [line + b"\n" for line in path.read_bytes().split(b"\n")[:-1]]


def append(path: Path, size: int, line: bytes) -> None:
    """Cut a file to `size`, add a line, and force it to the disk; where that fails, cut it again."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(file, size)
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(file, line[written:], size + written)
            os.fdatasync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
    finally:
        os.close(file)


def replace(path: Path, content: bytes, lasting: bool = True) -> None:
    """Write a file whole or not at all, for good; not lasting: a power cut may take it."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        if lasting:
            stream.flush()
            os.fsync(stream.fileno())
    beside.rename(path)
    if not lasting:
        return
    with directory(path.parent) as folder:
        os.fsync(folder)


def same(file: int, path: Path) -> bool:
    """Whether the open file is still the one at the path: a lock file that was removed protects nothing."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


@contextmanager
def directory(folder: Path) -> Iterator[int]:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One reader or writer at a time, for the moment of one read or write."""
    with failing(folder), directory(folder) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def failing(path: Path) -> Iterator[None]:
    """What the disk refuses, as an error of ours."""
    try:
        yield
    except OSError as error:
        message = (
            f"cannot be read or written: {error.strerror or error}. Check the disk, the file's owner, and "
            "what RECONCILER_STATE or --state names: it is a folder."
        )
        raise StateError(message, where=str(error.filename or path)) from None
