"""The demo: the sample's environments come into being on the sandbox, stay in line, drift, and are put right.

It runs the product as anybody would: a Git repository, the `reconciler` command, and nothing that tells it
that Azure is played. What somebody does by hand in a browser is done with the clouds' own SDKs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from sandbox.demo import azure, hosted, team
from sandbox.demo.stage import ROOT, Stage, Wrong

STEPS: tuple[tuple[str, Callable[[Stage], str]], ...] = (
    ("test comes after dev, and dev is not there yet", azure.too_early),
    ("dev comes into being", azure.create_dev),
    ("planned again", azure.again("dev")),
    ("the data team's code is in the workspace", team.deployed),
    ("somebody starts the job that trains the model", team.training),
    ("somebody changes a storage account by hand", azure.drift),
    ("the next tick puts it back", azure.heal("dev")),
    ("somebody edits a notebook in the browser", team.edited),
    ("the next tick puts it back", azure.heal("dev")),
    ("the job has ended: prep, then train", team.trained),
    ("planned again", azure.again("dev")),
    ("test follows dev", azure.create_test),
    ("Data Factory's pipeline has called the scoring notebook", team.predicted),
    ("planned again", azure.again("test")),
    ("somebody regenerates the storage key", team.key_regenerated),
    ("a pull request is merged, and its push is told to the app", hosted.pull_request),
    ("planned again", azure.again("test")),
    ("somebody adds a tag by hand", azure.drift_in_test),
    ("somebody edits a pipeline in Studio", azure.drift_in_factory),
    ("planned again", azure.again("test")),
    ("status", azure.tell_status),
)


def prepare(folder: Path) -> None:
    """A bare repository with this checkout's commit as `main`, and a working copy of it."""
    for words in (
        ["git", "clone", "-q", "--bare", str(ROOT), "origin.git"],
        ["git", "-C", "origin.git", "update-ref", "refs/heads/main", "HEAD"],
        ["git", "-C", "origin.git", "symbolic-ref", "HEAD", "refs/heads/main"],
        ["git", "clone", "-q", "origin.git", "work"],
        ["git", "-C", "work", "config", "user.name", "Demo"],
        ["git", "-C", "work", "config", "user.email", "demo@example.com"],
    ):
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"{' '.join(words)}: {done.stderr.strip()} (the demo needs a Git checkout)")


def main() -> int:
    """Run the demo. 0: all was as promised, 1: something was not, and what is said."""
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--state", str(folder / "sandbox")]
    serving = subprocess.Popen(
        [*command, "--until-stdin-closes"],
        cwd=ROOT,
        env=_compiled_once({**os.environ}, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline() or "{}")
        if "port" not in ready:
            raise Wrong("the sandbox did not start")
        stage = Stage(folder, ready["url"], _environment(ready["port"], folder), console)
        prepare(folder)
        told = []
        for number, (title, step) in enumerate(STEPS, 1):
            console.print(f"\n[bold]{number}. {title}[/bold]")
            begun = time.monotonic()
            result = step(stage)
            console.print(f"   [green]✓[/green] {result.replace('[', chr(92) + '[')}")
            told.append((title, result, time.monotonic() - begun))
    except Wrong as wrong:
        console.print(f"   [red]✗ {str(wrong).replace('[', chr(92) + '[')}[/red]")
        console.print(f"What it left is in {folder}.")
        return 1
    finally:
        serving.terminate()
        serving.wait(timeout=10)
    console.print("\n[bold]What was shown[/bold]")
    for title, result, seconds in told:
        console.print(f"  {title} ({seconds:.1f} s): {result.replace('[', chr(92) + '[')}")
    console.print(
        f"[green]All as promised, in {time.monotonic() - started:.0f} s, on loopback alone.[/green]"
    )
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _environment(port: int, folder: Path) -> dict[str, str]:
    from sandbox.environment import variables

    led_astray = ("ALL_PROXY", "HTTP_PROXY", "AZURE_", "ARM_", "DATABRICKS_", "RECONCILER_", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(led_astray)}
    own = {"AZURE_CONFIG_DIR": str(folder / "azure"), "XDG_CONFIG_HOME": str(folder / "config")}
    return _compiled_once({**kept, **variables(port, folder / "sandbox"), **own}, folder)


def _compiled_once(env: dict[str, str], folder: Path) -> dict[str, str]:
    """Python compiles each module once for all of the demo's short processes, wherever it is installed."""
    kept = {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "pycache")}
