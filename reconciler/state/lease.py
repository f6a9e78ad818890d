"""A lease on a blob: held by one, renewed while its block runs, free a minute after its holder died."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobLeaseClient

from reconciler.state.store import Lease, locked

SECONDS = 60
"""How long Azure keeps a lease that nobody renews; it takes 15 to 60."""
RENEW_SECONDS = 15.0
AGAIN_SECONDS = 2.0
"""After a renewal that got no answer."""
MARGIN_SECONDS = 5.0
"""So long before the lease may have run out, nothing is begun under it any more."""
QUICK: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 5, "retry_total": 0}
LOST = frozenset({404, 409, 412})
"""Azure's answers to a renewal after which there is nothing to renew: broken, taken over, or removed."""


@contextmanager
def leased(blob: BlobClient, environment: str, holder: str) -> Iterator[Lease]:
    """Hold the blob, which is made where it is missing. Raises StateLocked naming who else does.

    The container must be there. Azure's own errors go through."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    ours = BlobLeaseClient(blob)  # it proposes an id: an acquisition whose answer was lost may be repeated
    renewal = _Renewal(ours)
    try:
        renewal.acquire(blob)
    except ResourceExistsError:
        raise locked(environment, blob.download_blob().readall()) from None
    try:
        who = {"holder": holder, "since": since, "process": f"{os.getpid()} on {socket.gethostname()}"}
        blob.upload_blob(json.dumps(who).encode(), overwrite=True, lease=ours)
        renewal.thread.start()
        yield Lease(environment, holder, since, renewal.held)
    finally:
        renewal.end()


class _Renewal:
    """Keeps a lease alive in a thread, and knows for how long it is ours at least."""

    def __init__(self, lease: BlobLeaseClient) -> None:
        self._lease = lease
        self._until = 0.0
        self._ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def acquire(self, blob: BlobClient) -> None:
        begun = time.monotonic()
        try:
            self._lease.acquire(lease_duration=SECONDS)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                blob.upload_blob(b"", overwrite=False)
            begun = time.monotonic()
            self._lease.acquire(lease_duration=SECONDS)
        self._until = begun + SECONDS - MARGIN_SECONDS

    def held(self) -> bool:
        return time.monotonic() < self._until

    def _run(self) -> None:
        wait = RENEW_SECONDS
        while not self._ended.wait(wait):
            begun = time.monotonic()
            try:
                self._lease.renew(**QUICK)
                self._until, wait = begun + SECONDS - MARGIN_SECONDS, RENEW_SECONDS
            except AzureError as error:
                if isinstance(error, HttpResponseError) and error.status_code in LOST:
                    self._until = 0.0
                    return
                wait = AGAIN_SECONDS

    def end(self) -> None:
        self._ended.set()
        if self.thread.ident is not None:
            self.thread.join()
        self._until = 0.0
        with suppress(AzureError):  # else it runs out by itself
            self._lease.release(**QUICK)
