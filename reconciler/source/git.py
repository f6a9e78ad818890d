"""What is asked of Git, whoever answers: the `git` command, or dulwich, which is Git in Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from reconciler.errors import SourceError

FULL = r"[0-9a-f]{40}([0-9a-f]{24})?"
HEADS = ("refs/heads", "refs/tags", "refs/remotes/origin")
REMOTE_HEAD = "refs/reconciler/HEAD"
"""Where a mirror keeps what the remote's HEAD points to."""
FETCH_SECONDS = 600.0

Login = tuple[str, str]
"""A user name and a password, as HTTP's basic authentication takes them."""

DAMAGED = "source-damaged"
SIGN_IN, NOT_FOUND, MOVED, CERTIFICATE, UNREACHABLE, NOT_GIT, DISK_FULL = (
    f"source-{name}"
    for name in ("sign-in", "not-found", "moved", "certificate", "unreachable", "not-git", "disk-full")
)
REMOTE = {
    SIGN_IN: "sign-in was refused. Give a token that is valid and may read this repository.",
    NOT_FOUND: "there is no such repository, or it may not be seen. Check the address, and the token.",
    MOVED: "it has moved, and a token is sent only to the address it was given for. Use the new address.",
    CERTIFICATE: "the server's certificate is not trusted. Add its authority to SSL_CERT_FILE.",
    UNREACHABLE: "the host was not reached, or fell silent. Check the address, the network and HTTPS_PROXY.",
    NOT_GIT: "what answers there is not a Git repository. Use the address that `git clone` takes.",
    DISK_FULL: "the disk is full. Make room in the cache folder.",
}
"""Faults of a fetch that a new mirror would not mend, and what we say of them."""


@dataclass(frozen=True)
class Place:
    """A repository on this disk: its git folder, the one it shares with other worktrees, and its work tree
    ("" for a bare one)."""

    folder: Path
    common: Path
    tree: str = ""


class Git(Protocol):
    """One repository on this disk. Every method raises SourceError where it cannot be read."""

    @property
    def place(self) -> Place: ...

    def commit(self, name: str) -> str:
        """The id of the commit that a full ref, `HEAD` or an id of four digits or more leads to, each also
        with `~N` and `^N`; "" for none."""

    def names(self, name: str) -> str:
        """The id that such a name, less `~` and `^`, stands for, be the object there or not; "" for none."""

    def has(self, identity: str) -> bool:
        """Whether the object with this full id is there; of a commit, also its tree."""

    def refs(self) -> Sequence[str]:
        """The full names of branches and tags, and of the branches of `origin`."""

    def head(self) -> str:
        """The branch that HEAD names; "" where it names none."""

    def object(self, commit: str) -> bytes:
        """The commit as it is stored, without Git's header."""

    def tree(self, commit: str) -> Iterable[tuple[str, str, bytes]]:
        """Mode in six digits, id and path of all files, links and submodules."""

    def differing(self, old: str, new: str) -> Iterable[bytes]:
        """The paths that differ between two commits, of a moved file both. Submodules are left out."""

    def common(self, one: str, other: str) -> str:
        """The newest commit that two commits both come from; "" where there is none."""

    def uncommitted(self) -> Sequence[bytes]:
        """The paths that differ from HEAD, then the untracked ones, whole folders with a closing slash."""

    def contents(self, ids: Sequence[str]) -> AbstractContextManager[Iterator[tuple[int, IO[bytes]] | None]]:
        """Size and bytes of each blob, read one by one; None for one that is missing, which ends it."""

    def fetch(self, login: Login | None) -> None:
        """Bring branches, tags and REMOTE_HEAD to what the URL has. Those of REMOTE are told by code."""

    def damaged(self, what: str) -> SourceError: ...


def damaged(what: str, shown: str, *, mirror: bool) -> SourceError:
    """The error for a repository that cannot be read. mirror: whether it can be made anew."""
    way = "Run again: it is fetched anew." if mirror else "`git fsck` says more; a fresh clone mends it."
    return SourceError(f"cannot read the repository: {what}. {way}", where=shown, code=DAMAGED)


def no_branch(shown: str) -> SourceError:
    """What a fetch of nothing means: some pages that answer everything with 200 look like that, too."""
    message = "it has no commit, or what answers there is not a Git repository. Check the address."
    return SourceError(message, where=shown, code=NOT_GIT)


def no_repository(path: Path) -> SourceError:
    message = "this is not a Git repository, nor a folder in one. Name a checkout, or run `git init` there."
    return SourceError(message, where=str(path))
