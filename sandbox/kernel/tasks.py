"""The kinds of tasks: a notebook, a Python file, an entry point of a wheel."""

from __future__ import annotations

import importlib
import importlib.metadata
import linecache
import sys
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kernel import runner
from sandbox.kernel.errors import NotebookExit
from sandbox.kernel.runner import Machine

Spec = Mapping[str, Any]


def _notebook(machine: Machine, spec: Spec) -> str | None:
    return runner.run(machine, spec["path"], spec["parameters"])


def _python(machine: Machine, spec: Spec) -> str | None:
    """`spark` and `dbutils` are there too, as on a cluster."""
    named = spec["path"]
    source = machine.paths.of(f"/Workspace{named}" if spec["workspace"] else named).read_text("utf-8")
    linecache.cache[named] = (len(source), None, source.splitlines(keepends=True), named)
    space = runner.names(machine)
    space["__file__"] = named
    _as_program([named, *spec["parameters"]], lambda: exec(compile(source, named, "exec"), space))  # noqa: S102
    return None


def _wheel(machine: Machine, spec: Spec) -> str | None:
    """An entry point by its name, else a function of that name in the package."""
    package, name = spec["package"], spec["entry"]
    _as_program([name, *spec["parameters"]], _entry(package, name))
    return None


def _entry(package: str, name: str) -> Callable[[], Any]:
    try:
        points = importlib.metadata.distribution(package).entry_points
    except importlib.metadata.PackageNotFoundError:
        points = importlib.metadata.EntryPoints()
    for point in points:
        if point.name == name:
            found: Callable[[], Any] = point.load()
            return found
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError:
        raise ImportError(f"Python wheel with name {package} could not be found.") from None
    if not hasattr(module, name):
        raise ImportError(f"Entry point {name} could not be found in the package {package}.")
    function: Callable[[], Any] = getattr(module, name)
    return function


def _as_program(arguments: list[str], call: Callable[[], Any]) -> None:
    """With `sys.argv`; an exit with code 0 is a good end."""
    before, sys.argv = sys.argv, arguments
    try:
        call()
    except NotebookExit:
        return
    except SystemExit as end:
        if end.code not in (None, 0):
            raise RuntimeError(f"SystemExit: {end.code}") from None
    finally:
        sys.argv = before


KINDS: Mapping[str, Callable[[Machine, Spec], str | None]] = {
    "notebook": _notebook,
    "python": _python,
    "wheel": _wheel,
}
