"""Date functions. Source: ARM documentation, "Date functions for ARM templates"; .NET's date formats."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..errors import Problem
from .signature import Function, number, text

DEFAULT_FORMAT: Final = "yyyyMMddTHHmmssZ"
_DURATION: Final = re.compile(
    r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?\Z"
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_STANDARD: Final = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "O": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
_TOKEN: Final = re.compile(
    r"'([^']*)'|\"([^\"]*)\"|\\(.)|%|(d{1,}|M{1,}|y{1,}|h{1,}|H{1,}|m{1,}|s{1,}|f{1,7}|F{1,7}|t{1,}|z{1,}|K|g+)|(.)",
    re.S,
)


def format_date(moment: datetime, pattern: str) -> str:
    """A moment written by a standard or custom .NET format."""
    if len(pattern) == 1:
        if pattern not in _STANDARD:
            raise Problem(f"'{pattern}' is not a date format")
        if pattern in "uUrR":
            moment = moment.astimezone(UTC)
        pattern = _STANDARD[pattern]

    def piece(match: re.Match[str]) -> str:
        single, double, escaped, token, other = match.groups()
        if token is None:
            return single or double or escaped or other or ""
        return _field(moment, token)

    return _TOKEN.sub(piece, pattern)


def _field(moment: datetime, token: str) -> str:
    letter, size = token[0], len(token)
    numbers = {
        "M": moment.month,
        "d": moment.day,
        "H": moment.hour,
        "h": moment.hour % 12 or 12,
        "m": moment.minute,
        "s": moment.second,
    }
    if letter == "d" and size > 2:
        name = _DAYS[moment.weekday()]
        return name[:3] if size == 3 else name
    if letter == "M" and size > 2:
        name = _MONTHS[moment.month - 1]
        return name[:3] if size == 3 else name
    if letter in numbers:
        return str(numbers[letter]).rjust(min(size, 2), "0")
    if letter == "y":
        return str(moment.year % 100).rjust(size, "0") if size <= 2 else str(moment.year).rjust(size, "0")
    if letter in "fF":
        digits = f"{moment.microsecond:06d}0"[:size]
        return digits if letter == "f" else digits.rstrip("0")
    if letter == "t":
        return ("AM" if moment.hour < 12 else "PM")[: min(size, 2)]
    if letter == "g":
        return "A.D."
    return _zone(moment, token)


def _zone(moment: datetime, token: str) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    if token == "K":
        return "Z" if minutes == 0 else f"{sign}{size // 60:02d}:{size % 60:02d}"
    if len(token) < 3:
        return f"{sign}{str(size // 60).rjust(len(token), '0')}"
    return f"{sign}{size // 60:02d}:{size % 60:02d}"


def read_date(name: str, value: Any) -> datetime:
    """A moment from ISO 8601 text, from `utcNow()`'s own form, or with a blank instead of the T."""
    source = text(name, value).strip()
    compact = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)", source)
    try:
        if compact:
            return datetime(*map(int, compact.groups()[:6]), tzinfo=UTC)  # type: ignore[misc, arg-type]
        if not re.match(r"\d{4}-\d\d?-\d\d?", source):
            raise ValueError
        cut = re.sub(r"(\.\d{6})\d+", r"\1", source)
        moment = datetime.fromisoformat(cut.replace("Z", "+00:00").replace(" +", "+"))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise Problem(
            f"the function '{name}' was given text that is not a date and time: '{source[:40]}'"
        ) from error


def _duration(value: Any) -> timedelta:
    match = _DURATION.match(text("dateTimeAdd", value).strip())
    if not match or not any(match.groups()[1:]) or value.endswith("T"):
        raise Problem(
            f"the function 'dateTimeAdd' takes an ISO 8601 duration such as P1D, not '{value[:40]}'"
        )
    years, months, weeks, days, hours, minutes = (int(item or 0) for item in match.groups()[1:7])
    # XML Schema durations as .NET counts them: a year has 365 days, a month 30.
    try:
        length = timedelta(
            days=years * 365 + months * 30 + weeks * 7 + days,
            hours=hours,
            minutes=minutes,
            seconds=float(match.group(8) or 0),
        )
    except OverflowError as error:
        raise Problem("the duration given to 'dateTimeAdd' is too long") from error
    return -length if match.group(1) else length


def _add(base: Any, duration: Any, pattern: Any = None) -> str:
    moment = read_date("dateTimeAdd", base)
    try:
        result = moment + _duration(duration)
    except OverflowError as error:
        raise Problem("the result of 'dateTimeAdd' lies outside of the years 1 to 9999") from error
    if pattern is not None:
        return format_date(result, text("dateTimeAdd", pattern))
    # Whatever the form of the base, Azure answers in ISO 8601; a fraction keeps its digits.
    fraction = re.search(r"\.(\d{1,7})", base)
    return format_date(result, f"yyyy-MM-ddTHH:mm:ss{'.' + 'f' * len(fraction[1]) if fraction else ''}K")


def _from_epoch(value: Any) -> str:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number("dateTimeFromEpoch", value))
    except OverflowError as error:
        raise Problem(
            "the number given to 'dateTimeFromEpoch' lies outside of the years 1 to 9999"
        ) from error
    return format_date(moment, "yyyy-MM-ddTHH:mm:ssZ")


def _to_epoch(value: Any) -> int:
    return int((read_date("dateTimeToEpoch", value) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


FUNCTIONS: Final = (
    Function("dateTimeAdd", _add, 2, 3),
    Function("dateTimeFromEpoch", _from_epoch, 1, 1),
    Function("dateTimeToEpoch", _to_epoch, 1, 1),
)
