"""ARM's token buckets, by subscription and principal.

learn.microsoft.com, "Understand how Azure Resource Manager throttles requests": a bucket of 250
reads refilled by 25 a second, of 200 writes and of 200 deletes refilled by 10 a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

_SIZES = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
_KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass(frozen=True)
class Taken:
    """What a bucket said: how many are left, and for how many seconds to wait when refused."""

    kind: str
    remaining: int
    retry_after: int | None = None


class Limits:
    """The buckets; off by default, when they are always full."""

    def __init__(self) -> None:
        self.enabled = False
        self._buckets: dict[tuple[str, str, str], tuple[float, datetime]] = {}

    def take(self, method: str, subscription: str, principal: str, now: datetime) -> Taken:
        """Take one token for a call by `principal` at `now`."""
        kind = _KINDS.get(method, "writes")
        size, refill = _SIZES[kind]
        if not self.enabled:
            return Taken(kind, size - 1)
        key = (kind, subscription.lower(), principal)
        left, since = self._buckets.get(key, (float(size), now))
        left = min(float(size), left + refill * (now - since).total_seconds())
        if left < 1:
            self._buckets[key] = (left, now)
            return Taken(kind, 0, max(1, ceil((1 - left) / refill)))
        self._buckets[key] = (left - 1, now)
        return Taken(kind, int(left - 1))

    def clear(self) -> None:
        """Off, and full again."""
        self.enabled = False
        self._buckets.clear()
