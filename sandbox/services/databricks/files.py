"""Where the files of DBFS and of volumes lie: plain files in folders, so that Spark reads them as they are.

Knows nothing of HTTP and of rights.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.services.databricks import errors, hosts
from sandbox.world import World

_DATASETS = "databricks-datasets"


def root(world: World, host: str) -> Path:
    """The folder that `dbfs:/` is."""
    return _made(hosts.folder(world, host) / "dbfs")


def volumes(world: World, host: str) -> Path:
    """The folder that `/Volumes` is; below it lie catalog, schema and volume."""
    return _made(hosts.folder(world, host) / "Volumes")


def datasets(world: World) -> Path:
    """The folder that `dbfs:/databricks-datasets` is in every workspace; nobody writes it."""
    return world.folder / _DATASETS


def place(world: World, host: str, path: str) -> Path:
    """The file that a path means: `dbfs:/x`, `/x`, `/Volumes/…`. Raises 400 for one that leads outside."""
    parts = _parts(path)
    if parts[:1] == [_DATASETS]:
        base, parts = datasets(world), parts[1:]
    elif parts[:1] == ["Volumes"]:
        base, parts = volumes(world, host), parts[1:]
    else:
        base = root(world, host)
    found = base.joinpath(*parts)
    # A link that a notebook made must not lead out of the sandbox's folder either.
    if not found.resolve().is_relative_to(base.resolve()):
        raise errors.bad(f"Path {path} leads outside of the file system.")
    return found


def writable(world: World, host: str, path: str) -> Path:
    """As ``place``; raises 403 where nobody may write: the data sets, and the roots themselves."""
    parts = _parts(path)
    if not parts or parts[0] == _DATASETS or parts == ["Volumes"]:
        raise errors.denied(f"No write access to {path}: it is read-only.")
    return place(world, host, path)


def shown(path: str) -> str:
    """The path as answers have it, `/a/b`."""
    return "/" + "/".join(_parts(path))


def _parts(path: str) -> list[str]:
    bare = path.removeprefix("dbfs:")
    if not bare.startswith("/") or "\0" in bare:
        raise errors.bad(f"Path must be absolute: {path}")
    parts = [part for part in bare.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise errors.bad(f"Path must not contain '..': {path}")
    return parts


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
