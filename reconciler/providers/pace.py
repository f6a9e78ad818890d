"""Keeps calls within Azure Resource Manager's token buckets, so that it need not refuse any.

A subscription has, for each caller, a bucket of reads, one of writes and one of deletes. They fill again by
so many tokens a second, and each answer tells what is left
(https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling)."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

RATES: Mapping[str, float] = {"reads": 25.0, "writes": 10.0, "deletes": 10.0}
"""Tokens that come back each second."""
KEPT = 2
"""Tokens that we leave in a bucket: what is told of it is a moment old."""
LONGEST = 60.0
"""Seconds beyond which a wait that was asked for is the business of who made the call."""
_KINDS: Mapping[str, str] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
_TOLD = re.compile(r"x-ms-ratelimit-remaining-subscription-(?:global-)?(reads|writes|deletes)", re.IGNORECASE)


def kind_of(method: str) -> str:
    """The bucket that a call with this method takes from."""
    return _KINDS.get(method, "writes")


def remaining(headers: Mapping[str, str], kind: str) -> int | None:
    """What an answer tells of a bucket; the least, where it tells of several; None where it tells nothing."""
    named = ((_TOLD.fullmatch(name), value) for name, value in headers.items())
    found = [int(value) for match, value in named if match and match[1].lower() == kind and value.isdecimal()]
    return min(found, default=None)


@dataclass
class _Bucket:
    """free: tokens that no call has taken yet, as of `since`; None until an answer told. It is below zero
    while calls wait for tokens that are still to come. under_way: calls that have no answer yet."""

    free: float | None = None
    since: float = 0.0
    under_way: int = 0


class Pace:
    """What is left for one subscription and caller. Safe under threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: defaultdict[str, _Bucket] = defaultdict(_Bucket)

    def take(self, kind: str) -> float:
        """Take a token for a call; gives the seconds to wait before the call is made."""
        with self._lock:
            bucket, now = self._buckets[kind], self._clock()
            bucket.under_way += 1
            if bucket.free is None:
                return 0.0
            bucket.free += RATES[kind] * (now - bucket.since) - 1
            bucket.since = now
            return max(0.0, (KEPT - bucket.free) / RATES[kind])

    def ended(self, kind: str, left: int | None = None, wait: float = 0.0) -> None:
        """The call ended. left: what its answer told of the bucket; wait: the seconds it asked for."""
        with self._lock:
            bucket = self._buckets[kind]
            bucket.under_way -= 1
            if left is not None:
                owed = wait * RATES[kind] if wait <= LONGEST else 0.0
                bucket.free, bucket.since = left - bucket.under_way - owed, self._clock()
