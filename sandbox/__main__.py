"""`python -m sandbox`: serve, env, demo."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

PORT = 4280
STATE = Path(".sandbox")

Port = Annotated[int, typer.Option(envvar="SANDBOX_PORT", help="Port on 127.0.0.1; 0 takes a free one.")]
State = Annotated[Path, typer.Option(help="Folder for the sandbox's certificate authority and documents.")]

cli = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)


@cli.command()
def serve(
    port: Port = PORT,
    state: State = STATE,
    lag: Annotated[bool, typer.Option("--lag", help="Be eventually consistent, as Azure is.")] = False,
    until_stdin_closes: Annotated[bool, typer.Option(help="Stop when standard input ends.")] = False,
) -> None:
    """Serve in the foreground; one JSON line with the port says when it is ready."""
    from sandbox.serve import run

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        run(port, state, lag, until_stdin_closes)
    except BlockingIOError:
        _fail(f"another sandbox runs on the folder {state}: stop it or choose another --state")
    except OSError as fault:
        _fail(f"cannot listen on port {port}: {fault.strerror}; choose another --port")


@cli.command()
def env(port: Port = PORT, state: State = STATE) -> None:
    """Print the shell lines that point a shell at the sandbox: eval "$(python -m sandbox env)"."""
    from sandbox.environment import exports

    print(exports(port, state))


@cli.command()
def demo() -> None:
    """Run the main job on the sandbox, end to end."""
    from sandbox.demo import main

    raise typer.Exit(main())


def _fail(message: str) -> None:
    print(f"sandbox: {message}", file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    cli()
