"""Where the paths of a workspace lie on this machine: `dbfs:/`, `/dbfs`, `/Volumes`, `/Workspace`, `abfss://`.

Spark's Java side reaches the same folders by mounts (`spark`); here is Python's: `open`, `os`, `pathlib`.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.kernel.channel import Channel, Refused

STORAGE = re.compile(r"(?:abfss?|wasbs?)://([^@/\s'\"`]+)@([^/\s'\"`:]+)(/[^'\"`\n]*)?")
# The functions of `os` whose first argument is a path; the second too of those in _TWO.
_ONE = ("stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "remove", "unlink", "open", "access")
_TWO = ("rename", "replace")


class Paths:
    """The folders that a run sees. ``storage`` answers the folder of an `abfss://` address, or raises."""

    def __init__(
        self,
        channel: Channel,
        dbfs: Path,
        volumes: Path,
        datasets: Path,
        scratch: Path,
        storage: Callable[[str, str, bool], Path],
    ) -> None:
        self._channel, self._scratch, self._storage = channel, scratch, storage
        self.mounts = {"/databricks-datasets": datasets, "/Volumes": volumes, "/": dbfs}

    def of(self, path: str, write: bool = False) -> Path:
        """The file behind a path as `dbutils.fs` and libraries name it; without a scheme, in `dbfs:/`."""
        if found := STORAGE.fullmatch(path):
            return _below(self._storage(found[1], found[2], write), found[3] or "/")
        if path.startswith("file:"):
            inner = "/" + path.removeprefix("file:").lstrip("/")
            return Path(self.local(inner))
        inner = posixpath.normpath("/" + path.removeprefix("dbfs:").lstrip("/"))
        if inner.startswith("/Workspace/"):
            return self.workspace(inner)
        return self._mounted(inner)

    def local(self, path: str) -> str:
        """The file behind a path of the driver's own file system, as `open` takes it."""
        for prefix in ("/dbfs/", "/Volumes/"):
            if path.startswith(prefix) or path == prefix[:-1]:
                return str(self._mounted(posixpath.normpath(path.removeprefix("/dbfs") or "/")))
        if path.startswith("/Workspace/"):
            return str(self.workspace(path))
        return path

    def workspace(self, path: str) -> Path:
        """A copy of a workspace file, as it is now; a path without a file where there is none."""
        inner = posixpath.normpath(path)
        copy = _below(self._scratch, inner)
        try:
            content = self._channel.ask("file", path=inner.removeprefix("/Workspace"))
        except Refused:
            copy.unlink(missing_ok=True)
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        data = bytes.fromhex(content)
        if not copy.is_file() or copy.read_bytes() != data:
            copy.write_bytes(data)
        return copy

    def _mounted(self, inner: str) -> Path:
        for mount, folder in self.mounts.items():
            if inner == mount or inner.startswith(mount.rstrip("/") + "/"):
                return _below(folder, inner[len(mount.rstrip("/")) :])
        raise AssertionError(inner)


def patch(paths: Paths) -> None:
    """Let Python's own functions for files see `/dbfs`, `/Volumes` and `/Workspace`."""
    builtins.open = io.open = _mapped(io.open, paths, 1)
    for name in _ONE:
        setattr(os, name, _mapped(getattr(os, name), paths, 1))
    for name in _TWO:
        setattr(os, name, _mapped(getattr(os, name), paths, 2))


def _mapped(function: Callable[..., Any], paths: Paths, count: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        seen = [_local(paths, arg) if at < count else arg for at, arg in enumerate(args)]
        return function(*seen, **kwargs)

    return call


def _local(paths: Paths, path: Any) -> Any:
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text.startswith(("/dbfs", "/Volumes", "/Workspace/")):
        return path
    return paths.local(text)


def _below(folder: Path, path: str) -> Path:
    """`path` below `folder`, whatever `..` it holds."""
    return folder / posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
