"""The one place that keeps secrets from leaving: every value that is read is remembered here, and every way out
(output, errors, logs, state, history, alerts, pages) passes its texts through `redact` or `cleaned`.

A value is known in the forms in which tools show it: as it is, within JSON, in base64, encoded for a URL."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

SHOWN = "(secret)"
SHORTEST = 6
"""Characters: what is shorter would take ordinary words out of every text, and is no secret to rely on."""

_lock = threading.Lock()
_forms: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None


def remember(value: str) -> str:
    """Keep a value, and each longer line of it, from every text from now on; gives it back."""
    global _pattern
    found = {form for part in {value, *value.splitlines()} if len(part) >= SHORTEST for form in _shapes(part)}
    if found <= _forms.keys():
        return value
    with _lock:
        _forms.update(dict.fromkeys(found))
        longest_first = sorted(_forms, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))
    return value


def _shapes(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value)
    yield quote(value, safe="")
    yield quote_plus(value)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Within a longer text its first and last characters of base64 depend on what stands beside it.
        for shift in range(3):
            middle = encode(b"\0" * shift + raw).decode()[4 if shift else 0 :].rstrip("=")
            form = middle if not (len(raw) + shift) % 3 else middle[:-1]
            if len(form) >= SHORTEST:
                yield form


def redact(text: str) -> str:
    """The text without any value that was remembered."""
    return text if _pattern is None else _pattern.sub(SHOWN, text)


def cleaned(value: Any) -> Any:
    """A JSON value with every text in it redacted, keys too."""
    if _pattern is None:
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            redact(name) if isinstance(name, str) else name: cleaned(each) for name, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [cleaned(each) for each in value]
    return value


def forget() -> None:
    """Forget every value, as at the end of a process."""
    global _pattern
    with _lock:
        _forms.clear()
        _pattern = None


class _Redacting(io.TextIOBase):
    """A stream whose texts are redacted; all else is that of the stream behind it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redact(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def __getattribute__(self, name: str) -> Any:
        if name in ("encoding", "errors", "buffer"):
            return getattr(object.__getattribute__(self, "_stream"), name)
        return super().__getattribute__(name)


@contextmanager
def output() -> Iterator[None]:
    """Standard output and standard error, redacted."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Redacting(sys.stdout), _Redacting(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def logs() -> None:
    """Redact every record of every logger of this process, those of SDKs too."""
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            told = redact(record.getMessage())
        except (TypeError, ValueError):
            return record
        record.msg, record.args = told, None
        return record

    redacted.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(redacted)
