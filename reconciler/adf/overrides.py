"""What differs in one environment: `dataFactory.set`, put into the definitions. Pure.

The key is `KIND/NAME` with `*` as wildcard; the path is a pattern as in `reconciler.paths`, an activity by
its name: `properties.activities[Apply ML model].policy.timeout`. What is set must be there before: a path
that hits nothing is a slip of the pen, or a definition that moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.adf.definitions import Definition, Definitions, define
from reconciler.errors import Fault
from reconciler.paths import Patterns

_IDENTITY: Final = frozenset({"name", "type", "id"})
"""Top-level fields that say which object it is."""
Where = Callable[[tuple[str | int, ...]], str]
"""From a path in the environment to `file:line:column`."""


@dataclass(frozen=True)
class _Setting:
    """One path of one key of `set`."""

    key: str
    path: str
    value: Any

    @property
    def place(self) -> tuple[str, ...]:
        return ("dataFactory", "set", self.key, self.path)


def configured(
    definitions: Definitions, overrides: Mapping[str, Mapping[str, Any]], where: Where
) -> Definitions:
    """The definitions with `overrides` put in, in their order: a later one wins. Faults are in the result."""
    faults: list[Fault] = []
    objects: dict[tuple[str, str], Definition] = dict(definitions.objects)
    factory = definitions.factory
    for key, settings in overrides.items():
        kind, _, name = key.partition("/")
        hit = [place for place, each in objects.items() if _fits(each, kind, name)]
        at_factory = factory is not None and _fits(factory, kind, name)
        if not hit and not at_factory:
            if not any(fnmatchcase(f"{k}/{n}", key.lower()) for k, n in _small(definitions.broken)):
                faults.append(_nothing(definitions, key, where))
            continue
        for path, value in settings.items():
            setting, done = _Setting(key, path, value), False
            try:
                patterns = _patterns(path)
            except ValueError as error:
                faults.append(Fault(where(setting.place), f"{error}.", _HINT))
                continue
            for place in hit:
                changed = _changed(objects[place], patterns, value)
                done = done or changed is not None
                objects[place] = changed or objects[place]
            if factory is not None and at_factory:
                changed = _changed(factory, patterns, value)
                done = done or changed is not None
                factory = changed or factory
            if not done:
                message = f"The path {path!r} hits nothing in {key}."
                faults.append(Fault(where(setting.place), message, _HINT))
    return replace(definitions, objects=objects, factory=factory, faults=(*definitions.faults, *faults))


_HINT: Final = (
    "Write it as in `properties.activities[Copy].policy.timeout`; what is set must be in the definition."
)


def _patterns(path: str) -> Patterns:
    if path.lower() in _IDENTITY or not path:
        raise ValueError(f"{path!r} is which object it is, and cannot be set")
    patterns = Patterns()
    patterns.add(path, None)
    return patterns


def _small(targets: frozenset[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((kind.lower(), name) for kind, name in targets)


def _fits(definition: Definition, kind: str, name: str) -> bool:
    return fnmatchcase(definition.kind.lower(), kind.lower()) and fnmatchcase(
        definition.name.lower(), _literal_brackets(name.lower())
    )


def _literal_brackets(pattern: str) -> str:
    """`*` and `?` are the wildcards; a bracket stands for itself."""
    return pattern.replace("[", "[[]")


def _nothing(definitions: Definitions, key: str, where: Where) -> Fault:
    near = get_close_matches(key, [str(each) for each in definitions.objects.values()], 1, 0.8)
    hint = f"Is {near[0]!r} meant?" if near else "It is KIND/NAME, with `*` as wildcard."
    return Fault(where(("dataFactory", "set", key)), f"{key!r} hits no object of the factory.", hint)


def _changed(definition: Definition, patterns: Patterns, value: Any) -> Definition | None:
    """The definition with the value put in wherever the pattern fits; None where it fits nowhere."""
    body, hit = _put(definition.body, (patterns,), value)
    if not hit:
        return None
    same = {name: definition.body[name] for name in _IDENTITY if name in definition.body}
    return define(definition.kind, definition.name, {**body, **same}, definition.source)


def _put(node: Any, patterns: tuple[Patterns, ...], value: Any) -> tuple[Any, bool]:
    if any(pattern.found for pattern in patterns):
        return value, True
    steps: dict[Any, tuple[Patterns, ...]] = {}
    if isinstance(node, Mapping):
        steps = {key: _step(patterns, [key.lower()]) for key in node}
    elif isinstance(node, (list, tuple)):
        steps = {index: _step(patterns, _names(index, each)) for index, each in enumerate(node)}
    made: Any = dict(node) if isinstance(node, Mapping) else list(node) if steps else node
    hit = False
    for key, below in steps.items():
        if below:
            made[key], inside = _put(node[key], below, value)
            hit = hit or inside
    return (made, True) if hit else (node, False)


def _step(patterns: tuple[Patterns, ...], parts: list[str]) -> tuple[Patterns, ...]:
    return tuple(step for pattern in patterns for part in parts for step in pattern.step(part))


def _names(index: int, item: Any) -> list[str]:
    """How a path may name an item of a list: its name, or that of the pipeline it starts, and its index."""
    if isinstance(item, Mapping):
        reference = item.get("pipelineReference")
        name = reference.get("referenceName") if isinstance(reference, Mapping) else item.get("name")
        if isinstance(name, str):
            return [f"[{name.lower()}]", f"[{index}]"]
    return [f"[{index}]"]
