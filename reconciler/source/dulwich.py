"""Git without `git`, for hosts that have none: dulwich, which is Git in Python. Runs no program."""

from __future__ import annotations

import errno
import functools
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, Any, TypeVar, cast

from dulwich import porcelain
from dulwich.diff_tree import tree_changes
from dulwich.errors import NotGitRepository
from dulwich.graph import find_merge_base
from dulwich.objects import S_ISGITLINK, Commit, ObjectID, ShaFile, Tag, parse_tree
from dulwich.refs import Ref, write_packed_refs
from dulwich.repo import Repo

from reconciler.errors import SourceError
from reconciler.source.git import (
    DISK_FULL,
    FULL,
    HEADS,
    REMOTE,
    REMOTE_HEAD,
    Login,
    Place,
    damaged,
    no_branch,
    no_repository,
)
from reconciler.source.https import Https

PACKS = 50
"""Each fetch leaves a pack; dulwich is quicker with a new mirror than with so many."""
FETCHED = (b"refs/heads/", b"refs/tags/")

_T = TypeVar("_T", bound=Callable[..., Any])


def _reading(read: _T) -> _T:
    """dulwich meets damage with whatever error its parsers come upon; all of them mean the same to us."""

    @functools.wraps(read)
    def careful(self: Dulwich, *args: Any) -> Any:
        try:
            return read(self, *args)
        except SourceError:
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise SourceError(REMOTE[DISK_FULL], where=self.shown, code=DISK_FULL) from None
            raise self.damaged(error.strerror or type(error).__name__) from None
        except Exception as error:
            raise self.damaged(f"{type(error).__name__} while it was read") from None

    return cast("_T", careful)


@dataclass(frozen=True, repr=False)
class Dulwich:
    """dulwich in one place. `shown` names the repository in messages; url is "" for a local one."""

    place: Place
    shown: str
    url: str = ""

    @staticmethod
    def find(path: Path) -> Place:
        """The repository that a folder is in. Raises SourceError where it is in none."""
        try:
            with Repo.discover(path) as found:
                tree = "" if found.bare else str(Path(found.path).absolute())
                return Place(Path(found.controldir()).absolute(), Path(found.commondir()).absolute(), tree)
        except NotGitRepository:
            raise no_repository(path) from None

    @_reading
    def commit(self, name: str) -> str:
        match = re.fullmatch(r"(.+?)((?:[~^]\d*)*)", name, re.DOTALL)
        assert match is not None
        with self._repo() as repo:
            for identity in self._named(repo, match[1]):
                found = _peeled(repo, identity)
                for step, count in re.findall(r"([~^])(\d*)", match[2]):
                    found = _stepped(repo, found, step, int(count or 1))
                if found is not None:
                    return found.id.decode()
        return ""

    @_reading
    def names(self, name: str) -> str:
        with self._repo() as repo:
            found = self._named(repo, name)
            return found[0].decode() if len(found) == 1 else ""

    @_reading
    def has(self, identity: str) -> bool:
        with self._repo() as repo:
            found = _object(repo, ObjectID(identity.encode()))
            return found is not None and (not isinstance(found, Commit) or found.tree in repo.object_store)

    @_reading
    def refs(self) -> list[str]:
        with self._repo() as repo:
            known = sorted(ref.decode() for ref in repo.refs.allkeys())
            return [ref for ref in known if ref.startswith(tuple(f"{head}/" for head in HEADS))]

    @_reading
    def head(self) -> str:
        with self._repo() as repo:
            said = repo.refs.read_ref(Ref(b"HEAD")) or b""
        found = re.fullmatch(rb"ref: refs/heads/(.+?)\s*", said)
        return found[1].decode() if found else ""

    @_reading
    def object(self, commit: str) -> bytes:
        with self._repo() as repo:
            return repo.object_store.get_raw(ObjectID(commit.encode()))[1]

    @_reading
    def tree(self, commit: str) -> list[tuple[str, str, bytes]]:
        with self._repo() as repo:
            return [(_mode(mode), identity.decode(), path) for mode, identity, path in _walk(repo, commit)]

    @_reading
    def differing(self, old: str, new: str) -> list[bytes]:
        with self._repo() as repo:
            changes = tree_changes(repo.object_store, _tree(repo, old), _tree(repo, new))
            sides = [side for change in changes for side in (change.old, change.new) if side]
            return list({side.path for side in sides if side.path and not S_ISGITLINK(side.mode or 0)})

    @_reading
    def common(self, one: str, other: str) -> str:
        with self._repo() as repo:
            found = find_merge_base(repo, [ObjectID(one.encode()), ObjectID(other.encode())])
            return found[0].decode() if found else ""

    @_reading
    def uncommitted(self) -> list[bytes]:
        with self._repo() as repo:
            found = porcelain.status(repo, untracked_files="normal", optional_locks=False)
            index = repo.open_index()
            submodules = {path for path, entry in index.items() if S_ISGITLINK(getattr(entry, "mode", 0))}
        changed = {*found.unstaged, *(path for paths in found.staged.values() for path in paths)}
        return [*sorted(changed - submodules), *sorted(found.untracked)]

    @contextmanager
    def contents(self, ids: Sequence[str]) -> Iterator[Iterator[tuple[int, IO[bytes]] | None]]:
        with self._repo() as repo:
            yield self._each(repo, ids)

    def _each(self, repo: Repo, ids: Sequence[str]) -> Iterator[tuple[int, IO[bytes]] | None]:
        for identity in ids:
            try:
                _, content = repo.object_store.get_raw(ObjectID(identity.encode()))
            except Exception:  # see _reading
                yield None
                return
            yield len(content), io.BytesIO(content)

    @_reading
    def fetch(self, login: Login | None) -> None:
        if len(list(self.place.folder.glob("objects/pack/*.pack"))) > PACKS:
            raise self.damaged(f"it has more than {PACKS} packs")
        with self._repo() as repo:

            def wanted(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
                return [identity for identity in _kept(refs).values() if identity not in repo.object_store]

            found = Https(self.url, login).fetch(
                b"", repo, wanted, ref_prefix=[b"HEAD", *FETCHED], protocol_version=2
            )
            refs = _kept({ref: identity for ref, identity in found.refs.items() if identity})
            if not refs:
                raise no_branch(self.shown)
            if missing := [ref for ref, identity in refs.items() if identity not in repo.object_store]:
                raise self.damaged(f"what {missing[0].decode()} points to did not come")
        self._set(refs)

    def _set(self, refs: dict[Ref, ObjectID]) -> None:
        """All refs in one file, which is replaced at once; then away with those that `git` left as files."""
        fresh = self.place.folder / "packed-refs.new"
        with fresh.open("wb") as file:
            write_packed_refs(file, refs)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.place.folder / "packed-refs")
        for path in (self.place.folder / "refs").rglob("*"):
            if path.is_file():
                path.unlink()

    def damaged(self, what: str) -> SourceError:
        return damaged(what, self.shown, mirror=bool(self.url))

    def _repo(self) -> Repo:
        place = self.place
        return Repo(controldir=str(place.folder), commondir=str(place.common), worktree=place.tree or None)

    def _named(self, repo: Repo, name: str) -> list[ObjectID]:
        """The ids that a full ref, or the beginning of an id, may stand for."""
        if re.fullmatch(FULL, name):
            return [ObjectID(name.encode())]
        if re.fullmatch(r"[0-9a-f]{4,}", name):
            return list(set(repo.object_store.iter_prefix(name.encode())))
        try:
            return [repo.refs[Ref(name.encode())]]
        except KeyError:
            return []


def _kept(refs: Mapping[Ref, ObjectID]) -> dict[Ref, ObjectID]:
    """What a mirror keeps of the remote's refs."""
    kept = {Ref(ref): identity for ref, identity in refs.items() if ref.startswith(FETCHED)}
    if head := refs.get(Ref(b"HEAD")):
        kept[Ref(REMOTE_HEAD.encode())] = head
    return kept


def _object(repo: Repo, identity: ObjectID) -> ShaFile | None:
    try:
        return repo.object_store[identity]
    except KeyError:
        return None


def _peeled(repo: Repo, identity: ObjectID) -> Commit | None:
    found = _object(repo, identity)
    while isinstance(found, Tag):
        found = _object(repo, found.object[1])
    return found if isinstance(found, Commit) else None


def _stepped(repo: Repo, commit: Commit | None, step: str, count: int) -> Commit | None:
    """`~N`: N times to the first parent; `^N`: to the parent N, `^0` to itself."""
    for number in [1] * count if step == "~" else [count] * (count > 0):
        if commit is None or number > len(commit.parents):
            return None
        commit = _peeled(repo, commit.parents[number - 1])
    return commit


def _tree(repo: Repo, commit: str) -> ObjectID:
    found = repo.object_store[ObjectID(commit.encode())]
    assert isinstance(found, Commit)
    return ObjectID(found.tree)


def _walk(repo: Repo, commit: str) -> Iterator[tuple[int, ObjectID, bytes]]:
    """All that is no folder, as it stands in the trees: dulwich's own walk hides a name that comes twice."""
    trees = [(b"", _tree(repo, commit))]
    while trees:
        above, tree = trees.pop()
        content = repo.object_store.get_raw(tree)[1]
        for name, mode, identity in parse_tree(content, len(tree) // 2):
            if S_ISDIR(mode):
                trees.append((above + name + b"/", ObjectID(identity)))
            else:
                yield mode, ObjectID(identity), above + name


def _mode(mode: int) -> str:
    """As `git ls-tree` says it: old repositories hold some others for files."""
    if S_ISREG(mode):
        return "100755" if mode & 0o100 else "100644"
    return f"{mode:06o}"
