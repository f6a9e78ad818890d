"""What a kind of check has to be able to do, and what it works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from reconciler.armtemplate.values import has_unknown
from reconciler.checks.record import Record, Wanted
from reconciler.errors import CloudError
from reconciler.providers.azure import Arm
from reconciler.providers.workspace import Place, Workspaces


@dataclass(frozen=True)
class Tools:
    """What checks work with.

    place: the environment's workspace, None where it has none; factory: its data factory's id, or "".
    libraries: its wheels and JARs as paths of the workspace. save: keeps `state.notes["checks"]`.
    now: Azure's clock. deadline: on `time.monotonic`'s scale. redact: takes secrets out of a text.
    progress: called with a check's name and its record when it starts and when it ends."""

    workspaces: Workspaces
    arm: Arm
    save: Callable[[Mapping[str, Any]], None]
    now: Callable[[], datetime]
    deadline: float
    place: Place | None = None
    factory: str = ""
    libraries: tuple[str, ...] = ()
    redact: Callable[[str], str] = field(default=lambda text: text)
    progress: Callable[[str, Record], None] = field(default=lambda *_: None)
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Look:
    """What was seen of a check: `passed` is None while it runs.

    token: how to go on; empty where our call turned out never to have been made, so that it is made again.
    seconds: how long it ran, where the service says so."""

    token: Mapping[str, Any]
    passed: bool | None = None
    url: str = ""
    error: str = ""
    seconds: float | None = None


def known(*values: Any) -> None:
    """Raises CloudError where a value is still to be told by something live."""
    if any(has_unknown(value) for value in values):
        raise CloudError("It needs a value that is not known yet.", code="not-known-yet")


class Kind(Protocol):
    """One kind of check. Each of these makes a call or two, and raises CloudError and its kinds."""

    def begin(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        """Start it, once; the token was saved before, and has `mark`, a text of its own, and `asked`."""
        ...

    def settle(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        """Find out what became of a start whose answer nobody has."""
        ...

    def look(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        """See how far it is."""
        ...

    def cancel(self, token: Mapping[str, Any], tools: Tools) -> str:
        """Stop it; what is to be told of that, e.g. " and was cancelled"."""
        ...
