"""Data Factory's definitions: read from Git, told what differs here, checked, and made into resources.

Files are read by `load` and `graph_json` alone; all else is pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.adf.definitions import Definition, Definitions, Source, key_of, resources, with_faults
from reconciler.adf.graph import graph_json, read
from reconciler.adf.kinds import API_VERSION, BY_TYPE, KINDS, NAMESPACE, object_id, object_name
from reconciler.adf.limits import check
from reconciler.adf.overrides import Where, configured
from reconciler.adf.references import Reference, references
from reconciler.armtemplate import Context
from reconciler.errors import Fault, InputError
from reconciler.within import within

__all__ = [
    "API_VERSION",
    "BY_TYPE",
    "KINDS",
    "NAMESPACE",
    "Definition",
    "Definitions",
    "Reference",
    "Source",
    "check",
    "configured",
    "graph_json",
    "key_of",
    "load",
    "object_id",
    "object_name",
    "references",
    "resources",
]


def load(
    path: Path,
    root: Path,
    *,
    factory: str = "",
    parameters: Mapping[str, Any] | None = None,
    context: Context | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    where: Where = lambda path: ".".join(map(str, path)),
) -> Definitions:
    """Read a Git folder, an exported template or its ZIP, put in what differs here, and check all of it.

    root: the repository; places are named relative to it. parameters, context: for a template. overrides:
    `dataFactory.set`; where: the place of a path in the environment's file.
    Raises InputError with every fault of the definitions, of the overrides and of what they make together."""
    label = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    if not within(path, root):
        raise InputError([Fault(label, "This path leads out of the repository.")])
    if not path.exists():
        raise InputError([Fault(label, "There is nothing at this path.")])
    found = configured(
        read(path, label, factory, parameters=parameters, context=context), overrides or {}, where
    )
    found = with_faults(found, check(found))
    if found.faults:
        raise InputError(found.faults)
    return found
