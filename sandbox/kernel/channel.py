"""One JSON line per message, between the kernel and the sandbox that started it.

The sandbox sends `{"task": …}` and answers; the kernel sends `{"ask": what, …}`, `{"started": true}` when the
libraries are there, `{"output": text}` and `{"done": …}`. An answer is `{"answer": value}` or
`{"error": {"kind", "message"}}`.
"""

from __future__ import annotations

import json
import socket
from threading import Lock
from typing import Any


class Refused(Exception):
    """The sandbox's no; `kind` is an error code of the workspace or the name of a Java exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Channel:
    """The kernel's end."""

    def __init__(self, connection: socket.socket) -> None:
        self._lines = connection.makefile("rb")
        self._connection = connection
        self._asking, self._sending = Lock(), Lock()

    def task(self) -> dict[str, Any] | None:
        """The next task; None when the sandbox wants no more."""
        line = self._lines.readline()
        return json.loads(line)["task"] if line else None

    def send(self, **message: Any) -> None:
        with self._sending:
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, what: str, **about: Any) -> Any:
        """The sandbox's answer; raises Refused. Threads of a notebook take turns."""
        with self._asking:
            self.send(ask=what, **about)
            line = self._lines.readline()
        if not line:
            raise SystemExit("the sandbox is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(**answer["error"])
        return answer["answer"]
