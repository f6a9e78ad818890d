"""The core of Databricks' SDK, imported without its generated services.

`import databricks.sdk` imports a module for each service that Databricks has: 33 MB and more than a second,
for typed calls that nothing here makes. What we use, `databricks.sdk.core`, needs none of them, but Python
imports a package before what is in it."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

PACKAGE = "databricks.sdk"


def leave_out_services() -> None:
    """Let a module of the package be imported alone. Whoever asks the package itself for a class finds it
    whole: only then its services are imported. Does nothing where it was imported before."""
    if PACKAGE not in sys.modules:
        spec = find_spec(PACKAGE)
        assert spec is not None
        package = sys.modules.setdefault(PACKAGE, _waiting(spec))
        above, _, name = PACKAGE.rpartition(".")
        setattr(sys.modules[above], name, package)


def _waiting(spec: ModuleSpec) -> ModuleType:
    """The package, whose own code runs when something is asked of it."""
    package = module_from_spec(spec)

    def whole(name: str) -> Any:
        if name.startswith("__") or find_spec(f"{PACKAGE}.{name}") is not None:
            raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}")  # Python imports a module
        vars(package).pop("__getattr__", None)
        assert spec.loader is not None
        spec.loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = whole
    return package
