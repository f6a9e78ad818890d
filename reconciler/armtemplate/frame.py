"""The names of one template: its parameters, variables and functions, evaluated when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from . import types
from .env import Env
from .errors import Problem, meant
from .ids import Target
from .interpreter import copy_properties, is_property_copy, walk
from .reader import Template, path_text
from .run import Run
from .values import BROKEN, KeyVaultReference, Unknown, find_key, get, has_unknown, quote

if TYPE_CHECKING:
    from .deployment import Deployment

_MISSING: Final = object()
_ACTIVE: Final = object()


def section(template: Mapping[str, Any], name: str, run: Run) -> dict[str, Any]:
    """A section of the template that must be an object; empty where it is absent."""
    held = find_key(template, name)
    value = template[held] if held is not None else None
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    with run.inside(held or name):
        run.fault(f"'{name}' must be an object")
    return {}


class Frame:
    """Where names are looked up. A nested template with outer scope shares the frame of the one around it."""

    def __init__(
        self,
        run: Run,
        template: Mapping[str, Any],
        source: Template,
        path: tuple[str | int, ...],
        target: Target,
        given: Mapping[str, Any],
        info: Mapping[str, Any],
        secret_prefix: str = "",
        around: Deployment | None = None,
    ) -> None:
        self.run = run
        self.template = template
        self.source = source
        self.path = path
        self.target = target
        self.info = info
        self.secret_prefix = secret_prefix
        self.around = around
        self.declared = section(template, "parameters", run)
        self.variables = section(template, "variables", run)
        self.definitions = section(template, "definitions", run)
        self.given = given
        self.functions = self._functions()
        self.memo: dict[object, Any] = {}
        self._parameters: dict[str, Any] = {}
        self._variables: dict[str, Any] = {}
        self._loops: dict[str, tuple[int, dict[str, Any]]] = self._variable_loops()

    def env(self) -> Env:
        return Env(self.run, self, None)

    def _functions(self) -> dict[str, Mapping[str, Any]]:
        held = find_key(self.template, "functions")
        found: dict[str, Mapping[str, Any]] = {}
        groups = self.template.get(held) if held else None
        for group in groups if isinstance(groups, list) else []:
            members = get(group, "members") if isinstance(group, dict) else None
            for name, definition in (members or {}).items() if isinstance(members, dict) else []:
                if isinstance(definition, dict):
                    found[f"{get(group, 'namespace')}.{name}".lower()] = definition
        return found

    def _variable_loops(self) -> dict[str, tuple[int, dict[str, Any]]]:
        loops = get(self.variables, "copy")
        if not is_property_copy(loops):
            return {}
        return {str(get(loop, "name")).lower(): (place, loop) for place, loop in enumerate(loops or [])}

    def settle(self) -> None:
        """Evaluate all parameters and variables, so that every fault of theirs is found."""
        for name in self.given:
            if find_key(self.declared, name) is None:
                known = ", ".join(self.declared) or "none"
                self.run.fault(
                    f"the parameter '{name}' is not declared in the template; declared are {known}"
                    f"{meant(name, self.declared)}"
                )
        for name in self.declared:
            self._quiet(self.parameter, name)
        for name in self.variables:
            if name != "copy" or not self._loops:
                self._quiet(self.variable, name)
        for _, loop in self._loops.values():
            self._quiet(self.variable, str(get(loop, "name")))

    def _quiet(self, read: Any, name: str) -> None:
        try:
            read(name)
        except Problem as problem:
            if not problem.silent:
                self.run.fault(problem.message)

    def parameter(self, name: str) -> Any:
        """The value of a parameter. Raises Problem where there is none, or it is broken."""
        held = find_key(self.declared, name)
        if held is None:
            raise Problem(
                f"the parameter '{name}' is not declared in the template{meant(name, self.declared)}"
            )
        value = self._parameters.get(held, _MISSING)
        if value is _MISSING:
            self._parameters[held] = _ACTIVE
            with self.run.at(self.source, (*self.path, "parameters", held)):
                value = self._read_parameter(held, self.declared[held])
            self._parameters[held] = value
        if value is _ACTIVE:
            raise Problem(f"the parameter '{held}' depends on itself")
        if value is BROKEN:
            raise Problem("the parameter's fault is reported already", silent=True)
        return value

    def _read_parameter(self, name: str, schema: Any) -> Any:
        run = self.run
        if not isinstance(schema, dict):
            run.fault(f"the parameter '{name}' must be declared by an object")
            return BROKEN
        if find_key(schema, "type") is None and find_key(schema, "$ref") is None:
            run.fault(f"the parameter '{name}' has no type; types are {', '.join(types.TYPES)}")
            return BROKEN
        secure = types.is_secure(schema, self.definitions)
        held = find_key(self.given, name)
        value = self.given[held] if held is not None else None
        if held is None or (value is None and not self._nullable(schema)):
            value = self._default(name, schema, secure, null_given=held is not None)
            if value is BROKEN:
                return BROKEN
        if isinstance(value, KeyVaultReference):
            full = self.secret_prefix + name
            run.secrets[full] = value
            return Unknown(f"parameters({quote(full)})", True, (), (full,))
        if value is None and held is None:
            return None
        if not self._fits(f"the parameter '{name}'", value, schema):
            return BROKEN
        if secure and run.context.opaque_secure and not self.secret_prefix and not has_unknown(value):
            return Unknown(f"parameters({quote(name)})", True, (), (name,))
        return value

    def _nullable(self, schema: dict[str, Any]) -> bool:
        try:
            return get(types.resolve(schema, self.definitions), "nullable") is True
        except ValueError:
            return False

    def _default(self, name: str, schema: dict[str, Any], secure: bool, null_given: bool) -> Any:
        run = self.run
        default = find_key(schema, "defaultValue")
        if default is not None:
            with run.inside(default):
                env = self.env()
                env.place = "default"
                value = walk(schema[default], env)
            return BROKEN if has_broken(value) else value
        if self._nullable(schema):
            return None
        if secure and run.context.opaque_secure:
            full = self.secret_prefix + name
            return Unknown(f"parameters({quote(full)})", True, (), (full,))
        what = "was given null" if null_given else "has neither a value nor a default"
        run.fault(f"the parameter '{name}' {what}; give it a value")
        return BROKEN

    def _fits(self, subject: str, value: Any, schema: Mapping[str, Any]) -> bool:
        fine = True
        for path, message in types.check(value, schema, self.definitions):
            where = f" at {path_text(path).removeprefix('$').removeprefix('.')}" if path else ""
            self.run.fault(f"{subject}{where} {message}")
            fine = False
        return fine

    def variable(self, name: str) -> Any:
        """The value of a variable. Raises Problem where there is none, or it is broken."""
        key = name.lower()
        value = self._variables.get(key, _MISSING)
        if value is _MISSING:
            self._variables[key] = _ACTIVE
            value = self._read_variable(name, key)
            self._variables[key] = value
        if value is _ACTIVE:
            raise Problem(f"the variable '{name}' depends on itself")
        if value is BROKEN:
            raise Problem("the variable's fault is reported already", silent=True)
        return value

    def _read_variable(self, name: str, key: str) -> Any:
        env = self.env()
        env.place = "variable"
        label = f"The template variable '{name}' is not valid: "
        if key in self._loops:
            place, loop = self._loops[key]
            with self.run.at(self.source, (*self.path, "variables", "copy", place), label):
                value = copy_properties([loop], env).get(str(get(loop, "name")), BROKEN)
            return BROKEN if has_broken(value) else value
        held = find_key(self.variables, name)
        if held is None:
            self._variables.pop(key, None)
            raise Problem(
                f"the variable '{name}' is not declared in the template{meant(name, self.variables)}"
            )
        with self.run.at(self.source, (*self.path, "variables", held), label):
            value = walk(self.variables[held], env)
        return BROKEN if has_broken(value) else value


def has_broken(value: Any) -> bool:
    """Whether a part of the value is wrong."""
    stack = [value]
    while stack:
        item = stack.pop()
        if item is BROKEN:
            return True
        if type(item) is dict:
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
    return False
