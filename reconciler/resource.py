"""What a resource is: its identity, what Git wants of it, and what was seen of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Self
from urllib.parse import unquote

from reconciler.armtemplate import Unknown

ENCODED = {"%": "%25", "/": "%2F", " ": "%20"}
"""What is percent-encoded in a key's scope and name, so that a key splits at its slashes."""

CASE_SENSITIVE = ("databricks.",)
"""Workspace paths and job names differ by case; names in Azure Resource Manager, Data Factory and
Key Vault do not (https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules)."""


_TABLE = str.maketrans(dict(ENCODED))


def _encode(text: str) -> str:
    return text.translate(_TABLE)


class Key(tuple[str, str, str]):
    """The only identity of a resource: `KIND/SCOPE/NAME`, e.g. `adf.pipeline/bikeshare-test-adf/score`.

    Equal keys name the same thing in the cloud, so where the cloud folds case, so does the key. It is a tuple
    of what names the thing, so that the interpreter itself compares, sorts and hashes keys: a tick does that
    tens of thousands of times. `kind`, `scope` and `name` are as they were spelt; nothing sets them later."""

    kind: str
    scope: str
    name: str

    def __new__(cls, kind: str, scope: str, name: str) -> Self:
        folded = name if kind.startswith(CASE_SENSITIVE) else name.lower()
        key = super().__new__(cls, (kind, scope.lower(), folded))
        key.kind, key.scope, key.name = kind, scope, name
        return key

    def __getnewargs__(self) -> tuple[str, str, str]:
        return (self.kind, self.scope, self.name)  # for copies

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read what `str()` wrote. Raises ValueError where that has not three parts."""
        kind, scope, name = text.split("/")
        return cls(kind, unquote(scope), unquote(name))

    @property
    def plain(self) -> str:
        """For the eye, and in patterns: without percent signs. It does not always read back."""
        return f"{self.kind}/{self.scope}/{self.name}"

    def __str__(self) -> str:
        return f"{self.kind}/{_encode(self.scope)}/{_encode(self.name)}"

    def __repr__(self) -> str:
        return f"Key({str(self)!r})"


@dataclass(frozen=True)
class Secret:
    """A leaf of a spec whose value is not for the eye.

    `fingerprint` is a keyed hash of the value (or of all that it is made from) and tells whether it changed;
    "" where nobody has looked at the value yet. `expression` is what Azure evaluates in its place, e.g.
    `parameters('password')`. `source` is where the value is read, e.g. `${storageKey:bikesharetest}`: with
    the same source another fingerprint says that the value moved there, by no commit."""

    fingerprint: str
    expression: str = ""
    source: str = ""

    def __repr__(self) -> str:
        return "Secret(…)"


class Manage(StrEnum):
    """How far we go with one resource."""

    WRITE = "write"
    OBSERVE = "observe"
    """Watched and alerted on, never written (`policy.observe`)."""


@dataclass(frozen=True)
class Resource:
    """What Git wants of one resource.

    spec: plain JSON values; a leaf may be an `armtemplate.Unknown` (only Azure knows it) or a `Secret`.
    at: how the provider finds it, e.g. `{"id": "/subscriptions/…", "apiVersion": "2023-05-01"}`.
    needs: keys that must be there first.
    batch: resources of one batch may be written by one call, e.g. one ARM deployment; "" = never.
    type: the name under which `rules/` knows it, e.g. `Microsoft.Storage/storageAccounts`.
    origin: `file:line:column` of what asked for it.
    carried: live properties that nobody declares and that a write must not wipe."""

    key: Key
    type: str
    spec: Mapping[str, Any]
    at: Mapping[str, Any]
    needs: tuple[Key, ...] = ()
    batch: str = ""
    origin: str = ""
    carried: Mapping[str, Any] = field(default_factory=dict)
    manage: Manage = Manage.WRITE

    @cached_property
    def waits(self) -> bool:
        """Whether a leaf of the spec is what only Azure knows."""
        return _has(self.spec, Unknown)

    @cached_property
    def placeless(self) -> bool:
        """Whether something of how it is found is what only Azure knows."""
        return _has(self.at, Unknown)

    @cached_property
    def secret(self) -> bool:
        """Whether a leaf of the spec is a Secret."""
        return _has(self.spec, Secret)


def _has(value: Any, kind: type) -> bool:
    if isinstance(value, Mapping):
        return any(_has(each, kind) for each in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has(each, kind) for each in value)
    return isinstance(value, kind)


class Status(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """It could not be read. Never the same as absent: nothing is created or deleted on this ground."""
    GOING = "going"
    """It is there and being deleted."""


@dataclass(frozen=True)
class Observation:
    """What was seen of one resource: facts only. `spec` has the shape of the desired spec."""

    key: Key
    status: Status
    id: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
    error: str = ""
    """Why it is unknown."""
    mark: str = ""
    """The environment whose ownership tag it bears; "" where it bears none."""
    stamp: Mapping[str, Any] = field(default_factory=dict)
    """What a list shows of it that stays while nobody writes to it, where more than that costs a call."""
