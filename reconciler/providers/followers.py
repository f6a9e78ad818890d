"""Who holds a copy of a secret, and whether it is the newest: told by the record of our writes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciler.record import Entry
from reconciler.resource import Key

SOURCES = "sourceStamp"
"""In a resource's `at`, and so in its record: the marks of its sources when they were looked at."""


@dataclass(frozen=True)
class Follower:
    """mark: that of the source when the copy was written, or last held to be the same."""

    key: Key
    mark: str
    written: datetime


def followers(entries: Iterable[Entry], source: str) -> Iterator[Follower]:
    """What was written from a source, such as `storageKey:ACCOUNT` or `secret:VAULT/NAME`."""
    for entry in entries:
        marks = {name.lower(): mark for name, mark in entry.at.get(SOURCES, {}).items()}
        mark = marks.get(source.lower())
        if mark is not None and entry.ours and entry.written:
            yield Follower(entry.key, str(mark), datetime.fromisoformat(entry.written))
