"""One environment in one sandbox, brought from one moment to another as often as a test likes: the world and the
state are kept and put back, ticks run in this process without waiting, and all that they say is kept."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support.canary import needles, true_values
from support.crash import Doomed
from support.hurry import hurried
from support.project import Project
from support.sandbox import Sandbox, foreign_names

Documents = dict[tuple[str, str], str]
OURS_ALONE = frozenset({"_world", "_later", "arm.operations", "arm.activity", "keyvault.requests"})
"""Collections that belong to the sandbox, and hold nothing that anybody could touch."""
TICKS = 8
"""After so many ticks ten minutes apart, all is as Git says."""


def pointed(sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
    """Let this process's SDK clients reach a sandbox, as it stands."""
    for name in foreign_names(os.environ):
        patch.delenv(name)
    for name, value in sandbox.variables.items():
        patch.setenv(name, value)


@dataclass(frozen=True)
class Ticked:
    """What came of a tick; `quiet`: it found nothing to do, and nothing in its way."""

    result: str
    quiet: bool
    said: str
    healthy: bool = False


@dataclass
class Rig:
    """A project and its sandbox. `secrets`: values by name that are found nowhere but in their stores."""

    project: Project
    name: str
    secrets: dict[str, str]
    said: io.StringIO = field(default_factory=io.StringIO)
    foreign: dict[str, Documents] = field(default_factory=dict)
    journals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    running: Any = None
    """The engine since the last `back`: an app stays warm from one tick to the next."""

    @classmethod
    def of(cls, project: Project, name: str, secrets: dict[str, str], patch: pytest.MonkeyPatch) -> Rig:
        return cls(project, name, secrets).entered(patch)

    def entered(self, patch: pytest.MonkeyPatch) -> Rig:
        """Reached from this process, and without waiting, until `patch` is undone."""
        pointed(self.sandbox, patch)
        # Public roots are of no use here, and reading them takes longer than the call they are read for.
        pem = (self.sandbox.state / "authority.pem").read_bytes()
        only = self.sandbox.state / "only.pem"
        only.write_bytes(pem[pem.index(b"-----BEGIN CERTIFICATE-----") :])
        for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            patch.setenv(variable, str(only))
        for variable, value in {**self.secrets, "RECONCILER_SECRETS": ",".join(self.secrets)}.items():
            patch.setenv(variable, value)
        hurried(self.sandbox, patch)
        return self

    @property
    def sandbox(self) -> Sandbox:
        return self.project.sandbox

    # Moments

    def keep(self, moment: str, foreign: Documents | None = None) -> None:
        """Remember world and state under a name; `foreign`: what of the world is nobody's but theirs."""
        self.sandbox.control("POST", "keep", {"name": moment})
        place = self.kept(moment)
        shutil.rmtree(place, ignore_errors=True)
        if self.project.state.exists():
            shutil.copytree(self.project.state, place, ignore=shutil.ignore_patterns("cache"))
        self.foreign[moment] = foreign or {}

    def back(self, moment: str) -> None:
        """To that moment; whoever was signed in signs in anew."""
        from reconciler import settings

        self.sandbox.control("POST", "restore", {"name": moment})
        self.sandbox.control("DELETE", "journal")
        for path in self.project.state.iterdir() if self.project.state.exists() else ():
            if path.name != "cache":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.kept(moment).exists():
            shutil.copytree(self.kept(moment), self.project.state, dirs_exist_ok=True)
        settings.credential.cache_clear()
        self.running = None
        self.said = io.StringIO()

    def kept(self, moment: str) -> Path:
        """Where the state of a moment is."""
        return self.project.state.parent / f"kept-{moment}"

    # Runs

    def engine(self) -> Any:
        """That of an app which was started at this moment."""
        from reconciler import settings

        if self.running is None:
            place, state = str(self.project.repository.path), str(self.project.state)
            self.running = settings.engine(replace(settings.read(), repository=place, state=state))
        return self.running

    def tick(self) -> Ticked:
        """One tick in this process. What it raises besides the product's own errors is a bug, and is raised."""
        from reconciler.cli.loop import tick_json
        from reconciler.errors import ReconcilerError

        with self._heard():
            engine = self.engine()
            try:
                done = engine.tick(self.name)
            except ReconcilerError as error:
                said = f"{type(error).__name__}: {error}"
                self.said.write(said)
                return Ticked("failed", False, said)
        said = json.dumps(tick_json(done))
        self.said.write(said)
        plan = done.planned.plan if done.planned is not None else None
        quiet = plan is not None and not (plan.changes or plan.blocked or plan.waiting) and not done.outcomes
        return Ticked(done.result, done.result == "done" and quiet, said, self.healthy)

    @property
    def healthy(self) -> bool:
        state = self.engine().store.load(self.name)
        return state is not None and state.notes.get("healthy") == self.project.repository.git(
            "rev-parse", "HEAD"
        )

    def converges(self, ticks: int = TICKS) -> int:
        """Tick until nothing is left to do; how many ticks that took. Raises AssertionError with the last."""
        last = None
        for number in range(1, ticks + 1):
            last = self.tick()
            if last.quiet and last.healthy:
                return number
            self.sandbox.advance("PT10M")
        raise AssertionError(f"not quiet after {ticks} ticks: {last}")

    def doomed(self, *words: str) -> Doomed:
        """A verb in a process that may be killed; it waits for `go`."""
        place = ("--repo", str(self.project.repository.path), "--state", str(self.project.state))
        return Doomed(*words, *place, variables=dict(os.environ))

    @contextmanager
    def _heard(self) -> Iterator[None]:
        handler = logging.StreamHandler(self.said)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)

    # What is true of the world

    def documents(self) -> Documents:
        """All that the sandbox holds, as it holds it, by collection and key."""
        with closing(sqlite3.connect(f"file:{self.sandbox.state / 'world.db'}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT collection, key, document FROM documents")
            return {(name, key): text for name, key, text in rows if name not in OURS_ALONE}

    def made_by(self, somebody: Callable[[], None]) -> Documents:
        """What is there since `somebody` did something, and was not there before."""
        before = self.documents()
        somebody()
        return {place: text for place, text in self.documents().items() if place not in before}

    def wrongs(self, moment: str) -> list[str]:
        """What went wrong since that moment for others: touched, made twice, told. Empty where all is well."""
        now = self.documents()
        touched = [
            f"touched: {place}" for place, text in self.foreign[moment].items() if now.get(place) != text
        ]
        return [*touched, *self._twice(), *self._leaks()]

    def _twice(self) -> list[str]:
        """Resources that were created more than once since the journal was emptied and the world put back."""
        with closing(sqlite3.connect(f"file:{self.sandbox.state / 'world.db'}?mode=ro", uri=True)) as db:
            events = [json.loads(text) for (text,) in db.execute(_EVENTS)]
            jobs = [json.loads(text) for (text,) in db.execute(_JOBS)]
        made: Counter[str] = Counter()
        for event in sorted(events, key=lambda one: one["eventTimestamp"]):
            id_ = event["resourceId"].lower()
            action = event["operationName"]["value"].lower()
            if action.endswith("/delete"):
                made[id_] = 0
            elif event["subStatus"]["value"] == "Created" and "/deployments/" not in id_:
                made[id_] += 1
                if made[id_] > 1:
                    return [f"made twice: {id_}"]
        names = Counter(_named(job) for job in jobs)
        return [f"made {count} times: the job {name}" for name, count in names.items() if count > 1]

    def _leaks(self) -> list[str]:
        values = {**self.secrets, **true_values(self.sandbox)}
        told = [self.said.getvalue().encode()]
        kept = [
            path for path in self.project.state.rglob("*") if path.is_file() and "cache" not in path.parts
        ]
        texts = {"said": told[0], **{path.name: path.read_bytes() for path in kept}}
        return [
            f"told: {name} in {place}"
            for name, value in values.items()
            for needle in needles(value)
            for place, text in texts.items()
            if needle in text
        ]


_EVENTS = "SELECT document FROM documents WHERE collection = 'arm.activity' AND document LIKE '%Created%' OR collection = 'arm.activity' AND document LIKE '%/delete%'"
_JOBS = "SELECT document FROM documents WHERE collection = 'databricks.jobs'"


def _named(job: Any) -> str:
    """A job's name, wherever its document has it."""
    settings = job.get("settings") or job
    return str(settings.get("name"))
