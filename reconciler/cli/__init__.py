"""The command line: reads arguments, calls the engine, prints. Exit codes are those of each verb's help."""

from __future__ import annotations

import logging
import os
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
    for name in ("azure.identity", "azure.mgmt.core"):
        logging.getLogger(name).setLevel(logging.ERROR)  # else they tell every way that they tried
    try:
        if words and words[0] in MEANT:
            message = f"No such command '{words[0]}'. Did you mean '{MEANT[words[0]]}'?"
            code = _wrong(words, message, lambda: print(f"Error: {message}", file=sys.stderr))
        else:
            code = app(words, standalone_mode=False)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # as in `reconciler history dev | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python complains once more when it ends
        code = 141
    except Exception as error:
        shown = getattr(error, "show", None)
        if shown is None:
            if "--json" in words:
                message = f"{type(error).__name__}: this is a fault of the reconciler's own; stderr has more."
                _wrong(words, message, lambda: None, "internal")
            raise
        code = _wrong(words, str(error), shown)
    sys.exit(code or 0)


def _wrong(words: list[str], message: str, show: Callable[[], None], code: str = "usage") -> int:
    if "--json" in words:
        from reconciler import render

        print(redaction.document(render.error_json(ReconcilerError(message, code=code))))
    else:
        show()
    return 1
