"""The resources of one template: declared, found by name, evaluated, ordered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .env import Env
from .errors import Problem
from .frame import Frame, has_broken
from .functions.signature import kind
from .ids import Target, relative_id
from .interpreter import loop_count, walk
from .reader import Template
from .run import Run
from .unit import Unit, identify
from .values import BROKEN, Unknown, find_key, get

MAX_RESOURCES: Final = 800
_OWN: Final = frozenset(
    {
        "name",
        "type",
        "apiversion",
        "dependson",
        "copy",
        "condition",
        "comments",
        "resources",
        "scope",
        "existing",
        "metadata",
        "asserts",
    }
)


class Deployment:
    """A template that is evaluated for a target."""

    def __init__(
        self,
        run: Run,
        frame: Frame,
        template: Mapping[str, Any],
        source: Template,
        path: tuple[str | int, ...],
        target: Target,
        outer: Deployment | None,
        base: Env | None = None,
        holder: Unit | None = None,
    ) -> None:
        self.run = run
        self.frame = frame
        self.template = template
        self.source = source
        self.path = path
        self.target = target
        self.outer = outer
        self.base = base
        self.holder = holder
        self.units: list[Unit] = []
        self._nameless: list[Unit] = []
        self._twins: set[str] = set()
        self._by_id: dict[str, Unit] = {}
        self._by_name: dict[str, list[Unit]] = {}
        self._by_alias: dict[str, list[Unit]] = {}
        self._by_symbol: dict[str, Unit] = {}
        self._loops: dict[str, list[Unit]] = {}
        self._outputs: Mapping[str, Any] | None = None
        self._busy = False

    def env(self) -> Env:
        if self.base is not None:
            return self.base.within(self)
        return Env(self.run, self.frame, self)

    # Declaration

    def declare(self) -> None:
        """Expand the resources, with their loops, and give each its id."""
        held = find_key(self.template, "resources")
        if held is None:
            return
        with self.run.at(self.source, (*self.path, held)):
            resources = self.template[held]
            env = self.env()
            if isinstance(resources, dict):
                for symbol, raw in resources.items():
                    with self.run.inside(symbol):
                        self._declare(raw, env, symbol, None)
            elif isinstance(resources, list):
                for place, raw in enumerate(resources):
                    with self.run.inside(place):
                        self._declare(raw, env, "", None)
            elif resources is not None:
                self.run.fault("'resources' must be an array, or an object with symbolic names")
        if len(self.units) > MAX_RESOURCES and not self.run.faults:
            self.run.fault(f"the template has {len(self.units)} resources; the limit is {MAX_RESOURCES}")

    def _declare(self, raw: Any, env: Env, symbol: str, parent: Unit | None) -> None:
        run = self.run
        if not isinstance(raw, dict):
            run.fault(f"a resource must be an object, but this is {kind(raw)}")
            return
        extension = get(raw, "extension") or get(raw, "import")
        if extension is not None:
            run.fault(
                f"the resource belongs to the extension '{extension}'; only Azure resources are supported"
            )
            return
        loop = get(raw, "copy")
        if loop is None:
            self._instance(raw, env, symbol, parent)
            return
        if not isinstance(loop, dict):
            run.fault("the 'copy' of a resource must be an object")
            return
        with run.inside("copy"):
            place = env.at("name")
            count = loop_count(loop, place)
            name = walk(get(loop, "name") or symbol, place)
            batch = walk(get(loop, "batchSize"), place)
            mode = walk(get(loop, "mode"), place)
        if count is None or not isinstance(name, str):
            return
        serial = isinstance(mode, str) and mode.lower() == "serial"
        self._loops.setdefault(name.lower(), [])
        if symbol:
            self._loops.setdefault(symbol.lower(), [])
        for index in range(count):
            inner = env.instance(name.lower(), index)
            unit = self._instance(raw, inner, symbol, parent, index)
            if unit is not None:
                unit.index = index
                unit.batch = batch if serial and isinstance(batch, int) and batch > 0 else int(serial)
                self._loops[name.lower()].append(unit)
                if symbol and symbol.lower() != name.lower():
                    self._loops[symbol.lower()].append(unit)

    def _instance(
        self, raw: dict[str, Any], env: Env, symbol: str, parent: Unit | None, index: int | None = None
    ) -> Unit | None:
        self.run.step(100)
        unit = Unit(self, raw, env, tuple(self.run.path))
        unit.parent = parent
        unit.active = self._condition(raw, env)
        unit.existing = get(raw, "existing") is True
        before = len(self.run.faults)
        fine = identify(unit)
        if not fine and not unit.active:
            # The name of what is not deployed need not make sense.
            del self.run.faults[before:]
        if not fine:
            if unit.active:
                self._nameless.append(unit)
            return None
        self.units.append(unit)
        self._register(unit, symbol, index)
        children = get(raw, "resources")
        if isinstance(children, list | dict):
            self._children(children, env, unit)
        return unit

    def _children(self, children: Any, env: Env, parent: Unit) -> None:
        pairs = children.items() if isinstance(children, dict) else enumerate(children)
        for key, raw in pairs:
            with self.run.inside("resources", key):
                self._declare(raw, env, key if isinstance(key, str) else "", parent)

    def _register(self, unit: Unit, symbol: str, index: int | None) -> None:
        if symbol:
            unit.symbol = symbol if index is None else f"{symbol}[{index}]"
            self._by_symbol[unit.symbol.lower()] = unit
        key = unit.id.lower()
        twin = self._by_id.get(key)
        if twin is not None and twin.active and unit.active and not (twin.existing or unit.existing):
            # ARM refuses this when it deploys; what each of them would be is still worth knowing.
            self.run.warn(f"the resource '{unit.id}' is defined twice in the template")
            self._twins.add(key)
        if twin is None or unit.active:
            self._by_id[key] = unit
        self._by_name.setdefault(unit.name.lower(), []).append(unit)
        if unit.parent is not None:
            # A child may be called by the name it has inside of its parent.
            for alias in {unit.short.lower(), unit.name.rpartition("/")[2].lower()} - {unit.name.lower()}:
                self._by_alias.setdefault(alias, []).append(unit)

    def _condition(self, raw: Mapping[str, Any], env: Env) -> bool:
        held = find_key(raw, "condition")
        if held is None:
            return True
        with self.run.inside(held):
            value = walk(raw[held], env.at("condition"))
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
            if isinstance(value, Unknown):
                self.run.fault(
                    f"the condition must be known before the deployment, but it is {value.expression}"
                )
            elif value is not BROKEN and not isinstance(value, bool):
                self.run.fault(f"the condition must be a boolean, but it is {kind(value)}")
        return value is True

    # Lookup

    def find(self, identity: str) -> Unit | None:
        """A resource of this template by symbol, id or full name; then one of the template around."""
        key = identity.lower()
        unit = self._by_symbol.get(key)
        if unit is None:
            unit = self._by_id.get(key.rstrip("/") if len(key) > 1 else key)
        if unit is None:
            named = self._by_name.get(key) or self._by_alias.get(key, [])
            unit = next((item for item in named if item.active), named[0] if named else None)
        if unit is None and self.base is not None and self.outer is not None:
            return self.outer.find(identity)
        return unit

    def group_location(self, identity: str) -> Any:
        """Where a resource group that this template (or one around it) makes will be; None for others."""
        unit = self._by_id.get(identity.lower())
        held = None if unit is None else find_key(unit.raw, "location")
        if unit is not None and held is not None:
            return walk(unit.raw[held], unit.env)
        return None if self.outer is None else self.outer.group_location(identity)

    def loop(self, symbol: str) -> list[Unit] | None:
        return self._loops.get(symbol.lower())

    def named(self, text: str) -> list[Unit]:
        """What an entry of `dependsOn` means; empty where nothing in the template fits."""
        key = text.lower()
        if key in self._by_symbol:
            return [self._by_symbol[key]]
        if key in self._loops:
            return self._loops[key]
        if key.rstrip("/") in self._by_id:
            return [self._by_id[key.rstrip("/")]]
        if key in self._by_name:
            return self._by_name[key]
        if key in self._by_alias:
            return self._by_alias[key]
        relative = relative_id(self.target.id, text)
        if relative is not None and relative.lower() in self._by_id:
            return [self._by_id[relative.lower()]]
        if relative is not None:
            tail = "/providers/" + key
            return [unit for identity, unit in self._by_id.items() if identity.endswith(tail)]
        return []

    # Evaluation

    def outputs(self) -> Mapping[str, Any]:
        """The evaluated outputs. Raises Problem where they depend on themselves."""
        if self._outputs is None:
            from .outputs import evaluate_outputs

            if self._busy:
                raise Problem("the outputs of the nested deployment depend on themselves")
            self._busy = True
            try:
                self._outputs = evaluate_outputs(self)
            finally:
                self._busy = False
        return self._outputs

    def evaluate(self) -> None:
        """Evaluate the body and the dependencies of every resource, nested ones too."""
        for unit in self.units:
            if not unit.active:
                continue
            with self.run.at(self.source, unit.path):
                self.run.needs = unit.implicit
                self._depends(unit)
                if unit.is_deployment and not unit.existing:
                    nested = unit.open()
                    if nested is not None:
                        nested.evaluate()
                        nested.outputs()
                        continue
                self._body(unit)
        for unit in self._nameless:
            # Its own faults are worth telling, whatever is wrong with its name.
            with self.run.at(self.source, unit.path):
                self._body(unit)
        self._serialize()

    def _body(self, unit: Unit) -> None:
        run, body = self.run, {}
        for key, value in unit.raw.items():
            if key.lower() in _OWN:
                continue
            with run.inside(key):
                item = walk(value, unit.env)
            if not run.faults or not has_broken(item):
                body[key] = item
        unit.body = body

    def _depends(self, unit: Unit) -> None:
        held = find_key(unit.raw, "dependsOn")
        if held is None or unit.raw[held] is None:
            return
        with self.run.inside(held):
            entries = walk(unit.raw[held], unit.env.at("name"))
            for place, text in enumerate(entries if isinstance(entries, list) else [entries]):
                if text is BROKEN or text is None or isinstance(text, Unknown):
                    continue
                with self.run.inside(*([place] if isinstance(entries, list) else [])):
                    if not isinstance(text, str):
                        self.run.fault(f"'dependsOn' takes names and ids, but this is {kind(text)}")
                        continue
                    self._depend(unit, text)

    def _depend(self, unit: Unit, text: str) -> None:
        home: Deployment | None = self
        found: list[Unit] = []
        while home is not None and not found:
            found = home.named(text)
            home = home.outer if home.base is not None else None
        if not found and text.lower() not in self._loops:
            self.run.fault(f"'dependsOn' names '{text}', which is not defined in the template")
        for other in found:
            if other is unit and unit.id.lower() in self._twins:
                continue
            if other is unit:
                self.run.fault(f"the resource '{unit.name}' depends on itself")
            else:
                unit.explicit[id(other)] = other

    def _serialize(self) -> None:
        """In a serial loop, a batch waits for the batch before it."""
        for units in self._loops.values():
            for unit in units:
                if unit.batch and unit.index is not None and unit.index >= unit.batch:
                    start = (unit.index // unit.batch - 1) * unit.batch
                    for other in units[start : start + unit.batch]:
                        unit.explicit.setdefault(id(other), other)

    def walk_units(self) -> Iterator[Unit]:
        """Every resource that is deployed; those of nested templates in the place of their deployment."""
        for unit in self.units:
            if not unit.active:
                continue
            if unit.nested is not None:
                yield from unit.nested.walk_units()
            else:
                yield unit
