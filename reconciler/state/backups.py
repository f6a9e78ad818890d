"""A copy of each state for each day, so that one that was damaged or removed can be put back.

Azure's own means fit a state badly: it is saved several times a tick, and soft delete or versions would keep
each save. https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import ContainerClient

from reconciler.state import days

KEEP_DAYS = 30

log = logging.getLogger(__name__)


def keep(container: ContainerClient, environment: str, whole: Callable[[], bytes]) -> str:
    """Keep what `whole` gives as the copy of today, where there is none; drop those that are too old. Gives
    the day. A copy that fails is told in the log, and tomorrow's is tried: no save fails for it."""
    today = datetime.now(UTC)
    prefix, day = f"backups/{environment}/", f"{today:%Y-%m-%d}"
    blob = container.get_blob_client(prefix + day)
    try:
        if not blob.exists():
            with suppress(ResourceExistsError):  # another instance was quicker
                blob.upload_blob(whole(), overwrite=False)
            days.drop(container, prefix, f"{prefix}{today - timedelta(days=KEEP_DAYS):%Y-%m-%d}")
    except AzureError as error:
        log.warning("copy of a state not kept environment=%s error=%s", environment, type(error).__name__)
    return day
