"""Which files of a Python project belong to its wheel, by layout: `src/NAME`, `NAME`, or as its tool says.

Every file of a package belongs to it, data as well; left out are `.pyc` files, `__pycache__` and names that
begin with a dot."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

from reconciler.databricks.pyproject import WAY_OUT, Project
from reconciler.errors import Fault, InputError
from reconciler.within import within

COMPILED: Final = frozenset(
    {".c", ".cc", ".cpp", ".cxx", ".pyx", ".pxd", ".f", ".f90", ".so", ".pyd", ".dll", ".dylib"}
)
NOT_PACKAGES: Final = frozenset(
    {
        "test",
        "tests",
        "doc",
        "docs",
        "examples",
        "example",
        "benchmarks",
        "scripts",
        "build",
        "dist",
        "node_modules",
    }
)
"""Folders beside a package that are none, where the layout is flat."""

Packages = Mapping[str, tuple[Path, bool]]
"""Dotted name to folder, and whether the folders below belong to it as they are."""


def files(project: Project) -> dict[str, Path]:
    """Path in the wheel to file, sorted. Raises InputError with every fault."""
    packages = _packages(project)
    faults: list[Fault] = []
    found: dict[str, Path] = {}
    for name, (folder, deep) in packages.items():
        others = {each for each, _ in packages.values() if each != folder}
        for file in _of(folder, others, deep):
            inner = PurePosixPath(*name.split("."), file.relative_to(folder).as_posix()).as_posix()
            label = f"{PurePosixPath(project.label).parent}/{file.relative_to(project.folder).as_posix()}"
            if not within(file, project.folder) or not file.is_file():
                faults.append(
                    Fault(label, "This link leads out of the project, or nowhere.", "Put the file here.")
                )
            elif file.suffix.lower() in COMPILED:
                faults.append(Fault(label, "Compiled code is not built here.", WAY_OUT))
            else:
                found[inner] = file
    if not found and not faults:
        faults.append(project.fault("Its package has no files."))
    if faults:
        raise InputError(faults)
    return dict(sorted(found.items()))


def _of(folder: Path, others: set[Path], deep: bool) -> Iterator[Path]:
    """Files of a package: of its own folder and of those below that are no packages, or of all."""
    for here, folders, names in os.walk(folder):
        inner = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        folders[:] = [
            name
            for name in inner
            if Path(here, name) not in others and (deep or not Path(here, name, "__init__.py").exists())
        ]
        yield from (Path(here, name) for name in folders if Path(here, name).is_symlink())
        yield from (
            Path(here, name)
            for name in sorted(names)
            if not name.startswith(".") and not name.endswith((".pyc", ".pyo"))
        )


def _packages(project: Project) -> Packages:
    hatch = project.tool("hatch", "build", "targets", "wheel").get("packages")
    if hatch is not None:
        return {PurePosixPath(path).name: (_folder(project, path), True) for path in _texts(project, hatch)}
    said = project.tool("setuptools").get("packages")
    if isinstance(said, list):
        return {name: (_listed(project, name), False) for name in _texts(project, said)}
    find = project.tool("setuptools", "packages").get("find")
    if isinstance(find, Mapping):
        return _found(project, find)
    return _discovered(project)


def _discovered(project: Project) -> Packages:
    """`src/NAME` or `NAME`, else the only package there."""
    name = re.sub(r"[-.]+", "_", str(project.project.get("name", ""))).lower()
    base = project.folder / "src" if (project.folder / "src").is_dir() else project.folder
    flat = base == project.folder
    there = [
        each
        for each in sorted(base.iterdir())
        if (each / "__init__.py").is_file() and not (flat and each.name.lower() in NOT_PACKAGES)
    ]
    chosen = [each for each in there if each.name.lower() == name] if flat else there
    chosen = chosen or there
    where = "src/" if not flat else "the folder"
    if not chosen:
        raise InputError(
            [
                project.fault(
                    f"No package was found: {where} has no folder with an `__init__.py`.",
                    "name",
                    table="project",
                )
            ]
        )
    if len(chosen) > 1:
        names = ", ".join(each.name for each in chosen)
        hint = 'Say which: `[tool.setuptools.packages.find] include = ["NAME*"]`.'
        raise InputError(
            [project.fault(f"{where} holds several packages: {names}.", "name", hint, "project")]
        )
    return {chosen[0].name: (chosen[0], True)}


def _found(project: Project, find: Mapping[str, Any]) -> Packages:
    """As setuptools' `find` does: every folder below `where` that has a fitting name."""
    include = _texts(project, find.get("include", ["*"]))
    exclude = _texts(project, find.get("exclude", []))
    bare = find.get("namespaces", True) is True
    found: dict[str, tuple[Path, bool]] = {}
    for where in _texts(project, find.get("where", ["."])):
        base = _folder(project, where)
        for here, folders, _ in os.walk(base):
            folders[:] = sorted(
                name
                for name in folders
                if name.isidentifier()
                and name != "__pycache__"
                and (bare or Path(here, name, "__init__.py").is_file())
            )
            for inner in folders:
                folder = Path(here, inner)
                name = ".".join(folder.relative_to(base).parts)
                fits = any(fnmatchcase(name, each) for each in include)
                if fits and not any(fnmatchcase(name, each) for each in exclude):
                    found[name] = (folder, False)
    tops = sorted({name.split(".")[0] for name in found})
    if not found:
        raise InputError([project.fault("`packages.find` finds no package.", "find")])
    if len(tops) > 1 and "include" not in find:
        message = f"`packages.find` finds several packages: {', '.join(tops)}."
        raise InputError([project.fault(message, "find", "Say which by `include`.")])
    return found


def _listed(project: Project, name: str) -> Path:
    """The folder of a package that is listed by its dotted name, through `package-dir`."""
    said = project.tool("setuptools", "package-dir")
    parts = name.split(".")
    for length in range(len(parts), -1, -1):
        base = said.get(".".join(parts[:length]))
        if isinstance(base, str):
            return _folder(project, PurePosixPath(base, *parts[length:]).as_posix())
    return _folder(project, "/".join(parts))


def _folder(project: Project, path: str) -> Path:
    folder = project.folder / path
    if not within(folder, project.folder):
        raise InputError([project.fault(f"{path!r} leads out of the project.", "packages")])
    if not folder.is_dir():
        raise InputError([project.fault(f"There is no folder {path!r}.", "packages")])
    return Path(os.path.normpath(folder))


def _texts(project: Project, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise InputError([project.fault("Its packages must be a list of texts.", "packages", "")])
    return value
