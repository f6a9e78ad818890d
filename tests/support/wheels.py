"""Small Python projects to be packed as wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.databricks import pack
from reconciler.errors import Fault, InputError

PROJECT = '[project]\nname = "bikeshare"\nversion = "0.1.0"\n'


def project(root: Path, toml: str = PROJECT, **files: str) -> Path:
    """Files are named by keyword, `__` for a slash in it: none is needed but the package."""
    write(root / "model", {"pyproject.toml": toml, **(files or {"src/bikeshare/__init__.py": "x = 1\n"})})
    return root


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def refused(root: Path) -> list[Fault]:
    with pytest.raises(InputError) as error:
        pack(root, "model")
    return list(error.value.faults)
