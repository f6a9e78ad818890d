"""Azure's eventual consistency, driven by the world's clock and without chance.

Writers always write and read the truth (`world.store`). Only what is *answered to a reader* is
late: GET handlers ask `world.seen(collection, key)`, lists ask `world.seen_items(collection,
prefix)`; rules that take effect later ask `world.lag.passed(kind, since)`. Without `--lag` all
three are the truth at once. Long-operation polls are never late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# Resource reads come from a cache near the reader; role assignments take "up to 10 minutes"
# (learn.microsoft.com, Azure RBAC troubleshooting); activity log entries 3 to 20 minutes
# (learn.microsoft.com, Azure Monitor data ingestion time).
DELAYS = {
    "read": timedelta(seconds=4),
    "list": timedelta(seconds=10),
    "role": timedelta(minutes=4),
    "activity": timedelta(minutes=6),
}


@dataclass(frozen=True)
class Lag:
    """How late each kind of knowledge is; off means never. by: the same for all kinds, in place of DELAYS."""

    enabled: bool = False
    by: timedelta | None = None

    def delay(self, kind: str) -> timedelta:
        """The fixed delay of a kind in DELAYS."""
        if not self.enabled:
            return timedelta(0)
        return DELAYS[kind] if self.by is None else self.by

    def passed(self, kind: str, since: datetime, now: datetime) -> bool:
        """Whether what happened at `since` is known everywhere at `now`."""
        return now >= since + self.delay(kind)
