"""Fingerprints of secrets in specs: found, put in, and taken from a record. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.record import Entry
from reconciler.resource import Resource, Secret


def secrets_in(value: Any) -> Iterator[Secret]:
    """Every Secret inside a value."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from secrets_in(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from secrets_in(each)


def filled(value: Any, fingerprints: Mapping[str, str]) -> Any:
    """The value with the fingerprints of secrets that have none yet, by their source."""
    if isinstance(value, Secret):
        known = fingerprints.get(value.source)
        return replace(value, fingerprint=known) if known and not value.fingerprint else value
    if isinstance(value, Mapping):
        return {name: filled(each, fingerprints) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(each, fingerprints) for each in value]
    return value


def recorded(entry: Entry | None) -> dict[str, str]:
    """The fingerprints of what was last written, by their source."""
    found = secrets_in(entry.applied if entry is not None else None)
    return {each.source: each.fingerprint for each in found if each.source and each.fingerprint}


def remembered(resource: Resource, entry: Entry | None) -> Resource:
    """The resource with the recorded fingerprints where the source is the recorded one: for a plan that makes
    no call."""
    return replace(resource, spec=filled(resource.spec, recorded(entry)))
