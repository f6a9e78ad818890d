"""Nested and linked deployments: find the template, give it its parameters, declare it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from .deployment import Deployment
from .errors import TemplateError
from .frame import Frame
from .ids import SUBSCRIPTION, Target, target_kind
from .interpreter import walk
from .parameters import one_value
from .reader import Template, parse
from .values import BROKEN, Unknown, find_key, get

if TYPE_CHECKING:
    from .unit import Unit

MAX_LEVELS: Final = 20


def open_nested(unit: Unit) -> Deployment | None:
    """The template inside of a deployment resource, declared.

    None for a link that is not at hand: the deployment then stays a resource. What is wrong is noted.
    """
    home, run = unit.home, unit.home.run
    with run.at(home.source, unit.path):
        run.needs = unit.implicit
        properties = get(unit.raw, "properties")
        if not isinstance(properties, dict):
            return None
        if _level(home) >= MAX_LEVELS:
            run.fault(f"deployments are nested more than {MAX_LEVELS} levels deep")
            return None
        held = find_key(properties, "properties") or "properties"
        inline = find_key(properties, "template")
        if inline is not None and isinstance(properties[inline], dict):
            options = get(properties, "expressionEvaluationOptions")
            scope = walk(get(options, "scope"), unit.env) if isinstance(options, dict) else None
            path = (*unit.path, find_key(unit.raw, held) or held, inline)
            if isinstance(scope, str) and scope.lower() == "inner":
                return _inner(unit, properties, properties[inline], home.source, path, None)
            return _outer(unit, properties[inline], path)
        link = get(properties, "templateLink")
        if not isinstance(link, dict):
            return None
        return _linked(unit, properties, link)


def _level(home: Deployment) -> int:
    level, at = 0, home.outer
    while at is not None:
        level, at = level + 1, at.outer
    return level


def _target(unit: Unit, template: Mapping[str, Any]) -> Target:
    """The target; a template for a subscription that sits in a resource group goes to the subscription."""
    target = unit.target or unit.home.target
    for_subscription = target_kind(get(template, "$schema")) == SUBSCRIPTION
    placed = find_key(unit.raw, "location") is not None and find_key(unit.raw, "resourceGroup") is None
    if for_subscription and placed and target.resource_group:
        return Target(SUBSCRIPTION, target.subscription_id, "", target.management_group)
    return target


def _outer(unit: Unit, template: Mapping[str, Any], path: tuple[str | int, ...]) -> Deployment:
    """A template whose expressions belong to the one around it."""
    home = unit.home
    nested = Deployment(
        home.run, home.frame, template, home.source, path, _target(unit, template), home, unit.env, unit
    )
    nested.declare()
    return nested


def _inner(
    unit: Unit,
    properties: Mapping[str, Any],
    template: Mapping[str, Any],
    source: Template,
    path: tuple[str | int, ...],
    uri: str | None,
) -> Deployment:
    """A template with names of its own."""
    home, run = unit.home, unit.home.run
    target = _target(unit, template)
    given = _given(unit, properties)
    mode = walk(get(properties, "mode"), unit.env)
    info: dict[str, Any] = {
        "name": unit.name,
        "properties": {
            "template": template,
            "parameters": {name: {"value": value} for name, value in given.items()},
            "mode": mode if isinstance(mode, str) else "Incremental",
            "provisioningState": "Accepted",
        },
    }
    if uri is not None:
        info["properties"]["templateLink"] = {"uri": uri}
    location = get(unit.raw, "location")
    if location is not None:
        info["location"] = walk(location, unit.env)
    prefix = f"{home.frame.secret_prefix}{unit.name}__"
    with run.at(source, path):
        frame = Frame(run, template, source, path, target, given, info, prefix, home)
        frame.settle()
        nested = Deployment(run, frame, template, source, path, target, home, None, unit)
        nested.declare()
    return nested


def _given(unit: Unit, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters handed to a nested template, evaluated in the template around it."""
    run = unit.home.run
    held = find_key(properties, "parameters")
    given: dict[str, Any] = {}
    link = get(properties, "parametersLink")
    if isinstance(link, dict):
        uri = walk(get(link, "uri"), unit.env)
        found = run.context.linked_templates.get(uri) if isinstance(uri, str) else None
        if found is None:
            run.fault("the parameters of this deployment are at a link that is not at hand")
        else:
            from .parameters import parse_parameters, plain_parameters

            given.update(parse_parameters(found, uri) if isinstance(found, str) else plain_parameters(found))
    if held is None:
        return given
    with run.inside("properties", held):
        raw = properties[held]
        if isinstance(raw, str):
            raw = walk(raw, unit.env)
        if not isinstance(raw, dict):
            if raw is not None and raw is not BROKEN:
                run.fault("the parameters of a deployment must be an object")
            return given
        for name, entry in raw.items():
            with run.inside(name):
                value = walk(entry, unit.env)
                if value is BROKEN:
                    given[name] = BROKEN
                elif isinstance(value, Unknown):
                    given[name] = Unknown(
                        f"{value.expression}.value", value.secure, value.references, value.parameters
                    )
                elif not isinstance(value, dict) or not value:
                    run.fault(f"the parameter '{name}' must be an object with 'value' or 'reference'")
                else:
                    given[name] = one_value(value)
    return given


def _linked(unit: Unit, properties: Mapping[str, Any], link: Mapping[str, Any]) -> Deployment | None:
    """A template by relative path or by address."""
    home, run = unit.home, unit.home.run
    with run.inside("properties", "templateLink"):
        relative = walk(get(link, "relativePath"), unit.env)
        uri = walk(get(link, "uri"), unit.env)
        base = get(home.frame.info.get("properties", {}), "templateLink")
        address = get(base, "uri") if isinstance(base, Mapping) else None
        if isinstance(relative, str) and isinstance(address, str):
            uri = urljoin(address, relative)
        source = None
        if isinstance(uri, str):
            source = _given_template(unit, uri)
        if source is None and isinstance(relative, str):
            source = _read_relative(unit, relative)
    if source is None:
        return None
    if not isinstance(source.root, dict):
        run.fault("the linked template is not an object")
        return None
    return _inner(unit, properties, source.root, source, (), uri if isinstance(uri, str) else None)


def _given_template(unit: Unit, uri: str) -> Template | None:
    run = unit.home.run
    known = run.context.linked_templates
    found = known.get(uri)
    if found is None:
        bare = uri.partition("?")[0].lower()
        found = next((value for key, value in known.items() if key.partition("?")[0].lower() == bare), None)
    if found is None or isinstance(found, Template):
        return found
    if not isinstance(found, str):
        return Template(found, uri)
    return _parse(unit, found, uri)


def _parse(unit: Unit, text: str, file: str) -> Template | None:
    run = unit.home.run
    try:
        return parse(text, file)
    except TemplateError as error:
        run.faults.extend(error.faults)
        return None


def _read_relative(unit: Unit, relative: str) -> Template | None:
    """A template in the repository. It must lie below the root, links of the file system included."""
    run, root = unit.home.run, unit.home.run.context.root
    if root is None:
        return None
    top = Path(root).resolve()
    around = Path(unit.home.source.file)
    folder = (around if around.is_absolute() else top / around).parent
    try:
        wanted = (folder / relative).resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name that no file can have
        run.fault(f"the linked template '{relative}' has an impossible path")
        return None
    if not wanted.is_relative_to(top):
        run.fault(f"the linked template '{relative}' lies outside of the repository")
        return None
    try:
        text = wanted.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        run.fault(
            f"the linked template '{relative}' cannot be read; it should be at {wanted.relative_to(top)}"
        )
        return None
    file = str(wanted if around.is_absolute() else wanted.relative_to(top))
    return _parse(unit, text, file)
