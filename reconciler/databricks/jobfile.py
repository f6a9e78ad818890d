"""A job file: YAML in the form of a Databricks bundle, of which `resources.jobs` is read and nothing else.

https://learn.microsoft.com/azure/databricks/dev-tools/bundles/resources#jobs"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler import yamlfile
from reconciler.errors import Fault
from reconciler.within import within
from reconciler.yamlfile import Node, Step

BUNDLE_ONLY: Final = {
    "targets": "an environment's own file says what differs there",
    "variables": "write the values into the job",
    "bundle": "an environment names its workspace itself",
    "include": "name each file under `databricks.jobs`",
    "artifacts": "name libraries under `databricks.libraries`",
    "permissions": "write them into each job",
    "workspace": "an environment names its workspace itself",
    "sync": "name folders under `databricks.notebooks`",
    "run_as": "write it into each job",
    "presets": "write the values into each job",
    "experimental": "leave it out",
}
"""Sections of a bundle, and what to do instead."""
REFERENCES: Final = {
    "var": "Write the value here; what differs by environment can be a job's parameter.",
    "resources": "Write the path or id itself.",
    "bundle": "Write the value here; the environment is told by its own file.",
    "workspace": "Write the path in the workspace itself, e.g. `/Shared/bikeshare`.",
}
_REFERENCE: Final = re.compile(r"\$\{\s*([A-Za-z_]*)[^}]*\}?")


@dataclass(frozen=True)
class Found:
    """One job of a file, as it is written. file: in the repository."""

    file: str
    key: str
    node: Node

    def place(self, path: tuple[Step, ...] = ()) -> str:
        """`file:line:column` of a value, or of its nearest holder."""
        return str(yamlfile.at(self.node, path).place)

    def fault(self, path: tuple[Step, ...], message: str, hint: str = "") -> Fault:
        return Fault(self.place(path), message, hint)


def read(root: Path, file: str, place: str = "") -> tuple[list[Found], list[Fault]]:
    """The jobs of a file and every fault of its form. place: of the entry that names the file."""
    label = PurePosixPath(os.path.normpath(file)).as_posix()
    path = root / file
    if not within(path, root):
        return [], [Fault(place or label, f"{label} leads out of the repository.")]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], [Fault(place or label, f"There is no file {label}.", "Is it committed?")]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is no path"
        return [], [Fault(place or label, f"{label} cannot be read: {reason}.")]
    document = yamlfile.read(content, label)
    faults = [fault for _, fault in document.faults]
    faults += _references(document.root)
    found: list[Found] = []
    for key, node in _jobs(document.root, bool(document.broken), faults):
        if isinstance(node.value, dict):
            found.append(Found(label, key, node))
        else:
            message = f"The job {key!r} must be a map, not {yamlfile.kind(node.value)}."
            faults.append(Fault(str(node.place), message))
    return found, faults


def _jobs(root: Node, broken: bool, faults: list[Fault]) -> Iterator[tuple[str, Node]]:
    top = root.value if isinstance(root.value, dict) else {}
    for key, node in top.items():
        if key in BUNDLE_ONLY:
            message = f"`{key}` belongs to the bundle's own tool and is not read here: {BUNDLE_ONLY[key]}."
            faults.append(Fault(str(node.key), message))
        elif key != "resources":
            faults.append(Fault(str(node.key), f"`{key}` is not known here.", _near(key, ["resources"])))
    resources = top.get("resources")
    if resources is None:
        if not broken:
            hint = "Write `resources:`, in it `jobs:`, and in that each job under a key."
            faults.append(Fault(str(root.place), "The file has no `resources`, so no job.", hint))
        return
    kinds = resources.value if isinstance(resources.value, dict) else {}
    for kind, node in kinds.items():
        if kind != "jobs":
            hint = _near(kind, ["jobs"])
            faults.append(
                Fault(str(node.key), f"`resources.{kind}` is not deployed here; only jobs are.", hint)
            )
    jobs = kinds.get("jobs")
    if jobs is None or not isinstance(jobs.value, dict) or not jobs.value:
        place = resources.place if jobs is None else jobs.place
        faults.append(Fault(str(place), "`resources.jobs` must be a map of jobs.", "Write each under a key."))
        return
    yield from jobs.value.items()


def _references(root: Node) -> Iterator[Fault]:
    """A fault for each `${…}`, in texts and in keys: nothing here puts a value in its place."""
    for _, node in root.walk():
        texts = [(node.value, node.place)] if isinstance(node.value, str) else []
        if isinstance(node.value, dict):
            texts += [(key, child.key or child.place) for key, child in node.value.items()]
        for text, place in texts:
            for found in _REFERENCE.finditer(text):
                hint = REFERENCES.get(found[1], "Write the value itself.")
                yield Fault(str(place), f"`{found[0]}` is filled in by the bundle's own tool only.", hint)


def _near(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f"Did you mean `{near[0]}`?" if near else ""
