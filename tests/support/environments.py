"""Small snapshots of a repository for tests of environment files."""

from __future__ import annotations

from pathlib import Path

from reconciler.environment import Environment, load
from reconciler.errors import Fault, InputError

BASE = """\
apiVersion: reconciler/v1
azure:
  subscription: 00000000-0000-0000-0000-000000000001
  location: westeurope
"""
DEV = """\
name: dev
extends: base.yaml
azure:
  resourceGroup: sample-dev
  deployments:
    - name: platform
      template: arm/main.json
"""


def snapshot(root: Path, **files: str) -> Path:
    """A snapshot with `base.yaml`, `dev.yaml`, the environment files given, and paths that they can name."""
    for folder in ("arm", "datafactory", "notebooks", "model", "jobs", "environments"):
        (root / folder).mkdir(exist_ok=True)
    (root / "arm" / "main.json").write_text("{}")
    (root / "jobs" / "score.yaml").write_text("{}")
    for name, text in {"base": BASE, "dev": DEV, **files}.items():
        (root / "environments" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root


def dev(root: Path, more: str) -> Environment:
    """`dev` with more text at its end. Raises InputError."""
    return load(snapshot(root, dev=DEV + more), "dev")


def faults(root: Path, name: str = "dev") -> list[Fault]:
    """The faults of an environment, which must have some."""
    try:
        load(root, name)
    except InputError as error:
        return list(error.faults)
    raise AssertionError(f"{name} has no fault")
