"""What needs what in a factory's definitions, told without refusing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.adf import folder, published
from reconciler.adf.definitions import Definitions
from reconciler.adf.kinds import FACTORY


def graph_json(path: Path, factory: str = "", label: str = "") -> dict[str, Any]:
    """`{"objects", "edges", "missing", "warnings"}` of a Git folder or of what Studio exports.

    Of an edge the first needs the second. What would keep it from being deployed is among the warnings.
    Raises InputError only where there is nothing to read."""
    definitions = read(path, label or str(path), factory, lenient=True)
    objects = [str(each) for each in definitions.objects.values()]
    edges = {
        (str(each), str(need)) for each in definitions.objects.values() for need in definitions.needs(each)
    }
    if definitions.factory is not None:
        objects.append(f"{FACTORY}/{definitions.factory.name}")
    missing = {str(reference) for _, reference in definitions.dangling()}
    return {
        "objects": sorted(objects),
        "edges": [list(edge) for edge in sorted(edges)],
        "missing": sorted(missing),
        "warnings": [*definitions.warnings, *map(str, definitions.faults)],
    }


def read(path: Path, label: str, factory: str = "", **options: Any) -> Definitions:
    """Read whichever of the two it is; `options` are for an export."""
    if folder.is_folder(path):
        return folder.read(path, label, factory)
    return published.read(path, label, factory, **options)
