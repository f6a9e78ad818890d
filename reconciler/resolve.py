"""What only live tells, put into desired: pure, and repeated before each wave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler import armtemplate
from reconciler.armid import key_of, parse
from reconciler.armtemplate import Context, TemplateError, Unknown
from reconciler.graph import Graph
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.rules import for_type


def unknowns(value: Any) -> Iterable[Unknown]:
    """Every unknown inside a value."""
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from unknowns(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from unknowns(item)


class References:
    """Live resources as `reference()` asks for them: by id, as GET gives them."""

    def __init__(self, observations: Mapping[Key, Observation], others: Mapping[str, Any]) -> None:
        self._observations, self._others = observations, others

    def get(self, id_: str, default: Any = None) -> Any:
        try:
            seen = self._observations.get(key_of(id_))
        except ValueError:
            return default
        if seen is not None and seen.status is Status.PRESENT and seen.spec:
            return seen.spec
        return self._others.get(id_.lower(), default)


def resolve(
    resource: Resource, observations: Mapping[Key, Observation], others: Mapping[str, Any] | None = None
) -> Resource:
    """The resource with all put in that live tells by now; the rest stays unknown. Pure.

    others: resources that are not desired but referred to, by id in lower case, as GET gives them."""
    if not resource.waits:
        return resource
    context = Context(references=References(observations, others or {}))
    return replace(resource, spec=_put_in(resource.spec, context))


def _put_in(value: Any, context: Context) -> Any:
    """What live does not fit, such as a property that it has not yet, stays unknown; after the write Azure
    tells whether it is wrong. Nothing else of the resource waits for it."""
    try:
        return armtemplate.resolve(value, context)
    except TemplateError:
        if isinstance(value, Mapping):
            return {name: _put_in(item, context) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [_put_in(item, context) for item in value]
        return value


def carry(resource: Resource, observations: Mapping[Key, Observation]) -> Resource:
    """The resource with the live properties that its write must take along (`rules/`, carried)."""
    names = [
        rule.path.removeprefix("properties.")
        for rule in for_type(resource.type).rules
        if rule.kind == "carried"
    ]
    seen = observations.get(resource.key)
    if not names or seen is None or seen.status is not Status.PRESENT:
        return resource
    live, said = seen.spec.get("properties") or {}, resource.spec.get("properties") or {}
    carried = {name: live[name] for name in names if live.get(name) and name not in said}
    return replace(resource, carried=carried)


def referred(graph: Graph) -> Mapping[str, str]:
    """Resources outside the graph that its values wait for: id to API version, if it has one."""
    found: dict[str, str] = {}
    for resource in graph:
        if not (resource.waits or resource.placeless):
            continue
        for unknown in (*unknowns(resource.spec), *unknowns(resource.at)):
            for id_ in unknown.references:
                try:
                    known = key_of(id_) in graph
                except ValueError:
                    continue
                version = _version_for(unknown.expression, id_)
                if not known and version and parse(id_).type:
                    found[id_] = version
    return found


def _version_for(expression: str, id_: str) -> str:
    """The API version that `reference('ID', 'VERSION')` names."""
    at = expression.lower().find(f"'{id_.lower()}'")
    rest = expression[at + len(id_) + 2 :].lstrip() if at >= 0 else ""
    if not rest.startswith(","):
        return ""
    quoted = rest[1:].lstrip()
    return quoted[1 : quoted.find("'", 1)] if quoted.startswith("'") else ""
