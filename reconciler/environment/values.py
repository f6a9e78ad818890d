"""Values that are more than text: spans of time, limits, days, the address of a workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from math import floor
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, StrictBool, WithJsonSchema

from reconciler.environment.rule import fault, from_text, shown

DATABRICKS_SUFFIXES = (".azuredatabricks.net", ".databricks.azure.cn", ".databricks.azure.us")
"""The domains of Azure Databricks: public, China, US Government."""

SHARE_FROM = 10
"""A limit that is a share counts only where more resources than this are recorded."""

Flag = StrictBool

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
DURATION = re.compile(r"(?=\d)(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?")
DURATION_WORDS = "a span of time: a number and d, h, m or s, as in `90s`, `5m`, `1h30m`, `30d`"


def parse_duration(text: str) -> timedelta:
    """Read `5m`, `1h30m`, `30d`; more than nothing. Raises a validation error."""
    match = DURATION.fullmatch(text)
    seconds = 0
    if match:
        seconds = sum(
            int(count or 0) * size for count, size in zip(match.groups(), UNITS.values(), strict=True)
        )
    if seconds == 0:
        raise fault(f"{shown(text)} is not {DURATION_WORDS}.")
    return timedelta(seconds=seconds)


def duration_text(value: timedelta) -> str:
    """The inverse of `parse_duration`."""
    rest, text = int(value.total_seconds()), ""
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(from_text(parse_duration, DURATION_WORDS)),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "examples": ["5m", "1h30m", "30d"]}
    ),
]


@dataclass(frozen=True)
class Limit:
    """How many resources one plan may touch: a count, or a share of the recorded ones in percent."""

    amount: int
    percent: bool = False

    def of(self, recorded: int) -> int | None:
        """How many that is with so many recorded; None = no limit (a share of ten or fewer)."""
        if not self.percent:
            return self.amount
        return floor(recorded * self.amount / 100) if recorded > SHARE_FROM else None

    def __str__(self) -> str:
        return f"{self.amount}%" if self.percent else str(self.amount)


LIMIT_WORDS = "a limit: a whole number such as `5`, or a share from `0%` to `100%`"


def parse_limit(value: object) -> Limit:
    if isinstance(value, Limit):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(value)
    if isinstance(value, str) and re.fullmatch(r"(100|[0-9]{1,2})%", value):
        return Limit(int(value[:-1]), percent=True)
    raise fault(f"{shown(value)} is not {LIMIT_WORDS}.")


LimitValue = Annotated[
    Limit,
    BeforeValidator(parse_limit),
    PlainSerializer(lambda limit: str(limit) if limit.percent else limit.amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^(100|[0-9]{1,2})%$"},
            ],
            "examples": [5, "50%"],
        }
    ),
]


def _parse_day(text: str) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise fault(f"{shown(text)} is not a day.", "Write year-month-day, as in `2026-12-31`.")


Day = Annotated[
    date,
    BeforeValidator(from_text(_parse_day, "a day, as in `2026-12-31`")),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-12-31"]}),
]


def databricks_host(text: str) -> str:
    """The host of a Databricks workspace's address, in lower case. Raises ValueError on any other domain.

    Tokens are sent to this host, so an address that comes from a template's output goes through here too."""
    match = re.fullmatch(r"(?:https://)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)/?", text, re.IGNORECASE)
    host = match[1].lower() if match else ""
    if not host.endswith(DATABRICKS_SUFFIXES) or ".." in host:
        raise ValueError("not the address of an Azure Databricks workspace")
    return host


def _workspace(value: str) -> str:
    try:
        return value if value.startswith("${") else "https://" + databricks_host(value)
    except ValueError:
        known = ", ".join(f"*{suffix}" for suffix in DATABRICKS_SUFFIXES)
        raise fault(
            "This is not the https address of an Azure Databricks workspace.",
            f"Write ${{azure.NAME.OUTPUT}} or a host among {known}.",
        ) from None


_suffix = "(?:" + "|".join(re.escape(suffix) for suffix in DATABRICKS_SUFFIXES) + ")"
Workspace = Annotated[
    str,
    BeforeValidator(lambda value: _workspace(value) if isinstance(value, str) else value),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^\$\{{azure\..*\}}$|^(?:https://)?[A-Za-z0-9.-]+{_suffix}/?$",
            "examples": [
                "${azure.platform.databricksUrl}",
                "https://adb-1234567890123456.7.azuredatabricks.net",
            ],
        }
    ),
]
ALL = "all"
NamesOrAll = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: (ALL,) if value == ALL else value),
    WithJsonSchema(
        {"anyOf": [{"const": ALL}, {"type": "array", "items": {"type": "string"}}], "examples": [ALL]}
    ),
]
"""A list of names; the text `all` becomes `("all",)`."""
