"""What refs say, read from the files that Git keeps them in: enough to see that none of them has moved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reconciler.source.git import Place

Mark = tuple[object, ...]
LINKED = b"ref: "


def mark(place: Place, names: Iterable[str]) -> Mark | None:
    """Changes when one of these refs moves, comes or goes; None where that cannot be told from files.

    A loose ref is taken by its content, and `packed-refs` by its stat, as Git itself does; one that Git
    replaces is another file (https://git-scm.com/docs/gitrepository-layout)."""
    if place.folder != place.common or (place.common / "reftable").exists():
        return None
    try:
        found: list[object] = [_stat(place.common / "packed-refs")]
        for name in names:
            content = _read(place.common / name)
            if content.startswith(LINKED):
                target = content[len(LINKED) :].strip().decode()
                if not target.startswith("refs/") or ".." in target:
                    return None
                content, linked = _read(place.common / target), content
                if content.startswith(LINKED):
                    return None
                found.append(linked)
            found.append(content)
    except (OSError, ValueError):
        return None
    return tuple(found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return b""


def _stat(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)
