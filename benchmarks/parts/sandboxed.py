"""An empty sandbox that this process's clients reach, for as long as a benchmark needs it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.sandbox import Sandbox, foreign_names


@contextmanager
def sandboxed(place: Path | None = None) -> Iterator[tuple[Path, Sandbox]]:
    """A folder of its own, or this one, and the sandbox; settings of the person who measures play no part."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as made:
        folder = place or Path(made)
        sandbox = Sandbox.start(folder / "sandbox")
        before = dict(os.environ)
        try:
            for name in foreign_names(os.environ):
                del os.environ[name]
            os.environ.update({**sandbox.variables, "XDG_CONFIG_HOME": str(folder / "settings")})
            yield folder, sandbox
        finally:
            os.environ.clear()
            os.environ.update(before)
            sandbox.stop()
