"""A Python project's `pyproject.toml`, read for packing without running any of its code.

What would need a build backend's code, a plugin or a compiler is refused, with the way out."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.errors import Fault

FILE: Final = "pyproject.toml"
WAY_OUT: Final = "Build the wheel yourself and name it: `{file: dist/x.whl}` or `{url: …, sha256: …}`."
BACKENDS: Final = {
    "setuptools.build_meta": {"setuptools", "wheel"},
    "hatchling.build": {"hatchling"},
    "flit_core.buildapi": {"flit_core"},
    "poetry.core.masonry.api": {"poetry_core"},
    "pdm.backend": {"pdm_backend"},
    "uv_build": {"uv_build"},
}
"""Backends whose static packages we can pack, and what they may require; anything else is a plugin."""
TOOLS: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    ("setuptools",): frozenset(
        {"packages", "package-dir", "package-data", "include-package-data", "zip-safe"}
    ),
    ("setuptools", "packages"): frozenset({"find"}),
    ("setuptools", "packages", "find"): frozenset({"where", "include", "exclude", "namespaces"}),
    ("hatch", "build"): frozenset({"targets"}),
    ("hatch", "build", "targets"): frozenset({"wheel", "sdist"}),
    ("hatch", "build", "targets", "wheel"): frozenset({"packages"}),
    ("hatch", "metadata"): frozenset(),
    ("hatch", "version"): frozenset(),
    ("setuptools_scm",): frozenset(),
    ("setuptools-git-versioning",): frozenset(),
    ("versioningit",): frozenset(),
    ("poetry",): frozenset({"group", "source", "requires-poetry"}),
    ("flit",): frozenset(),
    ("pdm", "build"): frozenset(),
    ("pdm", "version"): frozenset(),
    ("uv", "build-backend"): frozenset(),
}
"""Tables of `[tool]` that say how to build: the keys that are understood. All other tools are theirs."""


@dataclass(frozen=True)
class Project:
    """folder: of the project. label: its `pyproject.toml` as messages name it. data: the whole file."""

    folder: Path
    label: str
    text: str
    data: Mapping[str, Any]

    @property
    def project(self) -> Mapping[str, Any]:
        return table(self.data, "project")

    def tool(self, *path: str) -> Mapping[str, Any]:
        return table(self.data, "tool", *path)

    def fault(self, message: str, word: str = "", hint: str = WAY_OUT, table: str = "") -> Fault:
        """A fault at the first line whose key or table is `word`, from where `table` begins."""
        begin = line_of(self.text, table)
        rest = "".join(self.text.splitlines(keepends=True)[max(begin - 1, 0) :])
        line = line_of(rest, word) + max(begin - 1, 0) if line_of(rest, word) else begin
        return Fault(f"{self.label}:{line}" if line else self.label, message, hint)


def table(data: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The table at a path; empty where there is none."""
    found: Any = data
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def line_of(text: str, word: str) -> int:
    """The line, counted from 1, on which a key or a table of this name stands first; 0 = nowhere."""
    if not word:
        return 0
    name = re.escape(word)
    found = re.search(
        rf"""(?m)^[ \t]*(?:["']?{name}["']?[ \t]*[.=]|\[+[^\]\n#]*\b{name}["']?[ \t]*\])""", text
    )
    return text.count("\n", 0, found.start()) + 1 if found else 0


def read(folder: Path, label: str) -> tuple[Project | None, list[Fault]]:
    """The project in a folder, and why it is not one that is packed here. label: of the folder."""
    here = f"{label}/{FILE}"
    try:
        text = (folder / FILE).read_text("utf-8")
    except FileNotFoundError:
        return None, [Fault(label, f"There is no {FILE} in this folder.", WAY_OUT)]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        return None, [Fault(here, f"It cannot be read: {reason}.")]
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        at = re.search(r"line (\d+), column (\d+)", str(error))
        place = f"{here}:{at[1]}:{at[2]}" if at else f"{here}:{text.count(chr(10)) + 1}"
        return None, [Fault(place, f"This is no TOML: {str(error).split(' (at ')[0]}.")]
    project = Project(folder, here, text, data)
    return project, [*_refused(project), *_other_files(project, label)]


def _refused(project: Project) -> Iterator[Fault]:
    if not project.project:
        message = "There is no table [project], so its name and version are not written down."
        yield project.fault(message, hint=f"Add [project] with `name` and `version`. {WAY_OUT}")
        return
    dynamic = project.project.get("dynamic")
    if dynamic:
        named = ", ".join(map(str, dynamic)) if isinstance(dynamic, list) else str(dynamic)
        message = f"`dynamic` ({named}) is worked out by running the project's code, which is not done here."
        yield project.fault(message, "dynamic", f"Write the values into [project]. {WAY_OUT}")
    yield from _backend(project)
    for path, known in TOOLS.items():
        found = table(project.data, "tool", *path[:-1]).get(path[-1])
        if not isinstance(found, Mapping):
            continue
        for key in sorted(found.keys() - known):
            if (*path, key) not in TOOLS:
                name = f"[tool.{'.'.join(path)}] `{key}`"
                yield project.fault(f"{name} needs the build backend, which is not run here.", key)
        if not known and not found:
            yield project.fault(f"[tool.{'.'.join(path)}] is a plugin, which is not run here.", path[-1])


def _backend(project: Project) -> Iterator[Fault]:
    build = table(project.data, "build-system")
    backend = build.get("build-backend", "setuptools.build_meta")
    if "backend-path" in build or backend not in BACKENDS:
        named = "from its own folder" if "backend-path" in build else repr(backend)
        yield project.fault(f"Its build backend {named} is not one that we can do without.", "build-backend")
        return
    requires = build.get("requires", [])
    for each in requires if isinstance(requires, list) else [requires]:
        found = re.match(r"\s*([A-Za-z0-9._-]+)", each) if isinstance(each, str) else None
        name = re.sub(r"[-_.]+", "_", found[1]).lower() if found else repr(each)
        if name not in BACKENDS[backend]:
            yield project.fault(
                f"Its build needs {found[1] if found else each}, a plugin or tool not run here.", "requires"
            )


def _other_files(project: Project, label: str) -> Iterator[Fault]:
    try:
        setup = project.folder / "setup.py"
        if setup.exists() and not _is_stub(setup.read_text("utf-8")):
            yield Fault(
                f"{label}/setup.py", "It runs code when it is built, which is not done here.", WAY_OUT
            )
        config = project.folder / "setup.cfg"
        if config.exists():
            parser = ConfigParser(interpolation=None)
            parser.read_string(config.read_text("utf-8"))
            for section in parser.sections():
                if section == "metadata" or section.startswith("options"):
                    message = f"[{section}] is not read here."
                    yield Fault(f"{label}/setup.cfg", message, f"Move it into {FILE}. {WAY_OUT}")
    except (OSError, UnicodeDecodeError, ConfigError):
        yield Fault(label, "Its setup.py or setup.cfg cannot be read.", WAY_OUT)


def _is_stub(code: str) -> bool:
    """Whether a setup.py says nothing: imports, and `setup()` without arguments."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        value = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(value, ast.Constant):
            continue
        if isinstance(value, ast.Call) and not value.args and not value.keywords:
            name = ast.unparse(value.func)
            if name in ("setup", "setuptools.setup"):
                continue
        return False
    return True
