"""An environment: one YAML file of `environments/`, read with all that it extends and checked as a whole."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from reconciler.environment import checks, overlay
from reconciler.environment.checking import Context
from reconciler.environment.faults import faults as model_faults
from reconciler.environment.model import Azure, Deployment, Environment, Source
from reconciler.environment.policy import Acknowledge, Ignore, Limits, Policy
from reconciler.environment.references import BadReference, Reference, permitted, pieces, references, whole
from reconciler.environment.schema import json_schema
from reconciler.environment.suggest import did_you_mean
from reconciler.environment.values import Limit, databricks_host
from reconciler.errors import Fault, InputError

UNKNOWN = "There is no such environment."

__all__ = [
    "UNKNOWN",
    "Acknowledge",
    "Azure",
    "BadReference",
    "Deployment",
    "Environment",
    "Ignore",
    "Limit",
    "Limits",
    "Policy",
    "Reference",
    "Source",
    "databricks_host",
    "did_you_mean",
    "json_schema",
    "load",
    "names",
    "permitted",
    "pieces",
    "references",
    "whole",
]


def names(root: Path) -> tuple[str, ...]:
    """The environments of a snapshot, in order. Raises InputError where it has no environment file."""
    return overlay.names(overlay.documents(root))


def load(root: Path, name: str) -> Environment:
    """Read one environment of the snapshot at `root`. Raises InputError with every fault that it has."""
    files = overlay.documents(root)
    if name + overlay.SUFFIX not in files:
        guess = did_you_mean(name, overlay.names(files)) or f"There is {', '.join(overlay.names(files))}."
        raise InputError([Fault(f"{overlay.FOLDER}/{name}{overlay.SUFFIX}", UNKNOWN, guess)])
    layers = overlay.layers(name, files)
    found = list(layers.faults)
    after = {other: overlay.after(overlay.layers(other, files).tree) for other in overlay.names(files)}
    found += checks.faults(Context(root, name, layers.tree, after, layers.partial))
    try:
        environment = Environment.model_validate(layers.tree.plain(), by_alias=True, by_name=False)
    except ValidationError as error:
        found += model_faults(error, layers.tree, {place for place, _ in found}, layers.partial)
    if found:
        raise InputError(fault for _, fault in sorted(found))
    return environment.remember(layers.tree, layers.files, checks.repository_paths(layers.tree))
