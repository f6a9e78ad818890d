"""Running git, through GitPython: where, with which settings, and what its complaints mean."""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import urlsplit

from reconciler.errors import SourceError

if TYPE_CHECKING:
    from git.cmd import Git

OLDEST_GIT = (2, 31)
"""The first git that takes settings from the environment (GIT_CONFIG_COUNT), where `ps` shows no token."""

DAMAGED = "source-damaged"
REMOTE_FAULTS: Sequence[tuple[str, str, str]] = (
    (
        r"Authentication failed|could not read (Username|Password)|returned error: 40[13]|Access denied",
        "source-sign-in",
        "sign-in was refused. Give a token that is valid and may read this repository.",
    ),
    (
        r"[Rr]epository .*not found|returned error: 4(04|10)",
        "source-not-found",
        "there is no such repository, or it may not be seen. Check the address, and the token.",
    ),
    (
        r"returned error: 30\d|unable to update url base",
        "source-moved",
        "it has moved, and a token is sent only to the address that it was given for. Use the new address.",
    ),
    (
        r"certificate|SSL|server verification failed",
        "source-certificate",
        "the server's certificate is not trusted. Add its authority to SSL_CERT_FILE.",
    ),
    (
        r"Could not resolve|[Ff]ailed to connect|Couldn't connect|Connection (refused|reset|timed out)"
        r"|[Tt]imed? ?out|Timeout:|CONNECT tunnel|[Pp]roxy|too slow|returned error: (429|5\d\d)|Empty reply"
        r"|unexpected disconnect|early EOF|(Recv|Send) failure|No route to host|is unreachable|hung up",
        "source-unreachable",
        "the host was not reached, or fell silent. Check the address, the network and HTTPS_PROXY.",
    ),
    (
        r"is this a git repository|does not appear to be a git repository",
        "source-not-git",
        "what answers there is not a Git repository. Use the address that `git clone` takes.",
    ),
    (r"No space left|Disk quota", "source-disk-full", "the disk is full. Make room in the cache folder."),
)
"""What git says of a fetch (in English: GitPython asks for that), our code, and our message."""
REMOTE = frozenset(code for _, code, _ in REMOTE_FAULTS)


@dataclass(frozen=True)
class Place:
    """A repository on this disk: its git folder, the one it shares with other worktrees, and its work tree
    ("" for a bare one)."""

    folder: Path
    common: Path
    tree: str = ""


@dataclass(frozen=True, repr=False)
class Command:
    """git in one place. `shown` names the repository in messages; url and token are "" for a local one."""

    place: Place
    shown: str
    url: str = ""
    token: str = ""

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

    @contextmanager
    def contents(self, ids: Sequence[str]) -> Iterator[IO[bytes]]:
        """What `cat-file --batch` writes for these ids, one after the other."""
        with tempfile.TemporaryFile() as wanted:
            wanted.write("".join(f"{identity}\n" for identity in ids).encode())
            wanted.seek(0)
            process = self._client().execute(["git", "cat-file", "--batch"], istream=wanted, as_process=True)
            try:
                yield cast("IO[bytes]", process.stdout)
            finally:
                process.__del__()  # GitPython's way to end one that is not read to its end

    def meaning(self, said: str) -> SourceError:
        """What a complaint of git means. It holds no secret."""
        for pattern, code, message in REMOTE_FAULTS:
            if self.url and re.search(pattern, said):
                return SourceError(message, where=self.shown, code=code)
        lines = said.splitlines() or ["git stopped without a word"]
        told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])
        if self.token:
            told = told.replace(self.token, "***").replace(_basic(self.token), "***")
        return self.damaged(told)

    def damaged(self, what: str) -> SourceError:
        way = (
            "Run again: it is fetched anew." if self.url else "`git fsck` says more; a fresh clone mends it."
        )
        return SourceError(f"cannot read the repository: {what}. {way}", where=self.shown, code=DAMAGED)

    def _client(self) -> Git:
        git = client(self.place.tree or str(self.place.folder))
        git.update_environment(**environment(self.place, self.url, self.token))
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


def environment(place: Place, url: str, token: str) -> Mapping[str, str]:
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
    if url and token:
        header = f"http.https://{urlsplit(url).netloc}/.extraHeader"
        settings += [
            ("credential.helper", ""),
            (header, ""),
            (header, f"Authorization: Basic {_basic(token)}"),
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


def _basic(token: str) -> str:
    # GitHub, Azure DevOps and GitLab take a token as the password of any user name; this is GitHub's own:
    # https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()
