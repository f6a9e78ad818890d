"""The files as they would be once a pull request is merged, so that a branch that lags behind undoes nothing.

Merged by whole files: where both sides changed one, the branch's counts, and that is told."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.errors import Fault, InputError
from reconciler.source import Snapshot, Source
from reconciler.within import within

CONFLICT = "Bring this branch up to date: the branch that it goes to has something else here by now."


@dataclass(frozen=True)
class Merged:
    """target: the branch that it goes to. snapshot: the merged files, under the pull request's commit.

    changed: paths that the pull request itself changes. both: those of them that moved on either side."""

    target: Snapshot
    snapshot: Snapshot
    changed: tuple[str, ...]
    both: tuple[str, ...] = ()


@contextmanager
def merged(source: Source, base: str, head: str) -> Iterator[Merged]:
    """Merge a commit into a branch, on disk only, while the block runs. Nothing is run: no filter, no hook.

    Raises SourceError where a commit is not there, and InputError where the sides cannot be put together."""
    target, branch = source.snapshot(base), source.snapshot(head)
    began = source.common(target.commit, branch.commit)
    if not began:
        raise InputError([Fault("", f"The pull request shares no commit with {base}.", "Rebase it.")])
    ours = source.changed(began, branch.commit) or ()
    theirs = source.changed(began, target.commit) or ()
    if not theirs:
        yield Merged(target, branch, ours)
        return
    with tempfile.TemporaryDirectory(prefix="reconciler-pull-") as folder:
        root = Path(folder).resolve() / "files"
        _copy(target.root, root)
        for path in sorted(ours, key=lambda each: _there(branch.root / each)):  # what goes, goes first
            _take(path, branch.root, root)
        if outside := [link for link in _links(root) if not within(link, root)]:
            raise InputError([Fault(str(link.relative_to(root)), CONFLICT) for link in outside])
        both = tuple(
            path for path in ours if path in set(theirs) and not _same(path, branch.root, target.root)
        )
        yield Merged(target, replace(branch, root=root), ours, both)


def _there(path: Path) -> bool:
    """Whether a file or a link is there, as Git names them; what is a folder by now has gone as a file."""
    return path.is_symlink() or path.is_file()


def _copy(from_: Path, to: Path) -> None:
    """A copy whose folders can be written to."""
    for folder, folders, files in os.walk(from_):
        made = to / Path(folder).relative_to(from_)
        made.mkdir(mode=0o700)
        for name in (*files, *(each for each in folders if (Path(folder) / each).is_symlink())):
            shutil.copy2(Path(folder) / name, made / name, follow_symlinks=False)


def _take(path: str, branch: Path, root: Path) -> None:
    """Make one path as the branch has it. Nothing is written through a link, nor over a folder."""
    to = root / path
    if any(parent.is_symlink() or parent.is_file() for parent in to.parents if parent.is_relative_to(root)):
        if not _there(branch / path):
            return
        raise InputError([Fault(path, CONFLICT)])
    if to.is_symlink() or to.is_file():
        to.unlink()
    if _there(branch / path):
        if to.exists():
            raise InputError([Fault(path, CONFLICT)])
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(branch / path, to, follow_symlinks=False)
    else:
        _prune(to.parent, root)


def _prune(folder: Path, root: Path) -> None:
    """Git knows no empty folder."""
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _links(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        yield from (path for name in (*folders, *files) if (path := Path(folder) / name).is_symlink())


def _same(path: str, one: Path, other: Path) -> bool:
    """Whether both sides have come to the same."""
    sides = [root / path for root in (one, other)]
    if not all(side.is_file() and not side.is_symlink() for side in sides):
        return not any(map(_there, sides))
    return sides[0].read_bytes() == sides[1].read_bytes()
