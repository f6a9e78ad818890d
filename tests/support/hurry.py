"""Waiting without waiting: what the product sleeps is added to the sandbox's clock instead."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
from support.sandbox import Sandbox

NOT_HURRIED = ("reconciler.state", "reconciler.dispatch", "reconciler.alerts")
"""Leases, queues and deliveries run by true time."""
_sleep, _monotonic = time.sleep, time.monotonic


class Hurry:
    """`skipped`: the seconds that were slept so far, by all threads together."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self.skipped = 0.0

    def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        with self._lock:
            self.skipped += seconds
            self._sandbox.advance(f"PT{seconds:.6f}S")

    def monotonic(self) -> float:
        return _monotonic() + self.skipped


def hurried(sandbox: Sandbox, patch: pytest.MonkeyPatch) -> Hurry:
    """Until `patch` is undone, sleeping moves the clocks of the world and of deadlines, and takes no time."""
    import reconciler.cli
    import reconciler.engine
    import reconciler.serve
    import reconciler.verify

    assert reconciler.cli and reconciler.engine and reconciler.serve
    hurry = Hurry(sandbox)
    here = SimpleNamespace(**{**vars(time), "sleep": hurry.sleep, "monotonic": hurry.monotonic})
    for name, module in list(sys.modules.items()):
        ours = name.startswith("reconciler.") and not name.startswith(NOT_HURRIED)
        if ours and getattr(module, "time", None) is time:
            patch.setattr(module, "time", here)
    patch.setattr(time, "sleep", hurry.sleep)  # of the SDKs and of tenacity
    patch.setattr(reconciler.verify, "Tools", partial(reconciler.verify.Tools, sleep=hurry.sleep))
    return hurry
