"""Every package in this folder that has a value `SERVICE` is a played service."""

from __future__ import annotations

import importlib
import pkgutil

from sandbox.service import Service

_MODULES = [
    importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if m.ispkg
]

ALL: tuple[Service, ...] = tuple(module.SERVICE for module in _MODULES if hasattr(module, "SERVICE"))
