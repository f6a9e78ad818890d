"""The state of one evaluation: what was found wrong, how much work was done, and where it is at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from .context import Context
from .errors import Fault, Problem
from .reader import Template, path_text

MAX_STEPS: Final = 1_000_000
MAX_ITEMS: Final = 2_000_000
MAX_NESTING: Final = 128
MAX_FAULTS: Final = 100


class _Inside:
    """A path that is longer for a while. A class, because this is entered many times for each resource."""

    __slots__ = ("keys", "path")

    def __init__(self, path: list[str | int], keys: tuple[str | int, ...]) -> None:
        self.path = path
        self.keys = keys

    def __enter__(self) -> None:
        self.path.extend(self.keys)

    def __exit__(self, *_: object) -> None:
        del self.path[len(self.path) - len(self.keys) :]


class Run:
    """One call of `evaluate`. Its budget makes sure that no template runs or grows without end."""

    def __init__(self, context: Context, source: Template) -> None:
        self.context = context
        self.source = source
        self.path: list[str | int] = []
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.secrets: dict[str, Any] = {}
        self.steps = 0
        self.items = 0
        self.calls = 0
        self.needs: dict[int | str, Any] | None = None
        self.label = ""
        self.programs: dict[int, tuple[Any, Any]] = {}
        self._sizes: dict[int, tuple[Any, int]] = {}
        references = context.references
        self._known: Mapping[str, Any] | None = (
            {str(key).lower(): value for key, value in references.items()}
            if isinstance(references, Mapping)
            else None
        )

    def step(self, weight: int = 1) -> None:
        """Count work against the budget. Raises Problem where it is used up."""
        self.steps += weight
        if self.steps > MAX_STEPS:
            raise Problem("the template needs more than a million steps; it was given up")

    def grown(self, value: Any) -> None:
        """Count a result against the budget. Raises Problem where it is too large or nested too deep."""
        known = self._sizes.get(id(value))
        if known is not None:
            self._count(known[1])
            return
        before = self.items
        self._measure(value)
        if self.items - before > 20:
            self._sizes[id(value)] = (value, self.items - before)

    def _count(self, items: int) -> None:
        self.items += items
        if self.items > MAX_ITEMS:
            raise Problem("the evaluated template is too large; it was given up")

    def _measure(self, value: Any) -> None:
        stack = [(value, 0)]
        while stack:
            item, depth = stack.pop()
            self._count(1)
            if depth > MAX_NESTING:
                raise Problem(f"the value is nested more than {MAX_NESTING} levels deep")
            kind = type(item)
            if kind is dict:
                stack.extend((inner, depth + 1) for inner in item.values())
            elif kind is list:
                stack.extend((inner, depth + 1) for inner in item)

    def fault(self, message: str, expression: str | None = None, column: int | None = None) -> None:
        """Note something wrong at the current path."""
        found = self._place(message, expression, column)
        if len(self.faults) < MAX_FAULTS and found not in self.faults:
            self.faults.append(found)

    def warn(self, message: str) -> None:
        found = self._place(message, None, None)
        if len(self.warnings) < MAX_FAULTS and found not in self.warnings:
            self.warnings.append(found)

    def _place(self, message: str, expression: str | None, column: int | None) -> Fault:
        text = f"{self.label}{message}." if self.label else message
        return Fault(text, self.source.position(self.path), path_text(self.path), expression, column)

    @contextmanager
    def at(self, source: Template, path: Sequence[str | int], label: str = "") -> Iterator[None]:
        """Work at another place for a while, such as on a variable that an expression mentions."""
        before = self.source, self.path, self.label, self.needs
        self.source, self.path, self.label, self.needs = source, list(path), label, None
        try:
            yield
        finally:
            self.source, self.path, self.label, self.needs = before

    def inside(self, *keys: str | int) -> _Inside:
        """Work on a value below the current path."""
        return _Inside(self.path, keys)

    def answer(self, identity: str) -> Any:
        """The resource with this id as GET gives it, or None."""
        if self._known is not None:
            return self._known.get(identity.lower())
        return self.context.references.get(identity)

    def lists(self, function: str, identity: str, api: str, body: Any) -> Any:
        call = self.context.lists
        return None if call is None else call(function, identity, api, body)
