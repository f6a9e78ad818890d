"""What is special about fields, as data with reasons: `general.yaml` for every type, then `NAMESPACE.yaml`.

Each file maps types (or globs of types) to lists by kind, each entry a path, or several, and why:

    Microsoft.KeyVault/vaults:
      unreadable:
        - {path: properties.createMode, why: an instruction of the request that is not kept}

Where several rules of one kind fit a field, that of the narrower type wins.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML

from reconciler.paths import Patterns, child
from reconciler.resource import Secret

KINDS: Final[Mapping[str, str]] = {
    "read_only": "Azure's own: what is sent there is not kept",
    "volatile": "moves by itself",
    "reported": "Azure's own unless it was sent",
    "default": "what Azure takes where nothing is sent: any, that `value`, or what holds `where`",
    "omitted": "not given back while it has this `value`",
    "ignore": "never compared",
    "keyed": "a list whose items are known by the fields `by`",
    "set": "a list whose order means nothing",
    "ordered": "a list whose order matters",
    "fold": "text in which case and spaces mean nothing",
    "exact": "the user's own text, with all below it: compared to the letter",
    "literal": "the user's own text, with all below it: case and spaces matter, forms of dates do not",
    "secret": "never shown and kept only as a keyed hash; not given back, or masked",
    "immutable": "only a replacement can change it",
    "separate": "a list whose items others make through calls of their own, and a write here would lose",
    "whole": "a document: what is added to it by hand is drift, also where Git does not mention it",
    "carried": "live, declared by nobody, and taken along by a write that would wipe it",
    "unreadable": "taken and not given back",
    "forced": "Azure sets its own value, whatever is sent",
}
HIDDEN: Final = ("read_only", "volatile", "ignore")
"""The kinds that take a field, and all below it, out of every comparison."""
INHERITED: Final = (*HIDDEN, "exact", "literal", "secret", "whole")
HASHED: Final = "hmac-sha256:"
UNSEEN: Final = f"{HASHED}unknown"
"""Begins what stands for a live value that nobody can read."""
_MASKS: Final = ("<hidden>", "<redacted>", "[redacted]", "redacted")


class Entry(BaseModel):
    """One entry of a rules file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | list[str]
    why: str = Field(min_length=8)
    value: Any = None
    where: dict[str, Any] = Field(default_factory=dict)
    by: list[str] = Field(default_factory=list)


_FILE: Final = TypeAdapter(dict[str, dict[str, list[Entry]]])


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule at one path. For a default: the `value` meant, the fields `where` it holds, or any value."""

    kind: str
    path: str
    why: str
    value: Any = None
    any_value: bool = True
    where: Mapping[str, Any] = field(default_factory=dict)
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a body and the rules that hold there, by kind."""

    nodes: tuple[Patterns, ...]
    kinds: Mapping[str, Rule]
    name: str = ""
    """The last key on the way, in lower case; that of a `name` with the key above it."""

    def key(self, name: str) -> Spot:
        part = name.lower()
        return self._step(part, f"{self.name}.{part}" if part == "name" else part)

    def item(self, identity: str | int) -> Spot:
        return self._step(f"[{identity}]".lower(), self.name)

    def _step(self, part: str, name: str) -> Spot:
        kinds = {kind: self.kinds[kind] for kind in INHERITED if kind in self.kinds} if self.kinds else {}
        nodes: list[Patterns] = []
        for node in self.nodes:
            if not (node.stays and "exact" in kinds):
                nodes.extend(node.step(part))
        for node in nodes:
            for rule in node.found:
                kinds[rule.kind] = rule
        return Spot(tuple(nodes), kinds, name)

    def hidden(self) -> str:
        """The kind that takes this place out of comparison, "" where it is compared."""
        return next((kind for kind in HIDDEN if kind in self.kinds), "")


@dataclass(frozen=True, eq=False)
class TypeRules:
    """All rules of one type, the general ones first."""

    type: str
    rules: tuple[Rule, ...]
    patterns: tuple[Patterns, ...] = field(repr=False)

    def root(self, ignore: Sequence[str] = (), secret: Iterable[str] = ()) -> Spot:
        """The place of the whole body, with more paths that are ignored, and that are secret.

        Raises ValueError on what is no path."""
        own = Patterns()
        for path in ignore:
            own.add(path, Rule("ignore", path, "ignored by the environment"))
        for path in secret:
            own.add(path, Rule("secret", path, "a secure parameter"))
        return Spot((*self.patterns, own), {})


@dataclass(frozen=True, eq=False)
class RuleSet:
    """The rules of one type, or of all types that a glob in lower case matches."""

    type: str
    rules: tuple[Rule, ...]
    patterns: Patterns = field(repr=False)


class RulesError(Exception):
    """A rules file is wrong: a fault of the program's own data, with the file and the place in it."""


def for_type(type: str) -> TypeRules:
    """The general rules and those of the type, whose case does not matter. Any text is a type."""
    return _for_type(type.lower())


@cache
def _files() -> Mapping[str, Path]:
    return {path.stem.lower(): path for path in Path(__file__).parent.glob("*.yaml")}


@cache
def _for_type(type: str) -> TypeRules:
    sets = [
        each
        for namespace in ("general", re.split("[/:]", type)[0])
        if namespace in _files()
        for each in load(_files()[namespace])
        if fnmatchcase(type, each.type)
    ]
    return TypeRules(
        type, tuple(rule for each in sets for rule in each.rules), tuple(each.patterns for each in sets)
    )


@cache
def load(path: Path) -> tuple[RuleSet, ...]:
    """The rules of one file, those of the widest type pattern first.

    Raises RulesError that names every fault of the file."""
    try:
        content = _FILE.validate_python(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise RulesError(f"{path.name}: " + "; ".join(faults)) from error
    unknown = sorted({kind for kinds in content.values() for kind in kinds} - KINDS.keys())
    if unknown:
        raise RulesError(f"{path.name}: unknown kinds {', '.join(unknown)}; known are {', '.join(KINDS)}")
    return tuple(
        _rule_set(type.lower(), tuple(_expand(path, kinds)))
        for type, kinds in sorted(content.items(), key=lambda each: _width(each[0]))
    )


def _rule_set(type: str, rules: tuple[Rule, ...]) -> RuleSet:
    patterns = Patterns()
    for rule in rules:
        patterns.add(rule.path, rule)
    return RuleSet(type, rules, patterns)


def _width(pattern: str) -> tuple[int, int]:
    return (0 if "*" in pattern else 1, len(pattern))


def _expand(file: Path, kinds: Mapping[str, Iterable[Entry]]) -> Iterable[Rule]:
    for kind, entries in kinds.items():
        for entry in entries:
            any_value = not {"value", "where"} & entry.model_fields_set
            if kind == "keyed" and not entry.by:
                raise RulesError(
                    f"{file.name}: keyed {entry.path}: `by` must name the fields of the identity"
                )
            if kind == "omitted" and any_value:
                raise RulesError(
                    f"{file.name}: omitted {entry.path}: `value` must say which is not given back"
                )
            for path in [entry.path] if isinstance(entry.path, str) else entry.path:
                try:
                    Patterns().add(path, None)
                except ValueError as error:
                    raise RulesError(f"{file.name}: {error}") from error
                yield Rule(kind, path, entry.why, entry.value, any_value, entry.where, tuple(entry.by))


def masked(
    value: Mapping[str, Any], rules: TypeRules, key: bytes, paths: Iterable[str] = ()
) -> dict[str, Any]:
    """What of a live body may be kept in state: values at secret paths are replaced by keyed hashes.

    `paths`: more paths that are secret here, e.g. `secret_paths` of what was sent. What Azure has masked
    itself stays as it is."""
    root = rules.root(secret=paths)
    return {name: mask(each, root.key(name), key) for name, each in value.items()}


def secret_paths(sent: Any, path: str = "") -> Iterator[str]:
    """Where a spec holds a Secret, as patterns: of a list any item, since live may order it otherwise."""
    if isinstance(sent, Secret):
        yield path
    elif isinstance(sent, Mapping):
        for name, each in sent.items():
            yield from secret_paths(each, child(path, name))
    elif isinstance(sent, list | tuple):
        for each in sent:
            yield from secret_paths(each, f"{path}[]")


def mask(value: Any, spot: Spot, key: bytes) -> Any:
    """The value at a spot with secrets replaced by keyed hashes."""
    if is_secure_string(value):
        return {**value, "value": value["value"] if is_mask(value["value"]) else hashed(value["value"], key)}
    if isinstance(value, Mapping):
        return {name: mask(each, spot.key(name), key) for name, each in value.items()}
    if isinstance(value, list):
        return [mask(each, spot.item(_named(each, index)), key) for index, each in enumerate(value)]
    if "secret" not in spot.kinds or value in (None, "") or isinstance(value, bool | Secret):
        return value
    if is_mask(value):
        return value
    return hashed(value, key)


def _named(value: Any, index: int) -> str | int:
    name = value.get("name") if isinstance(value, Mapping) else None
    return name if isinstance(name, str) else index


def hashed(value: Any, key: bytes) -> str:
    """A keyed hash of a JSON value, the same for the same value and key."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return HASHED + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def is_secure_string(value: Any) -> bool:
    """Whether this is Data Factory's form of a secret in place: `{"type": "SecureString", "value": …}`."""
    return isinstance(value, Mapping) and value.get("type") == "SecureString" and "value" in value


def is_mask(value: Any) -> bool:
    """Whether this is what services answer in a secret's place (asterisks, `<hidden>`), or our own hash."""
    if not isinstance(value, str) or not value:
        return False
    return (
        value.startswith(HASHED)
        or not value.strip("*•")
        or value.lower() in ("<hidden>", "[redacted]", "redacted")
    )
