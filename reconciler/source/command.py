"""Running git, through GitPython: where, with which settings, and what its complaints mean."""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import urlsplit

from reconciler.errors import SourceError
from reconciler.source.git import (
    CERTIFICATE,
    DISK_FULL,
    FETCH_SECONDS,
    HEADS,
    MOVED,
    NOT_FOUND,
    NOT_GIT,
    REMOTE,
    REMOTE_HEAD,
    SIGN_IN,
    UNREACHABLE,
    Login,
    Place,
    damaged,
    no_branch,
    no_repository,
)

if TYPE_CHECKING:
    from git.cmd import Git

OLDEST_GIT = (2, 31)
"""The first git that takes settings from the environment (GIT_CONFIG_COUNT), where `ps` shows no token."""

SAID: Sequence[tuple[str, str]] = (
    (
        r"Authentication failed|could not read (Username|Password)|returned error: 40[13]|Access denied",
        SIGN_IN,
    ),
    (r"[Rr]epository .*not found|returned error: 4(04|10)", NOT_FOUND),
    (r"returned error: 30\d|unable to update url base", MOVED),
    (r"certificate|SSL|server verification failed", CERTIFICATE),
    (
        r"Could not resolve|[Ff]ailed to connect|Couldn't connect|Connection (refused|reset|timed out)"
        r"|[Tt]imed? ?out|Timeout:|CONNECT tunnel|[Pp]roxy|too slow|returned error: (429|5\d\d)|Empty reply"
        r"|unexpected disconnect|early EOF|(Recv|Send) failure|No route to host|is unreachable|hung up",
        UNREACHABLE,
    ),
    (r"is this a git repository|does not appear to be a git repository", NOT_GIT),
    (r"No space left|Disk quota", DISK_FULL),
)
"""What git says of a fetch (in English: GitPython asks for that), and our code."""


@dataclass(frozen=True, repr=False)
class Command:
    """git in one place. `shown` names the repository in messages; url is "" for a local one."""

    place: Place
    shown: str
    url: str = ""
    login: Login | None = None

    @staticmethod
    def find(path: Path) -> Place:
        """The repository that a folder is in. Raises SourceError where it is in none."""
        client(str(path))
        import git

        try:
            with git.Repo(path, search_parent_directories=True, expand_vars=False) as found:
                folder = Path(found.git_dir).absolute()
                tree = "" if found.bare else str(found.working_tree_dir)
        except git.exc.GitError:
            raise no_repository(path) from None
        shared = folder / "commondir"
        common = folder / os.fsdecode(shared.read_bytes()).rstrip("\r\n") if shared.is_file() else folder
        return Place(folder, common, tree)

    def commit(self, name: str) -> str:
        return self._verified(f"{name}^{{commit}}")

    def names(self, name: str) -> str:
        return self._verified(name)

    def has(self, identity: str) -> bool:
        kind, out, _ = self.attempt("cat-file", "-t", identity)
        tree = "^{tree}" if out.strip() == b"commit" else ""
        return not kind and not self.attempt("cat-file", "-e", f"{identity}{tree}")[0]

    def refs(self) -> list[str]:
        return self.ask("for-each-ref", "--format=%(refname)", *HEADS).decode().splitlines()

    def head(self) -> str:
        code, out, _ = self.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
        return "" if code else out.decode().strip()

    def object(self, commit: str) -> bytes:
        return self.ask("cat-file", "commit", commit)

    def tree(self, commit: str) -> Iterator[tuple[str, str, bytes]]:
        for line in self.ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            mode, _, identity = about.decode().split()
            yield mode, identity, name

    def differing(self, old: str, new: str) -> list[bytes]:
        options = ("-r", "-z", "--name-only", "--ignore-submodules=all")
        return self.ask("diff-tree", *options, old, new).split(b"\0")[:-1]

    def common(self, one: str, other: str) -> str:
        code, out, said = self.attempt("merge-base", one, other)
        if code not in (0, 1):
            raise self.meaning(said)
        return out.decode().strip()

    def uncommitted(self) -> list[bytes]:
        options = ("-z", "--untracked-files=normal", "--no-renames", "--ignore-submodules=all")
        return [line[3:] for line in self.ask("status", "--porcelain=v1", *options).split(b"\0")[:-1]]

    @contextmanager
    def contents(self, ids: Sequence[str]) -> Iterator[Iterator[tuple[int, IO[bytes]] | None]]:
        with tempfile.TemporaryFile() as wanted:
            wanted.write("".join(f"{identity}\n" for identity in ids).encode())
            wanted.seek(0)
            process = self._client().execute(["git", "cat-file", "--batch"], istream=wanted, as_process=True)
            try:
                yield _each(cast("IO[bytes]", process.stdout), len(ids))
            finally:
                process.__del__()  # GitPython's way to end one that is not read to its end

    def fetch(self, login: Login | None) -> None:
        git = replace(self, login=login)
        options = ("--quiet", "--prune", "--force", "--no-tags", "--no-recurse-submodules", self.url)
        refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        head = f"+HEAD:{REMOTE_HEAD}"
        code, _, said = git.attempt("fetch", *options, *refs, head, seconds=FETCH_SECONDS)
        if code and "find remote ref HEAD" in said:
            if not git.ask("ls-remote", self.url, seconds=FETCH_SECONDS):
                raise no_branch(self.shown)
            git.ask("fetch", *options, *refs, seconds=FETCH_SECONDS)  # its default branch is not there
        elif code:
            raise git.meaning(said)

    def attempt(self, *words: str, seconds: float | None = None) -> tuple[int, bytes, str]:
        """Run git; its exit code, what it wrote, and what it complained of."""
        code, out, said = self._client().execute(
            ["git", *words],
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=seconds,
        )
        return code, out, str(said)

    def ask(self, *words: str, seconds: float | None = None) -> bytes:
        """Run git; what it wrote. Raises SourceError where it failed."""
        code, out, said = self.attempt(*words, seconds=seconds)
        if code:
            raise self.meaning(said)
        return out

    def meaning(self, said: str) -> SourceError:
        """What a complaint of git means. It holds no secret."""
        for pattern, code in SAID:
            if self.url and re.search(pattern, said):
                return SourceError(REMOTE[code], where=self.shown, code=code)
        lines = said.splitlines() or ["git stopped without a word"]
        told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])
        if self.login:
            told = told.replace(self.login[1], "***").replace(_basic(self.login), "***")
        return self.damaged(told)

    def damaged(self, what: str) -> SourceError:
        return damaged(what, self.shown, mirror=bool(self.url))

    def _verified(self, name: str) -> str:
        code, out, _ = self.attempt("rev-parse", "--verify", "--quiet", name)
        return "" if code else out.decode().strip()

    def _client(self) -> Git:
        git = client(self.place.tree or str(self.place.folder))
        git.update_environment(**environment(self.place, self.url, self.login))
        return git


def client(folder: str) -> Git:
    """GitPython's runner of git. Raises SourceError where there is no git, or an old one."""
    try:
        import git  # GitPython raises at import where it finds no git
    except ImportError:
        message = "git was not found. Install it, or put it on the PATH."
        raise SourceError(message, code="source-no-git") from None
    if _version() < OLDEST_GIT:
        wanted = ".".join(str(number) for number in OLDEST_GIT)
        raise SourceError(f"git {wanted} or newer is needed. Update it.", code="source-no-git")
    return git.Git(folder)


@cache
def _version() -> tuple[int, ...]:
    import git

    return git.Git().version_info


def environment(place: Place, url: str, login: Login | None) -> Mapping[str, str]:
    """What git is to see beside our own environment, whose HTTPS_PROXY and its like hold.

    GIT_DIR and its like name the repository even where we are run by a hook that has set them for another."""
    settings = [
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),  # may name a program to run
        ("gc.autoDetach", "false"),
        ("maintenance.autoDetach", "false"),
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "30"),
    ]
    if url and login:
        header = f"http.https://{urlsplit(url).netloc}/.extraHeader"
        settings += [
            ("credential.helper", ""),
            (header, ""),
            (header, f"Authorization: Basic {_basic(login)}"),
            ("http.followRedirects", "false"),  # git would send the header there, too
        ]
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    variables = {
        "GIT_DIR": str(place.folder),
        "GIT_COMMON_DIR": str(place.common),
        "GIT_WORK_TREE": place.tree or str(place.folder),
        "GIT_INDEX_FILE": str(place.folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(place.common / "objects"),
        "GIT_NAMESPACE": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_ALLOW_PROTOCOL": "https" if url else "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TRACE_REDACT": "1",
        "GIT_CONFIG_COUNT": str(first + len(settings)),
    }
    for number, (name, value) in enumerate(settings, first):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    # libcurl, unlike the curl command and Python, does not look at SSL_CERT_FILE.
    if "GIT_SSL_CAINFO" not in os.environ and os.environ.get("SSL_CERT_FILE"):
        variables["GIT_SSL_CAINFO"] = os.environ["SSL_CERT_FILE"]
    return variables


def _basic(login: Login) -> str:
    return base64.b64encode(":".join(login).encode()).decode()


def _each(out: IO[bytes], count: int) -> Iterator[tuple[int, IO[bytes]] | None]:
    for _ in range(count):
        head = out.readline().split()
        if len(head) != 3:
            yield None
            return
        yield int(head[2]), out
        out.read(1)
