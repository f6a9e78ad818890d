"""The definitions of a data factory as one value, wherever they came from, and the resources they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Final

from reconciler import armtemplate
from reconciler.adf.kinds import API_VERSION, BUILT_IN, KINDS, object_id
from reconciler.adf.references import Path, Reference, references
from reconciler.errors import Fault
from reconciler.resource import Key, Resource

_IN_THE_ADDRESS: Final = frozenset({"name", "type", "id", "etag", "apiVersion"})
"""Top-level fields that say which object this is; all others are what is sent."""


@dataclass(frozen=True)
class Source:
    """The text that a definition came from.

    at: the path of the definition in it. first: `file:line:column` of the definition itself."""

    file: str
    text: str = field(default="", repr=False)
    at: Path = ()
    first: str = ""

    def place(self, path: Path = ()) -> str:
        """`file:line:column` of a value of the definition, or of its nearest holder in the text."""
        if not path or not self.text:
            return self.first or f"{self.file}:1:1"
        template = _parsed(self.text, self.file)
        return str(template.position((*self.at, *path))) if template else self.first or f"{self.file}:1:1"


@lru_cache(maxsize=8)
def _parsed(text: str, file: str) -> armtemplate.Template | None:
    """With positions, which takes long: only once there is a fault to tell."""
    try:
        return armtemplate.parse(text, file)
    except armtemplate.TemplateError:
        return None


@dataclass(frozen=True)
class Definition:
    """One object of a factory. body: its JSON as it is (`name`, `properties`, …), nothing left out.

    kind: its Git folder. references: what it needs, once for each place. settings: the paths that an
    environment set, with the place that says so."""

    kind: str
    name: str
    body: Mapping[str, Any]
    source: Source
    references: tuple[Reference, ...] = ()
    settings: Mapping[Path, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return self.source.place()

    def place(self, path: Path) -> str:
        """`file:line:column` of a value: in the definition's file, or in the environment that set it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.settings:
                return self.settings[path[:length]]
        return self.source.place(path)

    @property
    def target(self) -> tuple[str, str]:
        return self.kind, self.name.lower()

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Definitions:
    """objects: by kind and name, without the factory. warnings: what is odd and yet no fault.

    faults: what keeps it from being deployed. broken: kind and name in small letters of objects whose file
    could not be read, so that a reference to them is no fault of its own."""

    objects: Mapping[tuple[str, str], Definition]
    factory: Definition | None = None
    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    broken: frozenset[tuple[str, str]] = frozenset()

    @cached_property
    def _by_target(self) -> Mapping[tuple[str, str], Definition]:
        found: dict[tuple[str, str], Definition] = {}
        for definition in self.objects.values():
            found.setdefault(definition.target, definition)
        return found

    def find(self, target: tuple[str, str]) -> Definition | None:
        """By kind and name in small letters."""
        return self._by_target.get(target)

    def needs(self, definition: Definition) -> tuple[Definition, ...]:
        """The objects that are there and that this one refers to, each once, by kind and name."""
        found = {reference.target: self.find(reference.target) for reference in definition.references}
        return tuple(each for _, each in sorted(found.items()) if each is not None)

    def dangling(self) -> Iterator[tuple[Definition, Reference]]:
        """References to what is neither there nor built in, the first place of each."""
        for definition in self.objects.values():
            seen: set[tuple[str, str]] = set()
            for reference in definition.references:
                target = reference.target
                if target not in seen and target not in BUILT_IN and self.find(target) is None:
                    seen.add(target)
                    yield definition, reference


def define(kind: str, name: str, body: Mapping[str, Any], source: Source) -> Definition:
    return Definition(kind, name, body, source, references(kind, name, body))


def gather(found: Iterable[Definition]) -> tuple[dict[tuple[str, str], Definition], list[Fault]]:
    """Definitions by kind and name, and a fault for each that is there twice."""
    objects: dict[tuple[str, str], Definition] = {}
    first: dict[tuple[str, str], Definition] = {}
    faults: list[Fault] = []
    for definition in found:
        other = first.setdefault(definition.target, definition)
        if other is not definition:
            same = (
                ""
                if other.name == definition.name
                else f" as {other.name!r}, and names do not differ by case"
            )
            faults.append(
                Fault(
                    definition.source.place(("name",)),
                    f"{definition} is there twice: also at {other.source.place(('name',))}{same}.",
                    "Rename or remove one of them.",
                )
            )
        objects.setdefault((definition.kind, definition.name), definition)
    return objects, faults


def key_of(factory: str, definition: Definition) -> Key:
    return Key(f"adf.{definition.kind}", factory, definition.name)


def resources(definitions: Definitions, factory_id: str, needs: Iterable[Key] = ()) -> list[Resource]:
    """What the definitions want of the factory with this id; the factory itself is not among them.

    needs: what every object waits for, such as the factory. The spec is the body without what the id says."""
    factory = factory_id.rstrip("/").rpartition("/")[2]
    always = tuple(needs)
    return [
        Resource(
            key=key_of(factory, each),
            type=KINDS[each.kind].full_type,
            spec={name: value for name, value in each.body.items() if name not in _IN_THE_ADDRESS},
            at={
                "id": object_id(factory_id, each.kind, each.name),
                "type": KINDS[each.kind].full_type,
                "name": each.name,
                "apiVersion": API_VERSION,
            },
            needs=(*always, *(key_of(factory, need) for need in definitions.needs(each))),
            origin=each.origin,
        )
        for each in definitions.objects.values()
    ]


def with_faults(definitions: Definitions, faults: Iterable[Fault]) -> Definitions:
    return replace(definitions, faults=(*definitions.faults, *faults))
