"""Starts the sandbox as a process of its own and speaks with its control routes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What of the outer environment would lead a client past the sandbox.
_FOREIGN = (
    "ALL_PROXY",
    "HTTP_PROXY",
    "CURL_CA_BUNDLE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "MSI_ENDPOINT",
    "MSI_SECRET",
)


@dataclass
class Sandbox:
    """A running sandbox; `state` is its folder, `url` the proxy's own address."""

    process: subprocess.Popen[bytes]
    port: int
    state: Path
    lag: bool

    @classmethod
    def start(cls, state: Path, *, lag: bool = False, port: int = 0) -> Sandbox:
        """Start one and wait until it serves. It ends by itself when the starting process ends."""
        command = [sys.executable, "-m", "sandbox", "serve", "--port", str(port), "--state", str(state)]
        command += ["--until-stdin-closes", *(["--lag"] if lag else [])]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox did not start; exit code {process.wait()}")
        return cls(process, json.loads(line)["port"], state, lag)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:N`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """What `python -m sandbox env` exports."""
        from sandbox.environment import variables

        return variables(self.port, self.state)

    @property
    def env(self) -> dict[str, str]:
        """A whole environment for child processes, with a configuration folder for `az` of its own."""
        kept = {name: value for name, value in os.environ.items() if not foreign(name)}
        return {**kept, **self.variables, "AZURE_CONFIG_DIR": str(self.state / "azure")}

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call `/_sandbox/PATH`; the answer's JSON, or None. Raises AssertionError for an error status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, f"/_sandbox/{path.lstrip('/')}", data)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        assert response.status < 400, f"{method} {path}: {response.status} {answer.decode()}"
        return json.loads(answer) if answer else None

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries after number `since`."""
        entries: list[dict[str, Any]] = self.control("GET", f"journal?since={since}")
        return entries

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries that are writes."""
        return [entry for entry in self.journal(since) if entry["write"]]

    def fault(self, do: str, *, match: Mapping[str, str] | None = None, **fields: Any) -> None:
        """Ask for a fault, see POST /_sandbox/faults."""
        self.control("POST", "faults", {"do": do, "match": dict(match or {}), **fields})

    def advance(self, duration: str) -> None:
        """Move the world's clock, as by `PT5M`."""
        self.control("POST", "clock", {"advance": duration})

    def reset(self) -> None:
        """Empty it."""
        self.control("POST", "reset")

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same folder and port."""
        fresh = Sandbox.start(self.state, lag=self.lag, port=self.port)
        self.process = fresh.process

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=10)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def foreign(name: str) -> bool:
    """Whether an environment variable would lead a client past the sandbox or sign it in otherwise."""
    return name.upper() in _FOREIGN or name.upper().startswith(("AZURE_", "ARM_", "DATABRICKS_"))


def foreign_names(names: Iterable[str]) -> list[str]:
    """Those of `names` that are foreign."""
    return [name for name in names if foreign(name)]
