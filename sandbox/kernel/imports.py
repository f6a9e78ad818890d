"""Modules that are workspace files: `import helpers` finds `/Workspace/…/helpers.py` beside the notebook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

from sandbox.kernel.paths import Paths

_ROOT = "/Workspace/"


class WorkspaceFinder(MetaPathFinder):
    """Comes last: only what is nowhere else is asked for."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        name = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            if not folder.startswith(_ROOT):
                continue
            package = self._paths.workspace(f"{folder}/{name}/__init__.py")
            if package.is_file():
                inside = [f"{folder}/{name}"]
                return spec_from_file_location(fullname, package, submodule_search_locations=inside)
            module = self._paths.workspace(f"{folder}/{name}.py")
            if module.is_file():
                return spec_from_file_location(fullname, module)
        return None
