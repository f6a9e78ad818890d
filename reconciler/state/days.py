"""Lines kept in append blobs, one blob a day: past ticks, of which the newest are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContainerClient

KEEP_DAYS = 90
PIECE = 1 << 19
"""Bytes that are read at once, from the end of a day."""
ATTEMPTS = 10
"""Others may append at the same moment."""


def append(container: ContainerClient, prefix: str, line: bytes) -> None:
    """Add a line to the blob of today, once. Days that are over KEEP_DAYS old are dropped with a new one."""
    today = datetime.now(UTC)
    blob = container.get_blob_client(f"{prefix}{today:%Y-%m-%d}")
    for attempt in range(ATTEMPTS):
        try:
            size = blob.get_blob_properties().size
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                blob.create_append_blob(match_condition=MatchConditions.IfMissing)
            drop(container, prefix, f"{prefix}{today - timedelta(days=KEEP_DAYS):%Y-%m-%d}")
            size = 0
        try:
            blob.append_block(line, appendpos_condition=size)
            return
        except HttpResponseError as error:
            if error.status_code != 412 or attempt == ATTEMPTS - 1:
                raise
            if _read(blob, size, len(line)) == line:
                return  # the answer was lost, and the SDK has sent it once more


def newest(container: ContainerClient, prefix: str, limit: int) -> Iterator[tuple[str, bytes]]:
    """The last lines, the newest first, each with the name of its blob."""
    blobs = {blob.name: blob.size for blob in container.list_blobs(name_starts_with=prefix)}
    for name in sorted(blobs, reverse=True):
        for line in _from_end(container.get_blob_client(name), blobs[name]):
            if limit <= 0:
                return
            yield name, line
            limit -= 1


def _from_end(blob: BlobClient, size: int) -> Iterator[bytes]:
    rest = b""
    while size > 0:
        start = max(0, size - PIECE)
        first, *lines = (_read(blob, start, size - start) + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line)
        rest, size = first + b"\n", start
    if rest.strip():
        yield rest.rstrip(b"\n")


def _read(blob: BlobClient, start: int, length: int) -> bytes:
    return blob.download_blob(offset=start, length=length).readall()


def drop(container: ContainerClient, prefix: str, before: str) -> None:
    """Delete what is named by days before one."""
    old = [name for name in container.list_blob_names(name_starts_with=prefix) if name < before]
    for name in old:
        with suppress(ResourceNotFoundError):
            container.delete_blob(name)
