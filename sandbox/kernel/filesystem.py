"""`dbutils.fs`, over the folders of the sandbox. It starts no Spark."""

# The names are Databricks' own.
# ruff: noqa: N802, N803, N815

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sandbox.kernel.errors import ExecutionError
from sandbox.kernel.paths import Paths


class FileInfo(NamedTuple):
    """Of `ls`; `path` of a folder ends with a slash, `modificationTime` is in ms."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        return self.name.endswith("/")

    def isFile(self) -> bool:
        return not self.isDir()


class FileSystem:
    def __init__(self, paths: Paths, show: Callable[[str], object]) -> None:
        self._paths, self._show = paths, show

    def ls(self, dir: str) -> list[FileInfo]:
        """Raises ExecutionError, as every method does when there is no such file."""
        place = self._existing(dir)
        if place.is_file():
            return [_info(place, _shown(dir), place.name)]
        base = _shown(dir).rstrip("/")
        names = {one.name: one for one in place.iterdir() if not one.name.endswith(".crc")}
        if base == "dbfs:":
            names |= {
                mount.strip("/"): folder for mount, folder in self._paths.mounts.items() if mount != "/"
            }
        return [_info(names[name], f"{base}/{name}", name) for name in sorted(names)]

    def head(self, file: str, maxBytes: int = 65536) -> str:
        with self._existing(file).open("rb") as stream:
            return stream.read(maxBytes).decode("utf-8", "replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        target = self._paths.of(file, write=True)
        if target.exists() and not overwrite:
            raise ExecutionError(f"java.nio.file.FileAlreadyExistsException: {_shown(file)}")
        data = contents.encode()
        self._parent(target).write_bytes(data)
        self._show(f"Wrote {len(data)} bytes.\n")
        return True

    def cp(self, source: str, destination: str, recurse: bool = False) -> bool:
        here, target = self._existing(source), self._paths.of(destination, write=True)
        if here.is_dir():
            if not recurse:
                raise ExecutionError(_recurse("copy", source))
            shutil.copytree(here, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(here, self._parent(target / here.name if target.is_dir() else target))
        return True

    def mv(self, source: str, destination: str, recurse: bool = False) -> bool:
        self.cp(source, destination, recurse)
        return self.rm(source, recurse)

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """False when there was nothing."""
        place = self._paths.of(dir, write=True)
        if not place.exists():
            return False
        if place.is_file():
            place.unlink()
        elif not recurse and any(place.iterdir()):
            raise ExecutionError(_recurse("delete", dir))
        else:
            shutil.rmtree(place)
        return True

    def mkdirs(self, dir: str) -> bool:
        self._paths.of(dir, write=True).mkdir(parents=True, exist_ok=True)
        return True

    def mounts(self) -> list[object]:
        """None: the sandbox plays no mounts of workspaces."""
        return []

    def _existing(self, path: str) -> Path:
        place = self._paths.of(path)
        if not place.exists():
            raise ExecutionError(f"java.io.FileNotFoundException: No such file or directory {_shown(path)}")
        return place

    def _parent(self, target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def _recurse(what: str, path: str) -> str:
    return f"java.io.IOException: Cannot {what} directory {_shown(path)} unless recurse is set to true."


def _shown(path: str) -> str:
    return path if ":" in path.split("/", 1)[0] else f"dbfs:/{path.lstrip('/')}"


def _info(place: Path, shown: str, name: str) -> FileInfo:
    facts = place.stat()
    modified = int(facts.st_mtime * 1000)
    if place.is_dir():
        return FileInfo(shown + "/", name + "/", 0, modified)
    return FileInfo(shown, name, facts.st_size, modified)
