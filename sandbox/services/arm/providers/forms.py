"""Small forms that many resource types share: ids, times, defaults, canonical spelling."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Document = dict[str, Any]


def guid(*seed: object) -> str:
    """A GUID that follows from `seed`, so that two runs of the same steps answer alike."""
    return str(uuid5(NAMESPACE_URL, "|".join(str(part).lower() for part in seed)))


def stamp(at: datetime) -> str:
    """`2026-01-02T03:04:05.0607080Z`: .NET's seven digits."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}0Z"


def seconds(at: datetime) -> str:
    """`2026-01-02T03:04:05Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def normal_location(text: str) -> str:
    """`West Europe` as `westeurope`."""
    return text.replace(" ", "").lower()


def spelled(value: Any, allowed: Iterable[str]) -> str | None:
    """The allowed spelling of `value`, compared without regard to case; None when it is not allowed."""
    if not isinstance(value, str):
        return None
    return next((one for one in allowed if one.lower() == value.lower()), None)


def filled(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Document:
    """`values` with the defaults put in where a key is missing or null, in nested maps too."""
    result: Document = copy.deepcopy(dict(defaults))
    for key, value in values.items():
        if value is None and key in result:
            continue
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = filled(value, result[key]) if nested else copy.deepcopy(value)
    return result


def without(values: Mapping[str, Any], names: Iterable[str]) -> Document:
    """A deep copy without the top-level keys `names`."""
    dropped = set(names)
    return {key: copy.deepcopy(value) for key, value in values.items() if key not in dropped}


def lookup(values: Any, path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    for part in path.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def writable(merged: Mapping[str, Any]) -> Document:
    """What a client may write: location, tags, identity, sku, kind …, and `properties` as a map."""
    document = without(merged, ("id", "name", "type", "etag", "eTag", "systemData"))
    document["properties"] = copy.deepcopy(dict(merged.get("properties") or {}))
    return document
