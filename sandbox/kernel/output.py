"""What a task prints: kept up to a limit, and without the secrets that it fetched."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

REDACTED = "[REDACTED]"
LIMIT = 5 * 1024 * 1024


class Redactor:
    """Replaces every secret's value in texts, the longest first."""

    def __init__(self) -> None:
        self._values: list[str] = []

    def add(self, values: Iterable[str]) -> None:
        found = {*self._values, *(value for value in values if value.strip())}
        self._values = sorted(found, key=lambda value: (-len(value), value))

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, REDACTED)
        return text


class Output(io.TextIOBase):
    """A text stream that hands on whole lines, so that no secret hides across two writes of one line."""

    def __init__(self, redact: Redactor, hand_on: Callable[[str], None], limit: int = LIMIT) -> None:
        self._redact, self._hand_on, self._left = redact, hand_on, limit
        self._pending = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._pending += text
        head, newline, self._pending = self._pending.rpartition("\n")
        self._emit(head + newline)
        return len(text)

    def finish(self) -> None:
        """Hand on a last line without an end. `flush` does not: a secret may be half written."""
        self._emit(self._pending)
        self._pending = ""

    def _emit(self, text: str) -> None:
        text = self._redact(text)[: self._left]
        if text:
            self._left -= len(text)
            self._hand_on(text)
