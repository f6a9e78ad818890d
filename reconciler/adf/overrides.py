"""What differs in one environment: `dataFactory.set`, put into the definitions. Pure.

The key is `KIND/NAME` with `*` as wildcard; the path is a pattern as in `reconciler.paths`, an activity by
its name: `properties.activities[Apply ML model].policy.timeout`. What is set must be there before: a path
that hits nothing is a slip of the pen, or a definition that moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.adf.definitions import Definition, Definitions, define
from reconciler.adf.references import Path
from reconciler.errors import Fault
from reconciler.paths import Patterns

_IDENTITY: Final = frozenset({"name", "type", "id"})
"""Top-level fields that say which object it is."""
Where = Callable[[tuple[str | int, ...]], str]
"""From a path in the environment to `file:line:column`."""


def configured(
    definitions: Definitions, overrides: Mapping[str, Mapping[str, Any]], where: Where
) -> Definitions:
    """The definitions with `overrides` put in, in their order: a later one wins. Faults are in the result."""
    faults: list[Fault] = []
    own = definitions.factory
    made = {**definitions.objects, **({(own.kind, own.name): own} if own else {})}
    for key, settings in overrides.items():
        fitting = [target for target in made if _fits(target, key)]
        unread = any(_fits(target, key) for target in definitions.broken)
        if not fitting and not unread:
            faults.append(_nothing(definitions, key, where))
        for path, value in settings.items() if fitting else ():
            place = where(("dataFactory", "set", key, path))
            try:
                patterns = _patterns(path)
            except ValueError as error:
                faults.append(Fault(place, f"{error}.", _HINT))
                continue
            changed = {target: _changed(made[target], patterns, value, place) for target in fitting}
            if not unread and not any(changed.values()):
                faults.append(Fault(place, f"The path {path!r} hits nothing in {key}.", _HINT))
            made |= {target: each for target, each in changed.items() if each is not None}
    return replace(
        definitions,
        objects={at: made[at] for at in definitions.objects},
        factory=made[own.kind, own.name] if own else None,
        faults=(*definitions.faults, *faults),
    )


_HINT: Final = (
    "Write it as in `properties.activities[Copy].policy.timeout`; what is set must be in the definition."
)


def _patterns(path: str) -> Patterns:
    if path.lower() in _IDENTITY or not path:
        raise ValueError(f"{path!r} is which object it is, and cannot be set")
    patterns = Patterns()
    patterns.add(path, None)
    return patterns


def _fits(target: tuple[str, str], key: str) -> bool:
    """Whether `KIND/NAME` means this object; `*` and `?` are wildcards, a bracket stands for itself."""
    kind, _, name = key.lower().replace("[", "[[]").partition("/")
    return fnmatchcase(target[0].lower(), kind) and fnmatchcase(target[1].lower(), name)


def _nothing(definitions: Definitions, key: str, where: Where) -> Fault:
    near = get_close_matches(key, [str(each) for each in definitions.objects.values()], 1, 0.8)
    hint = f"Is {near[0]!r} meant?" if near else "It is KIND/NAME, with `*` as wildcard."
    return Fault(where(("dataFactory", "set", key)), f"{key!r} hits no object of the factory.", hint)


def _changed(definition: Definition, patterns: Patterns, value: Any, place: str) -> Definition | None:
    """The definition with the value put in wherever the pattern fits; None where it fits nowhere."""
    hits: list[Path] = []
    body = _put(definition.body, (patterns,), value, (), hits)
    if not hits:
        return None
    same = {name: definition.body[name] for name in _IDENTITY if name in definition.body}
    made = define(definition.kind, definition.name, {**body, **same}, definition.source)
    return replace(made, settings={**definition.settings, **dict.fromkeys(hits, place)})


def _put(node: Any, patterns: tuple[Patterns, ...], value: Any, path: Path, hits: list[Path]) -> Any:
    """The node with the value put in; what it does not touch is shared with the old one."""
    if any(pattern.found for pattern in patterns):
        hits.append(path)
        return value
    steps: dict[Any, tuple[Patterns, ...]] = {}
    if isinstance(node, Mapping):
        steps = {key: _step(patterns, [key.lower()]) for key in node}
    elif isinstance(node, (list, tuple)):
        steps = {index: _step(patterns, _names(index, each)) for index, each in enumerate(node)}
    before = len(hits)
    changed = {key: _put(node[key], at, value, (*path, key), hits) for key, at in steps.items() if at}
    if len(hits) == before:
        return node
    if isinstance(node, Mapping):
        return {**node, **changed}
    return [changed.get(index, each) for index, each in enumerate(node)]


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
