"""What a definition refers to. Pure.

Data Factory writes a reference as `{"referenceName": …, "type": "…Reference"}`, wherever it stands: in
activities inside of other activities, in the stores of Key Vault secrets, in the sinks of data flows. So
every object of the JSON is looked at, and only the type says of which kind the target is. References to what
a factory does not hold (notebooks and pools of Synapse) have types of their own and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.adf.kinds import BY_REFERENCE, name_parts
from reconciler.armtemplate import Unknown

PLAIN: Final[Mapping[tuple[str, str], str]] = {
    ("redirectIncompatibleRowSettings", "linkedServiceName"): "linkedService",
    ("typeProperties", "parentTrigger"): "trigger",
}
"""Names without a type: the property around them and their own, to the kind of what they name (REST API
2018-06-01, `RedirectIncompatibleRowSettings` and `RerunTumblingWindowTrigger`)."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Reference:
    """One reference: what it names, and where it stands in the definition's JSON.

    A name that only Azure knows is its expression in brackets, as in templates."""

    kind: str
    name: str
    path: Path = ()

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def target(self) -> tuple[str, str]:
        """By kind and name in small letters, since Data Factory's names do not differ by case."""
        return self.kind, self.name.lower()


def references(kind: str, name: str, body: Any) -> tuple[Reference, ...]:
    """Every reference of a definition, in order of the text."""
    found = list(_walk(body))
    if kind == "managedPrivateEndpoint":
        found.insert(0, Reference("managedVirtualNetwork", name_parts(kind, name)[0]))
    return tuple(found)


def _walk(body: Any) -> Iterator[Reference]:
    stack: list[tuple[Path, Any]] = [((), body)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            found = _typed(value)
            if found is not None:
                yield Reference(*found, (*path, "referenceName"))
            for around, own in PLAIN:
                if path and path[-1] == around and (named := _name(value.get(own))):
                    yield Reference(PLAIN[around, own], named, (*path, own))
            stack.extend(((*path, key), value[key]) for key in reversed(value))
        elif isinstance(value, (list, tuple)):
            stack.extend(((*path, index), value[index]) for index in reversed(range(len(value))))


def _typed(value: Mapping[str, Any]) -> tuple[str, str] | None:
    type_, name = value.get("type"), _name(value.get("referenceName"))
    kind = BY_REFERENCE.get(type_.lower()) if isinstance(type_, str) else None
    return (kind, name) if kind and name else None


def _name(value: Any) -> str:
    """The name that is meant; "" where a run works it out (`@…`, an Expression)."""
    if isinstance(value, Unknown):
        return f"[{value.expression}]"
    return value if isinstance(value, str) and not value.startswith("@") else ""
