"""What a list does not show is read once an hour, every tick a share of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.record import Entry

READ = "read"
"""In a stamp: when the whole resource was read last."""
HOUR = timedelta(hours=1)


def read_at(now: datetime) -> Mapping[str, str]:
    return {READ: now.isoformat(timespec="seconds")}


def due(entry: Entry, now: datetime) -> bool:
    """Whether it is to be read again: each key at a moment of its own in the second half of the hour, so that
    what was written together is not read together."""
    read = entry.stamp.get(READ)
    if not isinstance(read, str):
        return True
    share = int(hashlib.sha256(str(entry.key).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return now - datetime.fromisoformat(read) >= HOUR * (0.5 + share / 2)
