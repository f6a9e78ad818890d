"""Where the demo plays: verbs of the command line, people at the portal, and what the sandbox saw of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PATIENCE = 10
"""Seconds of silence before the demo says what it waits for."""


class Wrong(Exception):
    """The demo saw something else than it promises."""


def expect(truth: bool, what: str, seen: Any = "") -> None:
    if not truth:
        raise Wrong(f"{what}; seen: {json.dumps(seen, default=str)[:1500]}")


@dataclass
class Stage:
    """A folder with a bare repository, a working copy and the state, and a sandbox at `url`."""

    folder: Path
    url: str
    env: dict[str, str]
    console: Console
    run: int = 0
    """The job that somebody has started."""

    @property
    def work(self) -> Path:
        return self.folder / "work"

    # What a person does

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.work, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def reconciler(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a verb with --json; its exit code and its document."""
        place = ["--repo", str(self.folder / "origin.git"), "--state", str(self.folder / "state")]
        self.console.print(f"[dim]$ reconciler {' '.join(words)}[/dim]")
        code, out, errors = self._run("reconciler", *words, *place, "--json")
        try:
            return code, json.loads(out)
        except ValueError:
            raise Wrong(f"{' '.join(words)} printed no JSON: {out[-500:]}{errors[-2000:]}") from None

    def person(self, deed: str, **said: Any) -> Any:
        """Somebody does something behind the reconciler's back, with the clouds' own SDKs; what it gives."""
        code, out, errors = self._run("sandbox.demo.person", deed, json.dumps(said))
        if code:
            raise Wrong(f"{deed} by hand was refused: {errors[-800:]}")
        return json.loads(out)

    def merge(self, branch: str, path: str, was: str, becomes: str) -> str:
        """A pull request: a branch with one edit, merged into main and pushed. Gives the new commit."""
        self.git("switch", "-c", branch)
        file = self.work / path
        text = file.read_text("utf-8")
        if was not in text:
            raise Wrong(f"{path} does not say {was!r} any more")
        file.write_text(text.replace(was, becomes, 1), "utf-8")
        self.git("commit", "-am", f"{path}: {becomes.strip()}")
        self.git("switch", "main")
        self.git("merge", "--no-ff", "-m", f"Merge {branch}", branch)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def _run(self, module: str, *words: str) -> tuple[int, str, str]:
        """A module as a process of its own; what it does is told while it takes long."""
        started, before = time.monotonic(), self.position()
        with subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            while True:
                try:
                    out, errors = process.communicate(timeout=PATIENCE)
                    return process.returncode, out, errors
                except subprocess.TimeoutExpired:
                    last = (self.writes(before) or ["no write yet"])[-1]
                    shown = last if len(last) < 100 else f"{last[:40]} … {last[-50:]}"
                    self.console.print(f"[dim]  … {time.monotonic() - started:.0f} s: {shown}[/dim]")

    # What the sandbox saw

    def position(self) -> int:
        journal = self._journal(0)
        return int(journal[-1]["n"]) if journal else 0

    def writes(self, since: int) -> list[str]:
        """Writes to the clouds since a place in the journal, as `METHOD path`."""
        return [f"{e['method']} {e['path']}" for e in self._journal(since) if e["write"]]

    def _journal(self, since: int) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_sandbox/journal?since={since}") as answer:
            entries: list[dict[str, Any]] = json.load(answer)
            return entries
