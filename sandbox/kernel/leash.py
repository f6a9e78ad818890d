"""Standard input as a leash: when it ends, because the sandbox has ended, so does the whole process group."""

from __future__ import annotations

import os
import signal
import threading


def hold() -> None:
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)
