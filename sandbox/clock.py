"""The world's clock: real time plus what was advanced. It is kept across restarts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sandbox.store import Store

_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class Clock:
    """`now()` is an aware UTC datetime."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fixed: datetime | None = None
        self.reload()

    def reload(self) -> None:
        """Read the offset again, after the store was emptied."""
        kept = self._store.get("_world", "clock") or {}
        self._offset = timedelta(seconds=kept.get("advanced", 0))

    def now(self) -> datetime:
        """The world's time."""
        return self._fixed or datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward and answer the new time. Raises ValueError for a step back."""
        if by < timedelta(0):
            raise ValueError("the clock only moves forward")
        self._offset += by
        self._store.put("_world", "clock", {"advanced": self._offset.total_seconds()})
        return self.now()

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Let `now()` be `moment`: an effect that fell due earlier sees the time it fell due at."""
        before, self._fixed = self._fixed, moment
        try:
            yield
        finally:
            self._fixed = before


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration of weeks to seconds, as `PT5M`. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no ISO 8601 duration such as PT5M or P1DT2H")
    return timedelta(**{unit: float(value) for unit, value in found.groupdict(default="0").items()})


def iso(moment: datetime) -> str:
    """`2024-05-06T07:08:09.1234567Z`, Azure's form with seven digits; sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def parse_iso(text: str) -> datetime:
    """The moment that `iso` (or any RFC 3339 writer) wrote. Raises ValueError."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
