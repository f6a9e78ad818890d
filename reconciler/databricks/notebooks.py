"""A folder of the repository as objects of a workspace: notebooks, and files that are none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from reconciler.databricks import workspacepath
from reconciler.databricks.content import LANGUAGES, canonical, digest, header, jupyter_language, lines
from reconciler.errors import Fault
from reconciler.within import within

NOTEBOOK_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of a notebook: `MAX_NOTEBOOK_SIZE_EXCEEDED` of https://docs.databricks.com/api/azure/workspace/workspace/import."""
FILE_LIMIT: Final = 500_000_000
"""Bytes of a workspace file (https://learn.microsoft.com/azure/databricks/files/workspace#limitations)."""
SOURCES: Final = {".py": "PYTHON", ".sql": "SQL", ".scala": "SCALA", ".r": "R"}
NOT_BYTES: Final = "__pycache__"


@dataclass(frozen=True)
class WorkspaceObject:
    """path: in the workspace, of a notebook without the extension. file: in the repository.

    content: what is imported: the file's bytes, of a notebook without a byte order mark. digest: of the
    canonical content. language: "" for a file. format: in which it is imported and exported."""

    path: str
    kind: Literal["notebook", "file"]
    language: str
    format: Literal["SOURCE", "JUPYTER", "AUTO"]
    file: str
    content: bytes = field(repr=False)
    digest: str
    origin: str

    def canonical(self) -> bytes:
        return canonical(self.kind, self.language, self.format, self.content)


def objects(root: Path, source: str, to: str, place: str = "") -> tuple[list[WorkspaceObject], list[Fault]]:
    """What the folder `source` puts below the workspace's folder `to`, by path, and every fault of it.

    place: of the entry in the environment's file. Names that begin with a dot and `__pycache__` are left out.
    """
    message, hint = workspacepath.fault_of(to)
    if message:
        return [], [Fault(place, message, hint)]
    folder = root / source
    label = PurePosixPath(os.path.normpath(source)).as_posix()
    if not within(folder, root):
        return [], [Fault(place or label, f"{label} leads out of the repository.")]
    if not folder.is_dir():
        return [], [Fault(place or label, f"There is no folder {label}.", "Is it committed?")]
    found: list[WorkspaceObject] = []
    faults: list[Fault] = []
    for file in _files(folder, label, faults):
        told = _object(folder / file, (PurePosixPath(label) / file).as_posix(), file, workspacepath.plain(to))
        if isinstance(told, Fault):
            faults.append(told)
        else:
            found.append(told)
    found.sort(key=lambda each: each.path)
    return found, [*faults, *clashes(found)]


def names_of(faults: Iterable[Fault], source: str, to: str) -> set[str]:
    """What a job may call the faulty ones by: file, path in the workspace, and that without a suffix."""
    folder, names = PurePosixPath(os.path.normpath(source)), set[str]()
    for fault in faults:
        file = PurePosixPath(fault.place.split(":")[0])
        if file.is_relative_to(folder):
            path = PurePosixPath(workspacepath.plain(to)) / file.relative_to(folder)
            names |= {str(file), str(path), str(path.with_suffix(""))}
    return names


def clashes(found: Iterable[WorkspaceObject]) -> list[Fault]:
    """A fault for each object whose path another one takes, as an object or as a folder."""
    faults: list[Fault] = []
    first: dict[str, WorkspaceObject] = {}
    folders: dict[str, WorkspaceObject] = {}
    every = sorted(found, key=lambda each: (each.path, each.file))
    for each in every:
        for parent in PurePosixPath(each.path).parents:
            folders.setdefault(parent.as_posix(), each)
    for each in every:
        other = first.setdefault(each.path, each)
        if other is not each:
            message = f"{each.file} and {other.file} both become {each.path}"
            dropped = " (a notebook loses its extension)" if "notebook" in (each.kind, other.kind) else ""
            faults.append(Fault(each.origin, f"{message}{dropped}.", "Rename one of them."))
        elif each.path in folders:
            below = folders[each.path].file
            message = f"{each.file} becomes {each.path}, which is also the folder that {below} goes to."
            faults.append(Fault(each.origin, message, "Rename one of them."))
    return faults


def _files(folder: Path, label: str, faults: list[Fault]) -> Iterator[str]:
    """Paths of files below the folder, relative to it, in order."""
    for here, folders, files in os.walk(folder):
        inner = Path(here).relative_to(folder).as_posix()
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != NOT_BYTES)
        for name in [name for name in folders if (Path(here) / name).is_symlink()]:
            folders.remove(name)
            faults.append(
                Fault(_join(label, inner, name), "A link to a folder is not followed.", "Put the files here.")
            )
        for name in sorted(files):
            path = Path(here) / name
            if name.startswith(".") or path.suffix == ".pyc":
                continue
            if path.is_symlink() and not (within(path, folder) and path.is_file()):
                message = "This link leads out of the folder, or nowhere."
                faults.append(Fault(_join(label, inner, name), message, "Put the file here."))
                continue
            yield PurePosixPath(inner, name).as_posix()


def _join(*parts: str) -> str:
    return _printable(PurePosixPath(*parts).as_posix())


def _printable(label: str) -> str:
    """A name on disk need not be UTF-8; a message must."""
    return os.fsencode(label).decode("utf-8", "replace")


def _object(path: Path, label: str, relative: str, to: str) -> WorkspaceObject | Fault:
    try:
        size = path.stat().st_size
        if size > FILE_LIMIT:
            return _too_large(label, size, FILE_LIMIT, "a file")
        content = path.read_bytes()
    except OSError as error:
        return Fault(label, f"It cannot be read: {error.strerror}.")
    suffix = path.suffix.lower()
    target = f"{to}/{relative}"
    for each in (target, target.removesuffix(path.suffix)):
        message, hint = workspacepath.fault_of(each)
        if message:
            return Fault(_printable(label), message, hint)
    plain = content.removeprefix(b"\xef\xbb\xbf")
    if suffix == ".ipynb":
        if size > NOTEBOOK_LIMIT:
            return _too_large(label, size, NOTEBOOK_LIMIT, "a notebook")
        language = _jupyter(plain, label)
        if isinstance(language, Fault):
            return language
        return _made(target[: -len(suffix)], language, "JUPYTER", label, plain)
    if suffix in SOURCES and _has_header(plain, SOURCES[suffix]):
        if len(plain) > NOTEBOOK_LIMIT:
            return _too_large(label, size, NOTEBOOK_LIMIT, "a notebook")
        try:
            plain.decode()
        except UnicodeDecodeError as error:
            line = plain.count(b"\n", 0, error.start) + 1
            return Fault(f"{label}:{line}", "This notebook is not UTF-8 text.", "Save it as UTF-8.")
        return _made(target[: -len(suffix)], SOURCES[suffix], "SOURCE", label, plain)
    told = digest("file", "", "AUTO", content)
    return WorkspaceObject(target, "file", "", "AUTO", label, content, told, label)


def _made(
    path: str, language: str, format: Literal["SOURCE", "JUPYTER"], label: str, content: bytes
) -> WorkspaceObject:
    told = digest("notebook", language, format, content)
    return WorkspaceObject(path, "notebook", language, format, label, content, told, f"{label}:1:1")


def _too_large(label: str, size: int, limit: int, what: str) -> Fault:
    message = f"It has {size:,} bytes; a workspace takes {what} of at most {limit:,}."
    hint = "Clear its outputs, or split it." if what == "a notebook" else "Keep it in a volume or in storage."
    return Fault(label, message, hint)


def _has_header(content: bytes, language: str) -> bool:
    """Whether the first line says that this is a notebook; in any other place the words mean nothing."""
    first = lines(content[:200].decode("utf-8", "replace"))[0]
    return first.rstrip() == header(language)


def _jupyter(content: bytes, label: str) -> str | Fault:
    """The language of a notebook in Jupyter's format, or what is wrong with it."""
    way_out = "Open it in Jupyter, save it again, and commit that."
    try:
        found = json.loads(content.decode())
    except json.JSONDecodeError as error:
        place = f"{label}:{error.lineno}:{error.colno}"
        return Fault(place, f"This notebook is no JSON: {error.msg}.", way_out)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Fault(f"{label}:{line}", "This notebook is not UTF-8 text.", "Save it as UTF-8.")
    except (RecursionError, ValueError):
        return Fault(label, "This notebook's JSON nests too deep or holds too long a number.", way_out)
    if not isinstance(found, dict):
        return Fault(f"{label}:1:1", "This notebook is no JSON object.", way_out)
    version = found.get("nbformat")
    if not isinstance(version, int) or version < 4:
        return Fault(f"{label}:1:1", f"This notebook's `nbformat` is {version!r}; 4 is needed.", way_out)
    cells = found.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return Fault(f"{label}:1:1", "This notebook has no list `cells` of objects.", way_out)
    named = jupyter_language(found)
    if named.lower() not in LANGUAGES:
        message = f"This notebook's language is {named!r}; a workspace runs Python, SQL, Scala and R."
        return Fault(f"{label}:1:1", message, "Correct `language_info` in its metadata.")
    return LANGUAGES[named.lower()]
