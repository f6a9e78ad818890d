"""The command line: reads arguments, calls the engine, prints. Exit codes are those of each verb's help."""

from __future__ import annotations

import json
import sys

from reconciler.cli import loop, offline, record
from reconciler.cli.verb import app
from reconciler.errors import ReconcilerError

__all__ = ["app", "loop", "main", "offline", "record"]


def main() -> None:
    """Run the command line. Wrong words exit with 1, since 2 means that a plan has changes."""
    words = sys.argv[1:]
    try:
        code = app(words, standalone_mode=False)
    except Exception as error:
        shown = getattr(error, "show", None)
        if shown is None:
            raise
        if "--json" in words:
            from reconciler import render

            print(json.dumps(render.error_json(ReconcilerError(str(error), code="usage")), indent=2))
        else:
            shown()
        code = 1
    sys.exit(code or 0)
