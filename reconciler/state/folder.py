"""The store that is a folder.

    ROOT/.key-name                   which key its hashes are made with; it lies elsewhere (`localkey`)
    ROOT/ENVIRONMENT/state.json      the whole state as of some save
                     journal.jsonl   what each save since then changed, a line each
                     history.jsonl   past ticks, a line each
                     plan.json       the plan of the last tick, for people
                     lock            held while a run works on the environment; its text says who does

A save appends one line to the journal and forces it to the disk (`fdatasync`) before it answers: after a
crash or a power cut, what is loaded is the last save that was answered, or the one that was being made.
The journal is folded into state.json once it has grown beside that, when a run lets go of its lock; its lines
are known by their serial, so a fold that was cut short loses and repeats nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from reconciler.errors import StateError
from reconciler.record import State
from reconciler.state import disk, journal, localkey
from reconciler.state.store import Lease, checked, locked, parsed_plan, refuse_stale

FOLD_BYTES = 4 << 20
"""A journal of this size is folded into state.json, a history of this size loses its older half."""
GROWN = 1.0
"""A journal of more than so many times the size of state.json is folded when a run lets go of its lock."""
CHECKPOINT = "state.json"
JOURNAL = "journal.jsonl"
PLAN = "plan.json"
WAY_OUT = (
    "Restore the folder from a backup; or move it away: the next run then takes over what exists, "
    "as far as `policy.adopt` lets it."
)
HISTORY_WAY_OUT = "Remove that line, or the file: nothing but `history` reads it."


@dataclass(frozen=True)
class Kept:
    """What is on the disk. size: bytes of the journal up to the end of its last whole line; mark: changes
    when anybody writes."""

    state: State | None
    size: int
    mark: tuple[int, ...]


class FileStore:
    """A Store that is a folder. Folders are made with mode 0700, files with 0600.

    Safe to use from several threads and processes of one machine; a lock is `flock`'s: it dies with its
    process. A network share must carry `flock`, as NFS since version 4 does."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._known: dict[str, Kept] = {}
        self._key: tuple[tuple[int, ...], bytes] | None = None

    def load(self, environment: str) -> State | None:
        folder = self._folder(environment)
        if not folder.is_dir():
            return None
        with disk.exclusive(folder):
            return self._kept(environment, folder).state

    def save(self, state: State) -> State:
        folder = self._make(self._folder(state.environment))
        saved = replace(state, serial=state.serial + 1)
        with disk.exclusive(folder):
            kept = self._kept(state.environment, folder)
            refuse_stale(kept.state, state, str(folder))
            self._known.pop(state.environment, None)  # until it is on the disk for sure
            if kept.state is None or kept.size > FOLD_BYTES:
                _fold(folder, saved)
                size = 0
            else:
                line = journal.line(journal.delta(kept.state, saved))
                disk.append(folder / JOURNAL, kept.size, line)
                size = kept.size + len(line)
            self._known[state.environment] = Kept(saved, size, _mark(folder))
        return saved

    @contextmanager
    def lock(self, environment: str, holder: str) -> Iterator[Lease]:
        path = self._make(self._folder(environment)) / "lock"
        with disk.failing(path):
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise locked(environment, os.pread(file, 4096, 0)) from None
            since = datetime.now(UTC).isoformat(timespec="seconds")
            with disk.failing(path):
                os.ftruncate(file, 0)
                os.pwrite(file, journal.line({"holder": holder, "since": since, "process": os.getpid()}), 0)
            lease = Lease(environment, holder, since, lambda: disk.same(file, path))
            lease.check()
            yield lease
            if lease.held():
                with suppress(StateError):  # the journal holds all of it
                    self._fold_journal(environment, path.parent)
        finally:
            with suppress(OSError):
                os.ftruncate(file, 0)
            os.close(file)

    def append_history(self, environment: str, tick: Mapping[str, Any]) -> None:
        path = self._make(self._folder(environment)) / "history.jsonl"
        with disk.exclusive(path.parent):
            lines = disk.whole_lines(path)
            if sum(map(len, lines)) > FOLD_BYTES:
                lines = lines[len(lines) // 2 :]
                disk.replace(path, b"".join(lines))
            disk.append(path, sum(map(len, lines)), journal.line(tick))

    def history(self, environment: str, limit: int = 50) -> list[dict[str, Any]]:
        path = self._folder(environment) / "history.jsonl"
        if not path.is_file():
            return []
        with disk.exclusive(path.parent):
            lines = list(enumerate(disk.whole_lines(path), 1))
        newest = lines[::-1][:limit]
        return [journal.parse(line, f"{path}:{number}", HISTORY_WAY_OUT) for number, line in newest]

    def keep_plan(self, environment: str, document: Mapping[str, Any]) -> None:
        folder = self._make(self._folder(environment))
        with disk.exclusive(folder):
            disk.replace(folder / PLAN, journal.line(document), lasting=False)

    def last_plan(self, environment: str) -> dict[str, Any] | None:
        path = self._folder(environment) / PLAN
        if not path.is_file():
            return None
        with disk.exclusive(path.parent):
            return parsed_plan(path.read_bytes())

    def environments(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in self._root.glob(f"*/{CHECKPOINT}")))

    def key(self) -> bytes:
        if self._key is None or self._key[0] != _mark(self._root, (localkey.NAME,)):
            self._make(self._root)
            with disk.exclusive(self._root):
                key = localkey.key_of(self._root, localkey.keys_folder())
                self._key = _mark(self._root, (localkey.NAME,)), key
        return self._key[1]

    def _folder(self, environment: str) -> Path:
        return self._root / checked(environment)

    def _make(self, folder: Path) -> Path:
        """Make a folder, and the root, where they are not there."""
        if folder != self._root and folder.is_dir():
            return folder
        with disk.failing(folder):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if {path.name for path in self._root.iterdir()} <= {"cache"}:
                # New: what is kept in a checkout is nobody's to commit.
                (self._root / ".gitignore").write_bytes(b"*\n")
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _kept(self, environment: str, folder: Path) -> Kept:
        """What is on the disk; from memory where nobody has written since."""
        known = self._known.get(environment)
        if known is None or known.mark != _mark(folder):
            known = self._known[environment] = _read(environment, folder, known)
        return known

    def _fold_journal(self, environment: str, folder: Path) -> None:
        with disk.exclusive(folder):
            kept = self._kept(environment, folder)
            if kept.state and kept.size > (folder / CHECKPOINT).stat().st_size * GROWN:
                _fold(folder, kept.state)
                self._known[environment] = replace(kept, size=0, mark=_mark(folder))


def _fold(folder: Path, state: State) -> None:
    """The whole state into state.json, then an empty journal. A crash in between leaves lines whose serial
    state.json has reached: they are passed over."""
    disk.replace(folder / CHECKPOINT, journal.whole(state))
    disk.append(folder / JOURNAL, 0, b"")


def _mark(folder: Path, names: Iterable[str] = (CHECKPOINT, JOURNAL)) -> tuple[int, ...]:
    marks: list[int] = []
    for name in names:
        try:
            found = (folder / name).stat()
            marks += (found.st_ino, found.st_size, found.st_mtime_ns)
        except FileNotFoundError:
            marks.append(0)
    return tuple(marks)


def _grown(known: Kept, seen: tuple[int, ...]) -> bool:
    """Whether state.json is the same file, and the journal one that was only added to."""
    return len(known.mark) == len(seen) == 6 and known.mark[:4] == seen[:4] and known.size <= seen[4]


def _read(environment: str, folder: Path, known: Kept | None = None) -> Kept:
    """state.json with the journal's lines put on top of it. Raises StateError where that cannot be.

    known: as it was read or written last. Where state.json is the same still, only new lines are read."""
    checkpoint, path = folder / CHECKPOINT, folder / JOURNAL
    seen = _mark(folder)
    lines = disk.whole_lines(path)
    if known is not None and known.state is not None and _grown(known, seen):
        sizes = list(accumulate(map(len, lines), initial=0))
        if known.size in sizes:
            at = sizes.index(known.size)
            new = [(f"{path}:{number}", text) for number, text in enumerate(lines[at:], at + 1)]
            state = journal.advanced(known.state, new, WAY_OUT) if new else known.state
            return Kept(state, sizes[-1], seen)
    if not checkpoint.exists():
        if lines:
            raise journal.unreadable(str(checkpoint), "it is missing, and its journal is there", WAY_OUT)
        return Kept(None, 0, seen)
    placed = ((f"{path}:{number}", text) for number, text in enumerate(lines, 1))
    state = journal.rebuild(environment, (str(checkpoint), checkpoint.read_bytes()), placed, WAY_OUT)
    return Kept(state, sum(map(len, lines)), seen)
