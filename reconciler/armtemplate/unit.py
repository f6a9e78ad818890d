"""One resource of a template after loops are expanded, and how it gets its type, name, scope and id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .env import Env
from .errors import Problem
from .functions.signature import kind
from .ids import RESOURCE_GROUP, SUBSCRIPTION, Target, relative_id, resource_id, target_of
from .interpreter import walk
from .naming import name_text, segments
from .values import BROKEN, Unknown, find_key, get

if TYPE_CHECKING:
    from .deployment import Deployment

DEPLOYMENTS: Final = "microsoft.resources/deployments"


class Unit:
    """One resource, or one nested deployment.

    `explicit` are the units that `dependsOn` names, `implicit` what its expressions read: units, or ids of
    resources outside of the template.
    """

    def __init__(
        self, home: Deployment, raw: Mapping[str, Any], env: Env, path: tuple[str | int, ...]
    ) -> None:
        self.home = home
        self.raw = raw
        self.env = env
        self.path = path
        self.symbol = ""
        self.index: int | None = None
        self.batch = 0
        self.type = ""
        self.name = ""
        self.short = ""
        self.api_version = ""
        self.id = ""
        self.scope = ""
        self.active = True
        self.existing = False
        self.target: Target | None = None
        self.parent: Unit | None = None
        self.explicit: dict[int, Unit] = {}
        self.implicit: dict[int | str, Unit | str] = {}
        self.body: dict[str, Any] = {}
        self.nested: Deployment | None = None
        self.opened = False

    @property
    def is_deployment(self) -> bool:
        return self.type.lower() == DEPLOYMENTS

    def outcome(self) -> dict[str, Any] | None:
        """What `reference` of a nested deployment gives; None where only Azure knows."""
        nested = self.open() if self.active else None
        if nested is None:
            return None
        outputs = {
            name: {"type": output.type, "value": output.value} for name, output in nested.outputs().items()
        }
        properties = {"provisioningState": "Succeeded", "outputs": outputs}
        return {"id": self.id, "name": self.name, "type": self.type, "properties": properties}

    def open(self) -> Deployment | None:
        """The nested template, declared; None for a plain resource or a link that is not at hand."""
        if not self.opened:
            from .nested import open_nested

            self.opened = True
            self.nested = open_nested(self)
        return self.nested


def identify(unit: Unit) -> bool:
    """Find out type, name, API version, scope and id. False where one of them is wrong, which is noted."""
    parent, env = unit.parent, unit.env.at("name")
    words = []
    for field in ("type", "name", "apiVersion"):
        word = _word(unit, field, env)
        if word is None:
            return False
        words.append(word)
    unit.type, unit.name, unit.api_version = words
    unit.short = unit.name
    if parent is not None and not _is_whole(unit.type):
        unit.type, unit.name = f"{parent.type}/{unit.type}", f"{parent.name}/{unit.name}"
    scope = _scope(unit, env)
    if scope is None:
        return False
    unit.scope = scope
    try:
        unit.id = resource_id(scope, unit.type, segments(unit.name))
    except Problem as problem:
        run = unit.home.run
        with run.inside(find_key(unit.raw, "name") or "name"):
            run.fault(problem.message)
        return False
    return True


def _is_whole(type_name: str) -> bool:
    """Whether a child gives its full type, as an extension resource inside of its parent may."""
    provider, slash, _ = type_name.partition("/")
    return bool(slash) and "." in provider


def _word(unit: Unit, field: str, env: Env) -> str | None:
    run, held = unit.home.run, find_key(unit.raw, field)
    if held is None:
        if field == "apiVersion" and get(unit.home.template, "apiProfile") is not None:
            return ""
        run.fault(f"the resource has no '{field}'")
        return None
    said = unit.raw[held]
    if field != "name" and isinstance(said, str) and said and not said.startswith("["):
        return said.strip("/") if field == "type" else said  # no expression: the same in every copy
    with run.inside(held):
        value = walk(said, env)
        if isinstance(value, str) and value:
            return value.strip("/") if field == "type" else value
        if isinstance(value, Unknown):
            run.warn(f"the resource's {field} is known to Azure only: {value.expression}")
            return name_text(value.expression)
        if value is not BROKEN:
            problem = "is empty" if value == "" else f"must be a string, but it is {kind(value)}"
            run.fault(f"the resource's {field} {problem}")
    return None


def _scope(unit: Unit, env: Env) -> str | None:
    """The id of what the resource is deployed at; None where that is wrong."""
    home, parent = unit.home, unit.parent
    if unit.is_deployment:
        target = unit.target = _deployment_target(unit, env)
        return None if target is None else target.id
    held = find_key(unit.raw, "scope")
    if held is not None:
        return _given_scope(unit, held, env)
    if unit.existing:
        return _existing_scope(unit, env)
    if parent is None:
        return home.target.id
    # A child stands beside its parent; an extension with a type of its own stands below it.
    return parent.scope if unit.type.lower().startswith(parent.type.lower() + "/") else parent.id


def _given_scope(unit: Unit, held: str, env: Env) -> str | None:
    home = unit.home
    with home.run.inside(held):
        value = walk(unit.raw[held], env)
        if isinstance(value, Unknown):
            return name_text(value.expression)
        if not isinstance(value, str) or not value:
            if value is not BROKEN:
                home.run.fault("the resource's scope must be the id of a resource")
            return None
    if value.startswith("/"):
        return value if value == "/" else value.rstrip("/")
    found = home.find(value)
    if found is not None:
        return found.id
    target = target_of(value, home.target)
    if target is not None:
        return target.id
    return relative_id(home.target.id, value) or f"{home.target.id}/providers/{value}"


def _existing_scope(unit: Unit, env: Env) -> str:
    """An existing resource may name its own resource group and subscription."""
    target = unit.home.target
    group, subscription = (_optional_word(unit, name, env) for name in ("resourceGroup", "subscriptionId"))
    if group is None and subscription is None:
        return target.id
    scope = RESOURCE_GROUP if group is not None else SUBSCRIPTION
    return Target(scope, subscription or target.subscription_id, group or "").id


def _optional_word(unit: Unit, field: str, env: Env) -> str | None:
    held = find_key(unit.raw, field)
    if held is None or unit.raw[held] is None:
        return None
    with unit.home.run.inside(held):
        value = walk(unit.raw[held], env)
    if isinstance(value, Unknown):
        return name_text(value.expression)
    return value if isinstance(value, str) and value else None


def _deployment_target(unit: Unit, env: Env) -> Target | None:
    """The scope that a nested deployment is sent to; None where that is wrong."""
    base, run = unit.home.target, unit.home.run
    scope = _optional_word(unit, "scope", env)
    group = _optional_word(unit, "resourceGroup", env)
    subscription = _optional_word(unit, "subscriptionId", env)
    if scope is not None:
        target = target_of(scope, base)
        if target is None:
            with run.inside("scope"):
                run.fault(
                    f"a deployment cannot have the scope '{scope}'; give a group, a subscription or '/'"
                )
        return target
    known = subscription or base.subscription_id
    if group is not None:
        return Target(RESOURCE_GROUP, known, group, base.management_group)
    if subscription is not None:
        return Target(SUBSCRIPTION, known, "", base.management_group)
    return base
