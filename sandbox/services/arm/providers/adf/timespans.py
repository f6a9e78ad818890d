"""Time spans as pipelines write them, `d.hh:mm:ss`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?")


def timespan(value: Any, default: str) -> timedelta:
    """The span of a text; of the default for anything else."""
    found = _SPAN.fullmatch(str(value)) or _SPAN.fullmatch(default)
    assert found is not None, default
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
