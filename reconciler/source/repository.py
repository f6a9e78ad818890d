"""One repository: a local one, of which nothing is ever written, or one at a URL, mirrored into a cache.

A snapshot holds the bytes as they are stored in the commit: no attribute, filter, hook or line-end setting is
heeded (`git archive` and `git checkout` would). Git is the `git` command where there is one, else dulwich."""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from reconciler.errors import SourceError
from reconciler.source import files, refs
from reconciler.source.files import LINK, Blob, some
from reconciler.source.git import DAMAGED, FULL, HEADS, REMOTE, REMOTE_HEAD, Git, Place
from reconciler.source.signin import SignIn, with_token

if TYPE_CHECKING:
    from reconciler.source.command import Command
    from reconciler.source.dulwich import Dulwich

SUBMODULE = "160000"
KEEP_SECONDS = 24 * 3600
"""A snapshot that nobody asked for in this time is removed when another one is made."""

_T = TypeVar("_T")

COMMITTED = re.compile(rb"^committer .*> (\d{1,11}) [+-]\d{4}$", re.MULTILINE)


@dataclass(frozen=True)
class Snapshot:
    """The files of a repository at one commit. `root` is read-only, shared, and has no `.git` in it.

    time: when it was committed, in UTC."""

    commit: str
    root: Path
    warnings: tuple[str, ...] = ()
    time: datetime = datetime(2000, 1, 1, tzinfo=UTC)


class Source:
    """One repository. Every method raises SourceError, with the cause and the way out.

    Safe to use from several threads and processes with the same cache."""

    def __init__(
        self, repository: str, cache: Path, sign_in: SignIn | str | None = None, engine: str = ""
    ) -> None:
        """repository: an https:// URL, or a path (also file://) to a checkout or any folder in it, a linked
        worktree, a bare repository. sign_in: gives user and password when one is needed; or a token, which is
        kept in memory only. engine: `git`, `dulwich`, or "" for git where it is on the PATH."""
        self._url, self._path = _address(repository)
        self._sign_in = with_token(sign_in) if isinstance(sign_in, str) and sign_in else sign_in or None
        self._engine = engine
        self._cache = cache.absolute()
        self._mirror = self._cache / "mirrors" / f"{hashlib.sha256(self._url.encode()).hexdigest()[:20]}.git"
        self.repository = self._url or str(self._path)
        self._place: Place | None = None
        self._resolved: dict[str, tuple[refs.Mark, str]] = {}
        self._turns = _Turns()

    def __repr__(self) -> str:
        return f"Source({self.repository!r})"

    def fetch(self) -> None:
        """Bring the mirror of a URL up to date, or make it; of a local path only see that it is a repository.

        A mirror is there only once it was complete; one that was damaged since is made anew beside it.
        Threads that ask while a fetch runs share the next one."""
        if not self._url:
            self._git()
            return
        self._turns.share(self._fetch)

    def _fetch(self) -> None:
        with self._mirror_locked():
            if self._mirror.is_dir():
                try:
                    self._fetch_into(self._mirror)
                    return
                except SourceError as error:
                    if error.code in REMOTE:
                        raise
            self._rebuild()

    def resolve(self, ref: str) -> str:
        """The full id of the commit that a branch, a tag, an id of four digits or more, or `HEAD` names,
        each also with `~N` and `^N`. A branch goes before a tag, and that before a branch of `origin`.

        Git is not asked again while the files that say it are the same."""
        named = re.fullmatch(r"[\w./-]+", ref) and not re.fullmatch(r"[0-9a-f]{4,64}", ref)
        plain = named and ".." not in ref  # it is no path out of the repository
        mark = refs.mark(self._git().place, self._names(ref)) if plain else None
        known = self._resolved.get(ref)
        if known is not None and mark is not None and known[0] == mark:
            return known[1]
        commit = self._mended(lambda: self._resolve(ref))
        if mark is not None and mark == refs.mark(self._git().place, self._names(ref)):
            self._resolved[ref] = mark, commit  # else it moved meanwhile, and might come back to this mark
        return commit

    def snapshot(self, ref: str = "HEAD") -> Snapshot:
        """The files at a commit. Submodules are left out with a warning; links out of the tree are refused.

        At `HEAD` of a checkout, a warning names what is not committed."""
        commit = self.resolve(ref)
        warnings = list(self._uncommitted()) if ref == "HEAD" else []
        blobs, submodules = self._mended(lambda: self._list(commit))
        if submodules:
            warnings.append(f"Submodules are left out: {some(submodules)}.")
        root = self._cache / "snapshots" / commit
        if not files.intact(root, blobs):
            self._mended(lambda: self._extract(blobs, root))
            self._tidy(root)
        os.utime(root)
        return Snapshot(commit, root, tuple(warnings), self._time(commit))

    def _time(self, commit: str) -> datetime:
        """When a commit was made, by the committer's line of its object."""
        found = COMMITTED.search(self._git().object(commit))
        return datetime.fromtimestamp(int(found[1]), UTC) if found else Snapshot.time

    def changed(self, old: str, new: str) -> tuple[str, ...] | None:
        """The paths that differ between two commits, sorted; of a moved file both. `old` is a full id.

        None where `old` is not known here: the branch was forced, or the clone is shallow."""
        target = self.resolve(new)
        git = self._git()
        if not re.fullmatch(FULL, old) or not git.has(old):
            return None
        return tuple(sorted(os.fsdecode(name) for name in git.differing(old, target)))

    def common(self, one: str, other: str) -> str:
        """The newest commit that two commits, by their full ids, both come from; "" where there is none."""
        return self._mended(lambda: self._git().common(one, other))

    def leads(self, old: str, new: str) -> bool:
        """Whether the commit `new` comes from `old`, or is it, by their full ids. Of an `old` that is not
        known here it does not."""
        if old == new:
            return True
        known = re.fullmatch(FULL, old) and self._git().has(old)
        return bool(known) and self.common(old, new) == old

    def branch(self) -> str:
        """The branch that is checked out; "" where none is, or there is no checkout."""
        git = self._git()
        return git.head() if git.place.tree else ""

    def holds(self, path: str) -> bool:
        """Whether the folder of a checkout has a file at this path, committed or not."""
        tree = "" if self._url else self._git().place.tree
        return bool(tree) and (Path(tree) / path).is_file()

    # Names and lists

    def _resolve(self, ref: str) -> str:
        git = self._git()
        match = re.fullmatch(r"(.+?)((?:[~^]\d*)*)", ref)
        if not match or re.search(r"[\x00-\x20\x7f:?*\[\\~^]|\.\.|@\{|^-", match[1]):
            raise self._fault(f"{ref!r} is not a name that a branch, a tag or a commit can have.")
        name, steps = match.groups()
        names = self._names(name)
        for candidate in [*names, *([name] if re.fullmatch(r"[0-9a-f]{4,64}", name) else [])]:
            if commit := git.commit(f"{candidate}{steps}"):
                return commit
            identity = git.names(candidate)
            if identity and git.has(identity):
                raise self._fault(f"{ref!r} does not lead to a commit.")
            if identity and candidate in names:
                raise git.damaged(f"what {name!r} points to is missing or unreadable")
        raise self._fault(self._unknown(name))

    def _names(self, name: str) -> list[str]:
        """The full refs that a name may stand for, in their order."""
        if name == "HEAD":
            return [REMOTE_HEAD if self._url else "HEAD"]
        kinds = HEADS[:2] if self._url else HEADS
        return [f"{kind}/{name}" for kind in kinds]

    def _unknown(self, name: str) -> str:
        known = sorted({re.sub(f"^({'|'.join(HEADS)})/", "", ref) for ref in self._git().refs()} - {"HEAD"})
        if not known:
            return "the repository has no commit yet. Commit something first."
        if name == "HEAD":
            return f"HEAD is a branch without a commit. Name another: {some(known)}."
        if re.fullmatch(FULL, name):
            return f"there is no commit {name}. Push it; or it is gone since the branch was forced."
        near = difflib.get_close_matches(name, known) or known
        return f"there is no branch or tag {name!r}. Near: {some(near)}."

    def _list(self, commit: str) -> tuple[tuple[Blob, ...], tuple[str, ...]]:
        """The files and links of a commit, and the paths of its submodules."""
        blobs, submodules = [], []
        for mode, identity, name in self._git().tree(commit):
            path = os.fsdecode(name)
            if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
                raise self._fault(f"the commit holds the path {path!r}, which Git itself would not make.")
            if mode == SUBMODULE:
                submodules.append(path)
            else:
                blobs.append(Blob(mode, identity, path))
        return tuple(blobs), tuple(submodules)

    def _uncommitted(self) -> Iterator[str]:
        place = self._git().place
        if not place.tree:
            return
        us = os.geteuid()
        if place.folder.stat().st_uid not in (us, int(os.environ.get("SUDO_UID") or us)):
            # `git status` runs the filters that the repository's own settings name.
            yield "Not looked for uncommitted changes: the repository belongs to another user."
            return
        if names := [os.fsdecode(name) for name in self._git().uncommitted()]:
            yield f"Uncommitted changes are not part of this: {some(names)}."

    # Files

    def _extract(self, blobs: Sequence[Blob], root: Path) -> None:
        """Write beside, verify, rename: a folder that bears a commit's name was whole."""
        root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh, stale = (Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent)) for _ in range(2))
        try:
            # Links last: nothing is written through one.
            self._write(fresh, sorted(blobs, key=lambda blob: blob.mode == LINK))
            if outside := files.escaping(fresh, blobs):
                raise self._fault(f"symbolic links lead out of the repository: {some(outside)}. Remove them.")
            if not files.intact(fresh, blobs):
                raise self._git().damaged("a file came out other than it was committed")
            files.seal(fresh)
            with files.locked(root.parent):
                if not files.intact(root, blobs):  # else another run was quicker
                    if root.exists():
                        root.chmod(0o700)
                        root.rename(stale / root.name)
                    fresh.rename(root)
                    root.chmod(0o555)
        except (OSError, ValueError) as error:
            message = f"cannot write the files of the commit: {error}."
            raise SourceError(message, where=str(root.parent)) from None
        finally:
            files.remove(fresh)
            files.remove(stale)

    def _write(self, root: Path, blobs: Sequence[Blob]) -> None:
        git = self._git()
        with git.contents([blob.id for blob in blobs]) as contents:
            for blob, content in zip(blobs, contents, strict=False):
                if content is None:
                    raise git.damaged(f"{blob.path} is missing or unreadable")
                size, stream = content
                files.write(root, blob, stream, size)

    def _tidy(self, keep: Path) -> None:
        oldest = time.time() - KEEP_SECONDS
        for other in keep.parent.iterdir():
            with suppress(FileNotFoundError):  # another run tidies, too
                if other != keep and other.stat().st_mtime < oldest:
                    files.remove(other)

    # The mirror

    @contextmanager
    def _mirror_locked(self) -> Iterator[None]:
        """One fetch at a time. The lock of a process that died is free, and what it left is removed."""
        self._mirror.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._mirror.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                self._clear()
                yield
            finally:
                self._clear()

    def _clear(self) -> None:
        for left in self._mirror.parent.glob(f"{self._mirror.stem}.*.tmp"):
            files.remove(left)

    def _beside(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{self._mirror.stem}.", suffix=".tmp", dir=self._mirror.parent))

    def _rebuild(self) -> None:
        fresh = self._beside()
        # What `git init --bare` makes, less the user's templates.
        for name in ("objects/pack", "refs"):
            (fresh / name).mkdir(parents=True)
        (fresh / "HEAD").write_text("ref: refs/heads/main\n")
        (fresh / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        self._fetch_into(fresh)
        if self._mirror.exists():
            self._mirror.rename(self._beside())
        fresh.rename(self._mirror)

    def _fetch_into(self, mirror: Path) -> None:
        git = self._kind()(Place(mirror, mirror), self.repository, self._url)
        git.fetch(self._sign_in() if self._sign_in else None)

    def _mended(self, read: Callable[[], _T]) -> _T:
        """Read; where the mirror turns out to be damaged, make it anew and read once more."""
        try:
            return read()
        except SourceError as error:
            if error.code != DAMAGED or not self._url:
                raise
        with self._mirror_locked():
            self._rebuild()
        return read()

    def _git(self) -> Git:
        if not self._url:
            if not self._path.is_dir():
                raise SourceError("there is no such folder. Check the path.", where=str(self._path))
            if self._place is None or not (self._place.folder / "HEAD").is_file():
                self._place = self._kind().find(self._path)
            return self._kind()(self._place, self.repository)
        if not self._mirror.is_dir():
            raise self._fault("it was not fetched yet.")
        return self._kind()(Place(self._mirror, self._mirror), self.repository, self._url)

    def _kind(self) -> type[Command] | type[Dulwich]:
        """Imported when first used: without git, GitPython cannot even be imported."""
        if self._engine == "dulwich" or (not self._engine and not shutil.which("git")):
            from reconciler.source.dulwich import Dulwich

            return Dulwich
        from reconciler.source.command import Command

        return Command

    def _fault(self, message: str) -> SourceError:
        return SourceError(message, where=self.repository)


class _Turns:
    """Work that several threads ask for and one does for all of them."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._begun = self._ended = 0

    def share(self, work: Callable[[], None]) -> None:
        """Do it; or wait for one that another thread began after this was asked for, and did to its end."""
        asked = self._begun
        with self._one:
            if self._ended > asked:
                return
            self._begun = turn = self._begun + 1
            work()
            self._ended = turn


def _address(repository: str) -> tuple[str, Path]:
    """The URL ("" for a local path), and the path. Refuses what git would run, or take for an option."""
    shown = re.sub(r"//[^/@]*@", "//", repository)
    if not repository or repository.startswith("-") or re.search(r"[\x00-\x1f\x7f]", repository):
        raise SourceError(f"{shown!r} is not the address of a repository. Name an https:// URL or a path.")
    if repository.startswith("file://"):
        parts = urlsplit(repository)
        if parts.netloc not in ("", "localhost"):
            raise SourceError("a file:// address has three slashes, and names no host.", where=shown)
        return "", Path(unquote(parts.path))
    if repository.startswith("https://"):
        parts = urlsplit(repository)
        if "@" in parts.netloc:
            raise SourceError(
                "an address holds no user and no password. Give the token by itself.", where=shown
            )
        if not parts.hostname or parts.query or parts.fragment or " " in repository:
            raise SourceError("the address of a repository is https://HOST/PATH.", where=shown)
        return repository, Path()
    if re.match(r"[^/]*:", repository):
        message = "only https:// addresses and paths are read (where a path has a colon, put ./ before it)."
        raise SourceError(message, where=shown)
    return "", Path(repository).expanduser().absolute()
