"""What providers of secrets share: a value is read to be written, and shown to nobody.

In an observation stands, in the value's place, a text: `hmac-sha256:<fingerprint>` where the value is known
to be the one with this fingerprint; else one that tells nothing but when it was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from reconciler.record import Entry
from reconciler.resource import Resource, Secret
from reconciler.rules import HASHED, UNSEEN

VALUE = "value"
"""The field of a spec that holds the secret."""


class Values(Protocol):
    """Where providers get the values that they write."""

    def value(self, source: str) -> str:
        """The value that a source gives now. Raises CloudError naming the source."""

    def fingerprint_of(self, value: str) -> str:
        """The keyed hash of a value."""


def shown(fingerprint: str) -> str:
    """What stands for a value that is known to have this fingerprint."""
    return HASHED + fingerprint


def unseen(stamp: Mapping[str, Any]) -> str:
    """What stands for a value that nobody can read: another text once somebody has written it again."""
    return f"{UNSEEN} {' '.join(str(stamp[name]) for name in sorted(stamp))}"


def secret_of(known: Resource | Entry) -> Secret:
    """The secret that a resource is, or that was last written; one without a source where there is none."""
    spec = known.spec if isinstance(known, Resource) else known.applied or {}
    found = spec.get(VALUE)
    return found if isinstance(found, Secret) else Secret("")


def recorded_text(entry: Entry | None) -> str:
    """What stands for the value in the baseline; "" where nothing is recorded."""
    text = (entry.baseline or {}).get(VALUE) if entry is not None else None
    return text if isinstance(text, str) else ""
