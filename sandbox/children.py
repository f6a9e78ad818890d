"""Processes that work for the world, each at the other end of a socket with one JSON message per line.

What a process says is heard on the event loop between requests: handlers and hearing take turns, so that
neither needs a lock. Each message is one transaction of the store. A process holds its standard input as a
leash: it must end when that closes, because the sandbox has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.store import Store

_PATIENCE = 30  # seconds for a process to take in what it is told
_PIECE = 1 << 20
_ROOT = Path(__file__).resolve().parents[1]
_log = logging.getLogger("sandbox")

Message = dict[str, Any]


@dataclass
class Child:
    """One process. ``folder`` is its own and goes with it; ``notes`` are for who started it."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]
    connection: socket.socket
    heard: Callable[[Child, Message], None]
    ended: Callable[[Child], None]
    notes: dict[str, Any] = field(default_factory=dict)
    pending: bytes = b""

    def tell(self, **message: Any) -> None:
        """Raises OSError when the process is gone or does not listen."""
        self.connection.sendall(json.dumps(message).encode() + b"\n")


class Children:
    """All processes of one world, by name."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._children: dict[str, Child] = {}
        # What a sandbox that was killed left behind.
        shutil.rmtree(folder, ignore_errors=True)

    def start(
        self,
        name: str,
        module: str,
        heard: Callable[[Child, Message], None],
        ended: Callable[[Child], None],
    ) -> Child:
        """Start `python -m MODULE SOCKET FOLDER`; needs a running event loop, as every handler has."""
        loop = asyncio.get_running_loop()
        folder = self._folder / name.replace("/", "-")
        folder.mkdir(parents=True)
        ours, theirs = socket.socketpair()
        ours.settimeout(_PATIENCE)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), str(folder.resolve())],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        child = Child(name, folder, process, ours, heard, ended)
        self._children[name] = child
        loop.add_reader(ours, self._hear, child)
        return child

    def get(self, name: str) -> Child | None:
        """The one of this name while it lives."""
        return self._children.get(name)

    def named(self, prefix: str) -> list[Child]:
        """Those whose names begin so."""
        return [child for name, child in self._children.items() if name.startswith(prefix)]

    def stop(self, name: str) -> None:
        """End one with all that it started; its `ended` is not called."""
        child = self._children.pop(name, None)
        if child is None:
            return
        # Without a running loop the process ends with this one, and nobody listens any more.
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(child.connection)
        child.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        if child.process.stdin:
            child.process.stdin.close()
        child.process.wait()
        shutil.rmtree(child.folder, ignore_errors=True)

    def stop_all(self) -> None:
        for name in list(self._children):
            self.stop(name)

    def _hear(self, child: Child) -> None:
        try:
            piece = child.connection.recv(_PIECE)
        except OSError:
            piece = b""
        if not piece:
            self._lost(child)
            return
        *lines, child.pending = (child.pending + piece).split(b"\n")
        for line in lines:
            if self._children.get(child.name) is not child:
                return
            if not self._kept(lambda line=line: child.heard(child, json.loads(line))):  # type: ignore[misc]
                self._lost(child)

    def _lost(self, child: Child) -> None:
        self.stop(child.name)
        self._kept(lambda: child.ended(child))

    def _kept(self, work: Callable[[], None]) -> bool:
        """Whether it went well; then what it wrote is kept."""
        try:
            work()
        except Exception:
            self._store.rollback()
            _log.exception("a process of the sandbox was not understood")
            return False
        self._store.commit()
        return True
