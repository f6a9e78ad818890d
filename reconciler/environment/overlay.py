"""The files of `environments/`: which there are, what each extends, and the tree that they merge to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reconciler.environment.suggest import did_you_mean
from reconciler.errors import Fault, InputError
from reconciler.within import within
from reconciler.yamlfile import EVERYTHING, MAX_BYTES, Document, Node, Place, merged, read

FOLDER = "environments"
SUFFIX = ".yaml"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.ya?ml")

Found = tuple[Place, Fault]

_read = lru_cache(maxsize=256)(read)
"""To read one environment all files are read, and the hosted app reads all environments: each text once."""


@dataclass(frozen=True)
class Layers:
    """The merged tree of one environment and the files it came from, nearest first."""

    tree: Node
    files: tuple[str, ...]
    faults: tuple[Found, ...] = ()
    partial: bool = False


def inside(root: Path, path: Path) -> bool:
    """Whether a path, all symbolic links followed, is in the snapshot."""
    return within(path, root)


def folder(root: Path) -> Path:
    """The folder of environment files. Raises InputError where the snapshot has none."""
    path = root / FOLDER
    if not inside(root, path) or not path.is_dir():
        raise InputError(
            [Fault(f"{FOLDER}/", "This repository has no such folder.", "Environment files live there.")]
        )
    return path


def documents(root: Path) -> Mapping[str, Document]:
    """Every YAML file of the folder by its name, in order. Raises InputError where there is none."""
    found = {
        entry.name: document(root, entry.name)
        for entry in sorted(folder(root).iterdir())
        if entry.suffix in (SUFFIX, ".yml") and not entry.is_dir()
    }
    if not found:
        raise InputError([Fault(f"{FOLDER}/", "There is no environment file.", "Add one, as in `dev.yaml`.")])
    return found


def document(root: Path, file: str) -> Document:
    """One file of the folder; what keeps it from being read is a fault in the document."""
    shown = f"{FOLDER}/{file}"
    path = root / FOLDER / file

    def refused(message: str, hint: str = "") -> Document:
        place = Place(shown)
        return Document(
            Node({}, place), ((place, Fault(str(place), message, hint)),), frozenset({EVERYTHING})
        )

    if not inside(root, path):
        return refused("This is a link that leaves the repository.", "Put the file itself there.")
    try:
        with path.open("rb") as stream:
            return _read(stream.read(MAX_BYTES + 1), shown)
    except OSError as error:
        return refused(f"The file cannot be read: {error.strerror}.")


def parent(node: Node) -> str | None:
    """What a file says that it extends."""
    extends = node.child("extends")
    return extends.value if extends is not None and isinstance(extends.value, str) else None


def after(node: Node) -> tuple[str, ...]:
    """The environments that a tree says it comes after."""
    items = node.child("after")
    values = items.value if items is not None and isinstance(items.value, list) else []
    return tuple(item.value for item in values if isinstance(item.value, str))


def _is_base(current: Document) -> bool:
    """Whether a file that others extend has no name; one whose name cannot be read is no base."""
    name = current.root.child("name")
    return (name is None or name.value is None) and not current.broken & {"name", EVERYTHING}


def layers(name: str, files: Mapping[str, Document]) -> Layers:
    """One environment's file with all that it extends merged beneath it."""
    chain: list[str] = []
    faults: list[Found] = []
    partial = False
    next_file: str | None = name + SUFFIX
    while next_file is not None:
        current = files[next_file]
        chain.append(next_file)
        faults += current.faults
        partial |= bool(current.broken)
        base = parent(current.root)
        fault = _extends_fault(base, chain, files)
        if base is not None and fault is not None:
            place = _extends_place(current.root)
            faults.append((place, Fault(str(place), *fault)))
            partial = True
            base = None
        next_file = base
    tree = files[chain[-1]].root
    for file in reversed(chain[:-1]):
        tree = merged(tree, files[file].root)
    return Layers(tree, tuple(f"{FOLDER}/{file}" for file in chain), tuple(faults), partial)


def _extends_place(node: Node) -> Place:
    extends = node.child("extends")
    return extends.place if extends else node.place


def _extends_fault(
    base: str | None, chain: list[str], files: Mapping[str, Document]
) -> tuple[str, str] | None:
    if base is None:
        return None
    if not FILE_NAME.fullmatch(base):
        return f"`extends` names a file in {FOLDER}/, without a folder.", "For example `base.yaml`."
    if base in chain:
        return f"This extends itself: {' → '.join([*chain[chain.index(base) :], base])}.", "Break the circle."
    if base not in files:
        return f"{FOLDER}/{base} is not there.", did_you_mean(base, files) or f"There is {', '.join(files)}."
    return None


def names(files: Mapping[str, Document]) -> tuple[str, ...]:
    """The environments among the files.

    A file that others extend and that has no name of its own is a base. Any other file is an environment,
    also one that cannot be read or lacks its name: loading it says so, leaving it out would look as if it
    were gone."""
    extended = {parent(current.root) for current in files.values()}
    return tuple(
        file.removesuffix(SUFFIX)
        for file, current in files.items()
        if file.endswith(SUFFIX) and not (file in extended and _is_base(current))
    )
