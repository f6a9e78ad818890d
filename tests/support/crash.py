"""Verbs run in processes that may be killed: forked from one that has the SDKs imported, so each costs little."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "reconciler.cli",
        "azure.identity",
        "azure.mgmt.resource.resources",
        "azure.keyvault.secrets",
        "databricks.sdk",
        "support.crash",
        "reconciler.planner",
        "reconciler.engine",
        "reconciler.render",
        "reconciler.settings",
    ]
)


def _run(words: tuple[str, ...], variables: dict[str, str], ready: object) -> None:
    from reconciler.cli import app

    os.environ.clear()
    os.environ.update(variables)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    ready.wait()  # type: ignore[attr-defined]
    app(list(words))


class Doomed:
    """One verb in a process of its own that waits for `go`; `pid` is known before it makes a call."""

    def __init__(self, *words: str, variables: dict[str, str]) -> None:
        self._ready = _CONTEXT.Event()
        self._process: BaseProcess = _CONTEXT.Process(target=_run, args=(words, variables, self._ready))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def go(self) -> int | None:
        """Let it run, and wait for its end: its exit code, negative where a signal ended it."""
        self._ready.set()
        self._process.join(timeout=120)
        return self._process.exitcode
