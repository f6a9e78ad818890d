"""What all verbs share: their options, how they end, and how they print."""

from __future__ import annotations

import functools
import glob
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler import redaction
from reconciler.errors import InputError, ReconcilerError, UnsafePlan

if TYPE_CHECKING:
    from rich.console import Console

    from reconciler.engine import Reconciler

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Keeps Azure environments as Git says they are.",
)


def environments(ctx: typer.Context, incomplete: str) -> list[str]:
    """What a shell offers for ENV: files of environments/ that bear a name. Cheap: it runs at each Tab."""
    told = Path(ctx.params.get("repo") or ".").expanduser()
    top = next((each for each in (told, *told.absolute().parents) if (each / ".git").exists()), told)
    try:
        files = sorted((top / "environments").glob(f"{glob.escape(incomplete)}*.yaml"))
        return [file.stem for file in files if NAMED.search(file.read_text("utf-8", "replace"))]
    except OSError:
        return []


NAMED = re.compile(r"^name:", re.MULTILINE)
"""What a file that is only extended by others does not have."""

Env = Annotated[
    str,
    typer.Argument(
        metavar="ENV", help="An environment: a file of environments/.", autocompletion=environments
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Repo = Annotated[
    str,
    typer.Option("--repo", metavar="PATH_OR_URL", help="The Git repository; default: the current checkout."),
]
StateAt = Annotated[
    str,
    typer.Option(
        "--state", metavar="PATH", help="Where the state is kept; default: .reconciler/ in the checkout."
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="All of it, uncut; also what was judged equal, by which rule.")
]
Commit = Annotated[str, typer.Option("--commit", metavar="REF", help="Read the repository at this commit.")]


def verb(function: Callable[..., int]) -> Callable[..., None]:
    """Make a function that gives an exit code a verb: our own errors become one message, or one document."""

    @functools.wraps(function)
    def run(**arguments: Any) -> None:
        with redaction.output():
            raise typer.Exit(_ran(function, arguments))

    app.command(function.__name__.rstrip("_"))(run)
    return run


def _ran(function: Callable[..., int], arguments: dict[str, Any]) -> int:
    try:
        return function(**arguments)
    except ReconcilerError as error:
        from reconciler import render

        if arguments.get("json_"):
            print_json(render.error_json(error))
        else:
            print(_told(error), file=sys.stderr)
        return 1
    except (KeyboardInterrupt, typer.Abort):
        print("Stopped. What was under way is recorded; run it again to go on.", file=sys.stderr)
        return 130


def _told(error: ReconcilerError) -> str:
    if isinstance(error, InputError):
        count = len(error.faults)
        return f"{error}\n{count} fault{'s' if count != 1 else ''}; nothing was called."
    if isinstance(error, UnsafePlan):
        return f"error ({error.code}): {error}\n`reconciler plan {error.where}` lists them."
    said = error.message.startswith(f"{error.code}: ")  # as Azure's own codes are
    return f"error: {error}" if said else f"error ({error.code}): {error}"


def engine_of(repo: str, state: str) -> Reconciler:
    from reconciler import settings

    said = settings.read()
    return settings.engine(replace(said, repository=repo or said.repository, state=state or said.state))


def console_of(no_color: bool, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(no_color=no_color, stderr=stderr, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    print(redaction.document(document))
