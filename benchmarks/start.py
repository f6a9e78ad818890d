"""How long a process takes to start.

The Function app's module stands beside the library that it needs in any case, and `reconciler --help` beside
an empty Typer app with the same verbs. Whole processes, in turn, after a warm-up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from support.sandbox import ROOT

from benchmarks.figure import Figure

ROUNDS = 15
APP, HELP = 2.0, 1.5
"""At most so many times."""


def run() -> Iterator[Figure]:
    app = ("-c", "import function_app")
    library = ("-c", "import azure.functions")
    yield from _beside("import function_app", app, "import azure.functions", library, APP)
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(empty_app(), "utf-8")
        ours, bare = ("-m", "reconciler", "--help"), (str(empty), "--help")
        yield from _beside("reconciler --help", ours, "an empty Typer app", bare, HELP)


def empty_app() -> str:
    """A Typer app with the verbs of ours, which do nothing."""
    from reconciler.cli import app

    names = [command.name for command in app.registered_commands]
    verbs = [
        f"@app.command({name!r})\ndef verb{at}() -> None:\n    '''Nothing.'''\n"
        for at, name in enumerate(names)
    ]
    return "\n".join(["import typer", "app = typer.Typer(no_args_is_help=True)", *verbs, "app()"])


def _beside(
    name: str, ours: Sequence[str], other: str, theirs: Sequence[str], at_most: float
) -> Iterator[Figure]:
    for words in (ours, theirs) * 2:
        _seconds(words)
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(ROUNDS)]
    yield Figure.of(name, [one for one, _ in pairs], "s")
    yield Figure.of(other, [one for _, one in pairs], "s")
    yield Figure.of(f"{name} to {other}", [one / two for one, two in pairs], "times", at_most)


def _seconds(words: Sequence[str]) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    return time.monotonic() - began
