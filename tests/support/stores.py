"""Places for states: a folder, and a container in a real Azurite. Each is opened anew as another process would."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.storage.blob import BlobLeaseClient, ContainerClient, LinearRetry
from support.azurite import Azurite

from reconciler.record import Entry
from reconciler.resource import Key, Secret
from reconciler.state import FileStore, Store
from reconciler.state.blob import BlobStore


@dataclass
class Held:
    """A key for hashes that lies in this process."""

    key: bytes | None = None

    def read(self) -> bytes | None:
        return self.key

    def make(self) -> bytes:
        self.key = secrets.token_bytes(32)
        return self.key


@dataclass
class Folder:
    root: Path

    @property
    def argument(self) -> str:
        return str(self.root)

    def open(self) -> Store:
        return FileStore(self.root)

    def exists(self) -> bool:
        return self.root.exists()

    def whole(self, environment: str) -> bytes:
        """The line with the whole state."""
        return (self.root / environment / "state.json").read_bytes()

    def write(self, environment: str, whole: bytes) -> None:
        """Put another in its place, with nothing after it."""
        (self.root / environment / "state.json").write_bytes(whole)
        (self.root / environment / "journal.jsonl").write_bytes(b"")

    def remove(self, environment: str) -> None:
        for path in (self.root / environment).iterdir():
            path.unlink()

    def free(self, environment: str) -> None:
        """What a dead process held is free at once."""


@dataclass
class Container:
    connection: str
    name: str
    key: Held = field(default_factory=Held)

    @property
    def argument(self) -> str:
        return f"{self.name} {self.connection}"

    def client(self, **options: Any) -> ContainerClient:
        retries = LinearRetry(backoff=0, retry_total=2, random_jitter_range=0)
        return ContainerClient.from_connection_string(
            self.connection, self.name, **{"retry_policy": retries, **options}
        )

    def open(self, **options: Any) -> Store:
        return BlobStore(self.client(**options), self.key)

    def exists(self) -> bool:
        return self.client().exists()

    def lines(self, environment: str) -> list[bytes]:
        blob = self.client().get_blob_client(f"states/{environment}")
        return blob.download_blob().readall().splitlines(keepends=True)

    def whole(self, environment: str) -> bytes:
        return self.lines(environment)[0]

    def write(self, environment: str, whole: bytes) -> None:
        self.client().get_blob_client(f"states/{environment}").upload_blob(whole, overwrite=True)

    def remove(self, environment: str) -> None:
        self.client().delete_blob(f"states/{environment}")

    def free(self, environment: str) -> None:
        """Break the lease that a dead process left, which would run out in a minute."""
        BlobLeaseClient(self.client().get_blob_client(f"locks/{environment}")).break_lease(
            lease_break_period=0
        )


def container(azurite: Azurite) -> Container:
    """A new one, not yet made."""
    return Container(azurite.connection, f"states-{uuid4().hex[:12]}")


def at(argument: str) -> Store:
    """The store that a place's argument names, for other processes."""
    name, _, connection = argument.partition(" ")
    return Container(connection, name).open() if connection else FileStore(Path(argument))


def account(name: str) -> Key:
    """A storage account."""
    return Key("arm.resource", "group", f"Microsoft.Storage/storageAccounts:{name}")


def entry(name: str, value: object = 1) -> Entry:
    """What may be recorded of one, with a secret."""
    spec = {"sku": {"name": "Standard_LRS"}, "value": value, "password": Secret("f00d", "parameters('p')")}
    return Entry(
        account(name), "Microsoft.Storage/storageAccounts", {"id": f"/x/{name}"}, applied=spec, baseline=spec
    )
