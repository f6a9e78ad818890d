"""The one place that keeps secrets from leaving: every value that is read is remembered here, and every way
out (output, errors, logs, state, history, alerts, pages) passes its texts through `redact` or `cleaned`.

A value is known in the forms in which tools show it (`reconciler.secret_forms`). A text is looked through
once, however many values are known."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TextIO

from reconciler.secret_forms import SHORTEST, forms_of

SHOWN = "(secret)"

_lock = threading.Lock()
_forms: set[str] = set()
_lengths: dict[str, tuple[int, ...]] = {}
"""Of the forms that begin with these SHORTEST characters, the longest first."""
_apart: ContextVar[bool] = ContextVar("apart", default=False)


def remember(value: str) -> str:
    """Keep a value, and its telling parts, from every text from now on; gives it back."""
    if value in _forms:
        return value
    found = {form for form in forms_of(value) if form not in SHOWN}
    with _lock:
        _forms.update(found)
        for form in found:
            start = form[:SHORTEST]
            _lengths[start] = tuple(sorted({len(form), *_lengths.get(start, ())}, reverse=True))
    return value


def remember_written(value: str) -> str:
    """As `remember`, of a value that stands in a file of the repository: not so within `apart`."""
    return value if _apart.get() else remember(value)


@contextmanager
def apart() -> Iterator[None]:
    """While the block runs, this thread takes nobody's word in a file for a secret.

    What a pull request calls one stands there for everybody to read; and as it might be `failed`, or the name
    of a group, it would go from every text and state of this process before anybody has looked at it."""
    before = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(before)


def redact(text: str) -> str:
    """The text without any value that was remembered; where values overlap, without all of them."""
    if not _lengths:
        return text
    kept, end = [], 0
    for start, stop in _found(text):
        if start >= end:
            kept += [text[end:start], SHOWN]
        end = max(end, stop)
    return "".join((*kept, text[end:])) if kept else text


def _found(text: str) -> Iterator[tuple[int, int]]:
    """Where values stand, by where they begin; of those that begin at one place the longest."""
    begins = [at for at in range(len(text) - SHORTEST + 1) if text[at : at + SHORTEST] in _lengths]
    for start in begins:
        for length in _lengths[text[start : start + SHORTEST]]:
            if text[start : start + length] in _forms:
                yield start, start + length
                break


def cleaned(value: Any, beside: Any = None) -> Any:
    """A JSON value with every text and number in it redacted. The names of fields are left as they are: they
    are addresses.

    beside: a value of the same shape that Git gives in clear: what is the same there stays."""
    if not _lengths:
        return value
    if isinstance(value, str):
        return value if value == beside else redact(value)
    if isinstance(value, Mapping):
        other = beside if isinstance(beside, Mapping) else {}
        return {name: cleaned(each, other.get(name)) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        others = beside if isinstance(beside, (list, tuple)) and len(beside) == len(value) else ()
        return [cleaned(each, others[at] if others else None) for at, each in enumerate(value)]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and str(value) in _forms:
        return SHOWN
    return value


def known() -> int:
    """How many forms of values are known: with as many, what was cleaned is clean still."""
    return len(_forms)


def forget() -> None:
    """Forget every value, as at the end of a process."""
    with _lock:
        _forms.clear()
        _lengths.clear()


# The ways out of a process


class _Redacting(io.TextIOBase):
    """A stream whose texts are redacted. It has no `buffer`, by which bytes would go past it."""

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

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors


@contextmanager
def output() -> Iterator[None]:
    """Standard output and standard error, redacted."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Redacting(sys.stdout), _Redacting(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def document(value: Any) -> str:
    """JSON for people and programs: cleaned before it is written, so that it stays JSON."""
    plain = json.loads(json.dumps(value, default=str))
    text = json.dumps(cleaned(plain), indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate as JSON escapes it


def logs() -> None:
    """Redact every record of every logger of this process, those of SDKs too, with their tracebacks."""
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info and record.exc_info[0] is not None:
            # A handler of somebody else's would format it anew.
            record.exc_text, record.exc_info = _told(record.exc_info), None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return record

    redacted.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(redacted)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a format that does not fit: logging itself would print the arguments
        return f"{record.msg} {record.args!r}"


def faults() -> None:
    """Redact the traceback of whatever ends this process or a thread of it."""

    def hook(*found: Any) -> None:
        print(_told(found), end="", file=sys.stderr)

    def of_thread(args: Any) -> None:
        if args.exc_type is not SystemExit:
            hook(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = hook
    threading.excepthook = of_thread
    sys.unraisablehook = lambda args: hook(args.exc_type, args.exc_value, args.exc_traceback)


def _told(found: Iterable[type[BaseException] | BaseException | TracebackType | None]) -> str:
    kind, error, trace = found
    return redact("".join(traceback.format_exception(kind, error, trace)))  # type: ignore[arg-type]
