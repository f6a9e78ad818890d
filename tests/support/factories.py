"""Data factories for tests: Git folders and exports, written from short values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEMA = "http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"
TYPES = {
    "linkedService": "linkedservices",
    "managedPrivateEndpoint": "managedVirtualNetworks/managedPrivateEndpoints",
}

WHOLE = [
    *("devlace-datadevops", "mdw-dataops/adf_cicd", "mdw-dataops/parking_sensors"),
    *(f"azure.datafactory.tools/{name}" for name in ("BigFactorySample2", "adf1", "adf2", "emptyFactory")),
]
"""Factories of the corpus that hold all that they refer to, below `adf-repos`."""


def ref(kind: str, name: str) -> dict[str, str]:
    """A reference as Studio writes it, e.g. to a `linkedService`."""
    type_ = {"dataflow": "DataFlow"}.get(kind, kind[0].upper() + kind[1:])
    return {"referenceName": name, "type": f"{type_}Reference"}


def run(name: str) -> dict[str, Any]:
    """An activity that executes another pipeline."""
    return {
        "name": f"Run {name}",
        "type": "ExecutePipeline",
        "typeProperties": {"pipeline": ref("pipeline", name)},
    }


def pipeline(*activities: Mapping[str, Any]) -> dict[str, Any]:
    return {"activities": list(activities)}


def folder(root: Path, objects: Mapping[str, Any]) -> Path:
    """Write `{"pipeline/score": properties, …}` as a Git folder. Text is written as it is, to the path as it is."""
    for path, content in objects.items():
        file = root / path if isinstance(content, str) else root / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        body = {"name": path.rpartition("/")[2], "properties": content}
        file.write_text(content if isinstance(content, str) else json.dumps(body, indent=2), "utf-8")
    return root


def exported(objects: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The template that Studio exports for such objects; a private endpoint is named with its network."""
    resources = []
    for path, properties in objects.items():
        kind, _, name = path.partition("/")
        type_ = f"Microsoft.DataFactory/factories/{TYPES.get(kind, f'{kind}s')}"
        full = f"[concat(parameters('factoryName'), '/{name}')]"
        resources.append({"name": full, "type": type_, "apiVersion": "2018-06-01", "properties": properties})
    declared = {"factoryName": {"type": "string", "defaultValue": "exported"}, **(parameters or {})}
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "parameters": declared, "resources": resources}
