"""The command line: reads arguments, calls the engine, prints. Exit codes are those of each verb's help."""

from reconciler.cli import loop, offline, record
from reconciler.cli.verb import app

__all__ = ["app", "loop", "main", "offline", "record"]


def main() -> None:
    app()
