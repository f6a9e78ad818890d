"""What a mistake is, a project to make one in, and the command line as a user's terminal has it."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.mistakes import sample
from support.project import Azure, group
from support.repositories import Repository
from support.sandbox import Sandbox, foreign_names


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass
class Bench:
    """One user's checkout, in which the commands are run, and the Azure around it. Nobody else's settings."""

    repository: Repository
    sandbox: Sandbox
    patch: pytest.MonkeyPatch
    folder: Path
    shown: dict[str, str] = field(default_factory=dict)
    """Texts that differ from run to run, and what a page shows for each."""
    ends: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> None:
        self.repository.commit(dict(files or {}))

    def edit(self, path: str, was: str, becomes: str) -> None:
        """Replace a text in a file, and commit."""
        text = (self.repository.path / path).read_text("utf-8")
        assert was in text, f"{path} has no {was!r}"
        self.commit({path: text.replace(was, becomes, 1)})

    def set(self, name: str, value: str) -> None:
        self.patch.setenv(name, value)

    def there(self, resource: str) -> bool:
        """Whether a resource is in the environment's group."""
        place = group("bikes-dev")
        found = Azure().get(f"{place}/resources", "2021-04-01") if Azure().there(place, "2021-04-01") else {}
        return any(
            each["id"].lower() == f"{place}/providers/{resource}".lower() for each in found.get("value", [])
        )

    def run(self, *words: str) -> Ran:
        """A command as it is typed in the checkout, without a terminal."""
        from reconciler.cli import main

        out, err = io.StringIO(), io.StringIO()
        self.patch.setattr("sys.argv", ["reconciler", *words])
        self.patch.setattr("sys.stdin", io.StringIO())
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as ended:
                return Ran(int(ended.code or 0), out.getvalue(), err.getvalue())
        raise AssertionError("the command line did not end as one does")

    def applied(self, name: str = "dev") -> None:
        """Bring the environment about, as before the mistake was made."""
        done = self.run("apply", name, "--yes")
        assert done.code == 0, done.out + done.err


@dataclass(frozen=True)
class Mistake:
    """Something that people do wrong.

    did: what was done, for the page. told: texts that the message must hold: the place first, the way out last.
    edit: a file, a text in it and what was written in its place. before: what else is done first. words: the
    command. code: its exit code. calls: whether Azure is called. writes: whether what is right beside the
    mistake is written all the same; absent: what must not be there then, below the group."""

    name: str
    did: str
    told: tuple[str, ...]
    edit: tuple[str, str, str] | None = None
    before: Callable[[Bench], None] | None = None
    words: tuple[str, ...] = ("plan", "dev")
    code: int = 1
    writes: bool = False
    calls: bool = False
    absent: str = ""

    @property
    def slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True)
class Made:
    """A mistake that was made: what was printed, and what it meant for Azure."""

    ran: Ran
    journal: list[dict[str, Any]]
    text: str
    """All that was printed, in the form that the page shows."""


@contextlib.contextmanager
def bench(folder: Path, sandbox: Sandbox) -> Iterator[Bench]:
    """An empty Azure, a checkout of the page's project, and nothing of the person who runs the tests."""
    from reconciler import redaction, settings
    from reconciler.providers import retries

    sandbox.reset()
    settings.credential.cache_clear()
    repository = Repository(folder / "bikes")
    repository.path.mkdir(parents=True)
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.commit(sample.FILES)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as ends:
        for name in [*foreign_names(os.environ), *(n for n in os.environ if n.startswith("RECONCILER_"))]:
            patch.delenv(name)
        for name, value in sandbox.variables.items():
            patch.setenv(name, value)
        patch.setenv("RECONCILER_SECRETS", "API_KEY")
        patch.setenv("API_KEY", "a-key-of-somebody-else")
        patch.setattr(retries, "PATIENCE", 0.5)
        patch.setattr(retries, "ATTEMPTS", 2)
        patch.chdir(repository.path)
        yield Bench(repository, sandbox, patch, folder, ends=ends)
    settings.credential.cache_clear()
    redaction.forget()


def make(mistake: Mistake, bench: Bench) -> Made:
    """Make the mistake and run its command."""
    if mistake.before:
        mistake.before(bench)
    if mistake.edit:
        bench.edit(*mistake.edit)
    since = max((entry["n"] for entry in bench.sandbox.journal()), default=0)
    ran = bench.run(*mistake.words)
    return Made(ran, bench.sandbox.journal(since), plain(ran.out + ran.err, bench))


FORMS = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "2026-01-02T03:04:05Z"),
    (r"(?<=at )[0-9a-f]{12}\b", "1a2b3c4d5e6f"),
    (r"\b\d+\.\d s\b", "1.2 s"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8080"),
    (r"adb-\d+\.\d+\.", "adb-1234567890123456.7."),
    (r"process \d+", "process 4711"),
    (r"\d+/\d+/\d{4} \d+:\d\d:\d\d [AP]M", "1/2/2026 3:04:05 AM"),
    (r"(?<=workspace: )\d+", "1234567890123456"),
)
"""What differs from run to run though the message is the same."""


def plain(text: str, bench: Bench) -> str:
    """The text with what differs from run to run put into one form."""
    for was, shown in {**bench.shown, str(bench.repository.path): "~/bikes", str(bench.folder): "~"}.items():
        text = text.replace(was, shown)
    for pattern, shown in FORMS:
        text = re.sub(pattern, shown, text)
    return text
