"""The command line: reads arguments, calls the engine, prints. Exit codes are those of each verb's help."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from reconciler import redaction
from reconciler.cli import doctor, loop, offline, record, serve
from reconciler.cli.verb import app
from reconciler.errors import ReconcilerError

__all__ = ["app", "doctor", "loop", "main", "offline", "record", "serve"]


MEANT = {"deploy": "apply", "sync": "tick", "diff": "plan", "check": "validate", "delete": "destroy"}
"""What other tools call our verbs. The nearest spelling of `deploy` would be `destroy`."""


def main() -> None:
    """Run the command line. Wrong words exit with 1, since 2 means that a plan has changes."""
    words = sys.argv[1:]
    redaction.logs()
    redaction.faults()
    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # else it tells every way that it tried
    try:
        if words and words[0] in MEANT:
            message = f"No such command '{words[0]}'. Did you mean '{MEANT[words[0]]}'?"
            code = _wrong(words, message, lambda: print(f"Error: {message}", file=sys.stderr))
        else:
            code = app(words, standalone_mode=False)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        shown = getattr(error, "show", None)
        if shown is None:
            raise
        code = _wrong(words, str(error), shown)
    sys.exit(code or 0)


def _wrong(words: list[str], message: str, show: Callable[[], None]) -> int:
    if "--json" in words:
        from reconciler import render

        print(redaction.document(render.error_json(ReconcilerError(message, code="usage"))))
    else:
        show()
    return 1
