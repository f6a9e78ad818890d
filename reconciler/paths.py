"""Paths of fields: how they are written, and how patterns over them are matched.

A path has dots between keys, `["a.b"]` for a key that holds a dot, `[name]` for an item of a list by its
identity, `[0]` by its index. A pattern is a path in which a key may be a glob (`*State`), `[]` is any item of
a list, and a leading `**.` is any depth. Keys match without regard to case, as Azure takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate
from typing import Any, Final

_SEGMENT: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|(\[[^\]"]*\])|([^.\[\]]+)')
_QUOTED: Final = re.compile(r'[.\[\]"]|^$')
_REMEMBERED: Final = 4096


def child(path: str, name: str) -> str:
    """The path of the key `name` under `path`; "" is the root."""
    if _QUOTED.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{name}" if path else name


def item(path: str, identity: str | int) -> str:
    """The path of a list's item, by its identity or its index."""
    return f"{path}[{identity}]"


def segments(path: str) -> tuple[str, ...]:
    """The parts of a path or pattern, in lower case; an item keeps its brackets.

    Raises ValueError where the text is no path."""
    parts: list[str] = []
    at = 0
    while at < len(path):
        if path[at] == "." and at:
            at += 1
        found = _SEGMENT.match(path, at)
        if found is None:
            raise ValueError(f"{path!r} is no path: it breaks at character {at + 1}")
        quoted, bracketed, plain = found.groups()
        parts.append((re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bracketed or plain).lower())
        at = found.end()
    return tuple(parts)


@dataclass(eq=False, slots=True)
class Patterns:
    """A tree of patterns with what was filed under each. Built once, then only read."""

    found: list[Any] = field(default_factory=list)
    keys: dict[str, Patterns] = field(default_factory=dict)
    globs: dict[str, Patterns] = field(default_factory=dict)
    any_glob: re.Pattern[str] | None = None
    deep: Patterns | None = None
    stays: bool = False
    steps: dict[str, tuple[Patterns, ...]] = field(default_factory=dict)

    def add(self, pattern: str, value: Any) -> None:
        """File `value` under `pattern`. Raises ValueError where the pattern is no path."""
        node = self
        for part in segments(pattern):
            node = node._grow(part)
        node.found.append(value)

    def _grow(self, part: str) -> Patterns:
        if part == "**":
            self.deep = self.deep or Patterns(stays=True)
            return self.deep
        if "*" in part:
            self.any_glob = None
            return self.globs.setdefault(part, Patterns())
        return self.keys.setdefault(part, Patterns())

    def step(self, part: str) -> tuple[Patterns, ...]:
        """The nodes that one more part of a path leads to."""
        known = self.steps.get(part)
        if known is None:
            known = tuple(self._follow(part))
            if len(self.steps) < _REMEMBERED:
                self.steps[part] = known
        return known

    def _follow(self, part: str) -> Iterable[Patterns]:
        if self.stays:
            yield self
        if part in self.keys:
            yield self.keys[part]
        if part.startswith("[") and part != "[]" and "[]" in self.keys:
            yield self.keys["[]"]
        if self.globs and not part.startswith("["):
            if self.any_glob is None:
                self.any_glob = re.compile("|".join(map(translate, self.globs)))
            if self.any_glob.match(part):
                yield from (node for glob, node in self.globs.items() if fnmatchcase(part, glob))
        if self.deep is not None:
            yield from self.deep.step(part)


def find(document: Any, path: str) -> Any:
    """The value at a path whose items are by index or by `name`. Raises KeyError where there is none."""
    value = document
    for part in segments(path):
        if part.startswith("["):
            value = _item(value, part[1:-1])
        elif isinstance(value, Mapping):
            value = next((each for key, each in value.items() if key.lower() == part), _NONE)
        else:
            value = _NONE
        if value is _NONE:
            raise KeyError(path)
    return value


_NONE: Final = object()


def _item(value: Any, identity: str) -> Any:
    if not isinstance(value, list):
        return _NONE
    for each in value:
        if isinstance(each, Mapping) and str(each.get("name", "")).lower() == identity:
            return each
    return value[int(identity)] if identity.isdigit() and int(identity) < len(value) else _NONE
