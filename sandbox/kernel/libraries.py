"""Libraries of a task, installed for its kernel alone: wheels into one folder, for Python and its workers."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.kernel.errors import LibraryFault
from sandbox.kernel.paths import Paths

_WHEEL = re.compile(r"[^-/]+-[^-/]+(-\d[^-/]*)?-[^-/]+-[^-/]+-[^-/]+\.whl")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9._-]+")
Note = Callable[[str], object]


def install(entries: Sequence[Mapping[str, Any]], paths: Paths, site: Path, note: Note) -> list[str]:
    """Install what a task asks for; answers the files of its JARs. Raises LibraryFault."""
    jars: list[str] = []
    for entry in entries:
        kind, value = next(iter(entry.items()))
        if kind == "jar":
            jars.append(str(_file(paths, "jar", str(value))))
        elif kind == "whl":
            _unpack(_file(paths, "whl", str(value)), str(value), site)
        elif kind == "pypi":
            _importable(str(value.get("package", "")), note)
        else:
            raise _fault(kind, str(value), f"The sandbox does not install libraries of the kind {kind}.")
    importlib.invalidate_caches()
    return jars


def _unpack(file: Path, named: str, site: Path) -> None:
    if not _WHEEL.fullmatch(Path(named).name):
        raise _fault("whl", named, f"'{Path(named).name}' is not a valid wheel filename.")
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(site)
    except zipfile.BadZipFile:
        raise _fault("whl", named, f"Wheel '{Path(named).name}' is invalid: it is no zip archive.") from None


def _importable(package: str, note: Note) -> None:
    name = _DISTRIBUTION.match(package)
    try:
        found = importlib.metadata.version(name[0] if name else package)
    except importlib.metadata.PackageNotFoundError:
        message = (
            f"ERROR: No matching distribution found for {package}. The sandbox installs nothing from PyPI."
        )
        raise _fault("python-pypi", package, message) from None
    note(f"The sandbox installs nothing from PyPI: {package} is here as version {found}.\n")


def _file(paths: Paths, kind: str, named: str) -> Path:
    if re.match(r"(https?|s3a?|gs):", named):
        raise _fault(
            kind, named, "The sandbox reads libraries from /Workspace, dbfs:/, /Volumes and abfss://."
        )
    found = paths.of(named)
    if not found.is_file():
        raise _fault(kind, named, f"java.io.FileNotFoundException: {named}")
    return found


def _fault(kind: str, named: str, message: str) -> LibraryFault:
    return LibraryFault(
        f'Library installation failed for library due to user error for {kind}: "{named}"\n Error messages:\n'
        "Library installation attempted on the driver node of the cluster and failed. Error code: "
        f"DRIVER_LIBRARY_INSTALLATION_FAILURE. Error message: {message}"
    )
