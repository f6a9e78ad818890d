"""When two values mean the same to Azure although they are written differently. Holds for every type.

Each judgement has a code; RULES gives its sentence. A field whose spot is `exact` (tags) is compared to the
letter. What is said here about forms was seen in recorded traffic, e.g. `P1Y` read back as `P365D`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from reconciler.rules import Spot, is_mask

RULES: Final[Mapping[str, str]] = {
    "null": "null leaves the value to Azure",
    "empty": "empty and absent mean the same",
    "number": "the same number in another form",
    "boolean": "the same truth value in another form",
    "date": "the same moment in another form",
    "duration": "the same duration in another form",
    "location": "the same region, by display name or by name",
    "id": "the same resource id: case does not matter, nor whether it is given in full or by its end",
    "case": "names and keywords are the same in any case",
    "space": "only white space differs",
    "url": "the same address: case of the host, a closing slash",
    "json": "the same JSON document written with other spaces",
    "connection": "the same connection string but for its masked parts",
    "masked": "Azure shows a mask in a secret's place",
    "secret": "a secret is not given back",
    "unreadable": "taken and not given back",
    "omitted": "not given back while it has this value",
    "default": "what Azure adds where nothing is sent",
    "order": "the same items in another order",
    "fold": "text in which case and spaces mean nothing here",
    "unknown": "only Azure knows what is wanted",
    "read_only": "Azure's own: what is sent there is not kept",
    "volatile": "moves by itself",
    "ignore": "never compared",
    "key": "the key is written in another case",
}

_WORD: Final = re.compile(r"[A-Za-z][\w.\-+/:]*( ?[,;] ?[A-Za-z][\w.\-+/:]*| [\w.\-()]+){0,4}\Z", re.ASCII)
_GUID: Final = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?\Z", re.I)
_NUMBER: Final = re.compile(r"-?\d{1,18}(\.\d+)?\Z")
_DATE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d+))?)?\s?(Z|[+-]\d\d:?\d\d)?\Z", re.I
)
_ISO_DURATION: Final = re.compile(
    r"(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?\Z",
    re.I,
)
_TIMESPAN: Final = re.compile(r"(-?)(?:(\d+)\.)?(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))?\Z")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d) ?(am|pm)\Z", re.I)
_URL: Final = re.compile(r"([a-z][a-z0-9+.\-]*)://([^/?#]+)([^?#]*)(.*)\Z", re.I | re.S)
_KEPT_DIGITS: Final = 3
"""Services cut or round the digits of a second, but keep the milliseconds."""
_LONGEST_WORD: Final = 80
_ID_STARTS: Final = ("subscriptions/", "providers/")
_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]{0,3})\Z")
_HEX: Final = re.compile(r"(?:0x)?([0-9a-f]{16,})\Z", re.I)
_PORTS: Final = {"https": ":443", "http": ":80"}


def empty(value: Any) -> bool:
    """Whether a value says nothing: null, "", [], {} or only such. An item or a key named by a resource id
    says something even if its value is {}."""
    if isinstance(value, Mapping):
        return all(empty(each) and not name.startswith("/") for name, each in value.items())
    return value is None or value == "" or (isinstance(value, list) and not value)


def scalar(sent: Any, seen: Any, spot: Spot) -> str | None:
    """The rule under which two leaves are equal: "" if they are identical, None if they differ."""
    if type(sent) is type(seen) and sent == seen:
        return ""
    if isinstance(sent, bool) or isinstance(seen, bool):
        return "boolean" if str(sent).lower() == str(seen).lower() and "exact" not in spot.kinds else None
    if isinstance(sent, int | float) or isinstance(seen, int | float):
        return "number" if _number(sent) is not None and _number(sent) == _number(seen) else None
    if not (isinstance(sent, str) and isinstance(seen, str)) or "exact" in spot.kinds:
        return None
    if is_mask(seen):
        return "masked"
    if "fold" in spot.kinds and squeezed(sent) == squeezed(seen):
        return "fold"
    return text(sent, seen, spot.name, "literal" in spot.kinds)


def _number(value: Any) -> float | int | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.match(value):
        return float(value) if "." in value else int(value)
    return None


def squeezed(value: str) -> str:
    return "".join(value.split()).casefold()


def regional(name: str) -> bool:
    """Whether a field's name, in lower case, says that it holds regions."""
    return "location" in name or "region" in name


def region(value: str) -> str:
    """One form for `West US (Stage)`, `westusstage` and `WestUSStage`."""
    return "".join(character for character in value if character.isalnum()).casefold()


@lru_cache(maxsize=16384)
def text(sent: str, seen: str, name: str, literal: bool = False) -> str | None:
    """The rule under which two different texts mean the same; `name` is the field's, in lower case.

    literal: only forms that no reader takes for another text."""
    for rule, judge in _LITERAL_JUDGES if literal else _JUDGES:
        if judge(sent, seen, name):
            return rule
    return None


def _same_id(sent: str, seen: str, name: str) -> bool:
    short, long = sorted((sent.strip().strip("/").casefold(), seen.strip().strip("/").casefold()), key=len)
    if not short or not long.startswith(_ID_STARTS):
        return name.endswith(".name") and "://" not in long and long.endswith("/" + short) and short != ""
    return short == long or long.endswith("/" + short)


def _same_case(sent: str, seen: str, name: str) -> bool:
    if len(sent) != len(seen) or "://" in sent or sent.casefold() != seen.casefold():
        return False
    return bool(_GUID.match(sent)) or (len(sent) <= _LONGEST_WORD and bool(_WORD.match(sent)))


def _same_location(sent: str, seen: str, name: str) -> bool:
    return regional(name) and region(sent) == region(seen)


def _same_space(sent: str, seen: str, name: str) -> bool:
    if "".join(sent.split()) != "".join(seen.split()):
        return False
    if sent.startswith("<") and seen.startswith("<"):
        return _TAGS.sub("><", sent.strip()) == _TAGS.sub("><", seen.strip())
    return sent.strip() == seen.strip() or sent.splitlines() == seen.splitlines()


_TAGS: Final = re.compile(r">\s+<")


def _commas(value: str) -> list[str]:
    return [part.strip() for part in value.casefold().split(",")]


def _same_list(sent: str, seen: str, name: str) -> bool:
    return "," in sent and bool(_WORD.match(sent)) and _commas(sent) == _commas(seen)


def moment(value: str) -> tuple[datetime, str] | None:
    """The second in UTC and the digits after it, of a date as ISO 8601 writes it."""
    found = _DATE.match(value)
    if not found:
        return None
    day, minute, second, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        when = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return when, fraction or ""


def _same_date(sent: str, seen: str, name: str) -> bool:
    if not (sent[:1].isdigit() and seen[:1].isdigit()):
        return False
    one, other = moment(sent), moment(seen)
    if one is None or other is None or one[0] != other[0]:
        return False
    if one[1].rstrip("0") == other[1].rstrip("0"):
        return True
    cut = min(len(one[1]), len(other[1]))
    return cut >= _KEPT_DIGITS and abs(float(f"0.{one[1]}") - float(f"0.{other[1]}")) < 10.0**-cut


def seconds(value: str) -> float | None:
    """Seconds of an ISO 8601 duration (a year has 365 days and a month 30, as Azure counts) or a timespan."""
    if found := _ISO_DURATION.match(value):
        sign, *parts = found.groups()
        if all(part is None for part in parts):
            return None
        return _total(sign, parts, (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1))
    if found := _TIMESPAN.match(value):
        sign, *parts = found.groups()
        return _total(sign, parts, (86400, 3600, 60, 1))
    if found := _CLOCK.match(value):
        hour, minute, half = found.groups()
        return _total("", (str(int(hour) % 12 + (12 if half.lower() == "pm" else 0)), minute), (3600, 60))
    return None


def _total(sign: str, parts: Sequence[str | None], scale: Sequence[int]) -> float:
    total = sum(float(part) * unit for part, unit in zip(parts, scale, strict=True) if part)
    return -total if sign else total


def _same_duration(sent: str, seen: str, name: str) -> bool:
    one = seconds(sent)
    return one is not None and one == seconds(seen)


def _same_url(sent: str, seen: str, name: str) -> bool:
    one, other = _URL.match(sent.strip()), _URL.match(seen.strip())
    if one is None or other is None:
        return sent.strip("/") == seen.strip("/") or (
            "." in sent and sent.removesuffix(".") == seen.removesuffix(".")
        )
    return _url(one) == _url(other)


def _url(found: re.Match[str]) -> tuple[str, ...]:
    scheme, host, path, rest = found.groups()
    scheme = scheme.casefold()
    return scheme, host.casefold().removesuffix(_PORTS.get(scheme, "\0")), path.rstrip("/"), rest


def _same_quantity(sent: str, seen: str, name: str) -> bool:
    """`1.0Gi` is `1Gi` and `6` is `6.0`; but `1.30` is not `1.3`, which may be versions."""
    if (one := _HEX.match(sent)) and (other := _HEX.match(seen)):
        return one[1].casefold() == other[1].casefold()
    one, other = _QUANTITY.match(sent), _QUANTITY.match(seen)
    return one is not None and other is not None and one[2] == other[2] and _whole(one[1]) == _whole(other[1])


def _whole(value: str) -> str:
    return re.sub(r"\.0+\Z", "", value)


def _same_json(sent: str, seen: str, name: str) -> bool:
    if sent[:1] not in ("{", "[") or seen[:1] not in ("{", "["):
        return False
    try:
        return bool(json.loads(sent) == json.loads(seen))
    except (ValueError, RecursionError):
        return False


def _same_connection(sent: str, seen: str, name: str) -> bool:
    if ";" not in sent or "=" not in sent:
        return False
    one, other = _parts(sent), _parts(seen)
    if not other.keys() <= one.keys():
        return False
    return all(
        is_mask(other.get(part, "*")) or one[part] == other[part] or (part not in other)
        for part in one
        if part in other or not _SECRET_PART.search(part)
    ) and all(part in other or _SECRET_PART.search(part) for part in one)


_SECRET_PART: Final = re.compile(r"key|password|pwd|secret|token|signature", re.I)


def _parts(value: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in value.split(";") if part.strip())
    return {name.strip().casefold(): content.strip() for name, _, content in pairs}


_LITERAL_JUDGES: Final = (
    ("id", _same_id),
    ("date", _same_date),
    ("duration", _same_duration),
    ("json", _same_json),
    ("connection", _same_connection),
)
_JUDGES: Final = (
    *_LITERAL_JUDGES,
    ("case", _same_case),
    ("location", _same_location),
    ("number", _same_quantity),
    ("space", _same_space),
    ("space", _same_list),
    ("url", _same_url),
)
