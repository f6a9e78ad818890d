"""Notebooks, files and libraries that a job names: found among what the environment brings, and put by path.

What lies outside the environment's own folders of the workspace is somebody else's, and left as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from posixpath import basename, dirname, join, normpath
from typing import Any, Final

from reconciler.databricks import workspacepath
from reconciler.databricks.coremetadata import distribution
from reconciler.databricks.jobchecks import Path, items, near, tasks
from reconciler.databricks.jobfile import Found
from reconciler.databricks.libraries import WHEEL_NAME, Library
from reconciler.databricks.notebooks import WorkspaceObject
from reconciler.errors import Fault

PLACES: Final[Mapping[Path, str]] = {
    ("notebook_task", "notebook_path"): "notebook",
    ("spark_python_task", "python_file"): "file",
    ("sql_task", "file", "path"): "file",
}
"""Where a task names an object of the workspace, and of which kind."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_GLOB: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Workspace:
    """What an environment brings into a workspace. folders: those that its notebooks fill.
    unread: names of what has faults of its own: nothing is said of it twice."""

    objects: Sequence[WorkspaceObject]
    libraries: Sequence[Library]
    folders: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()

    @cached_property
    def by_path(self) -> Mapping[str, WorkspaceObject]:
        return {each.path: each for each in self.objects}

    @cached_property
    def by_file(self) -> Mapping[str, WorkspaceObject]:
        return {each.file: each for each in self.objects}

    def lacks(self, path: str) -> bool:
        """Whether a path should be there and is not."""
        folders = map(workspacepath.plain, self.folders)
        return path not in self.unread and any(workspacepath.inside(path, folder) for folder in folders)


@dataclass(frozen=True)
class Put:
    """A value of a job's settings to be replaced, and the path in the workspace that it then names."""

    path: Path
    value: str
    names: str


def located(job: Found, said: Mapping[str, Any], workspace: Workspace) -> Iterator[Put | Fault]:
    """Every place of the job that names something the environment brings, or should."""
    for path, task in tasks(said):
        for steps, kind in PLACES.items():
            value = _at(task, steps)
            if isinstance(value, str) and not _from_git(said, _at(task, steps[:-1])):
                yield from _object(job, (*path, *steps), value, kind, workspace)
        for at, library in items(task, "libraries"):
            for name in ("whl", "jar"):
                if isinstance(library.get(name), str):
                    yield from _library(job, (*path, *at, name), library[name], workspace)
            if isinstance(library.get("requirements"), str):
                where = (*path, *at, "requirements")
                yield from _object(job, where, library["requirements"], "file", workspace)
    for path, environment in items(said, "environments"):
        spec = environment.get("spec")
        needs = spec.get("dependencies") if isinstance(spec, dict) else None
        for index, need in enumerate(needs if isinstance(needs, list) else []):
            if isinstance(need, str) and need.endswith((".whl", ".jar")) and " @ " not in need:
                yield from _library(job, (*path, "spec", "dependencies", index), need, workspace)


def _at(value: Any, steps: Path) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _from_git(said: Mapping[str, Any], task: Any) -> bool:
    """Whether a path is one of a Git repository that the job itself names, not of the workspace."""
    source = task.get("source") if isinstance(task, Mapping) else None
    return source == "GIT" or (source is None and said.get("git_source") is not None)


def _object(job: Found, path: Path, value: str, kind: str, workspace: Workspace) -> Iterator[Put | Fault]:
    if _SCHEME.match(value):
        return
    if not value.startswith("/"):
        told = _relative(job, path, value, kind, workspace)
        if told is not None:
            yield told
        return
    plain = workspacepath.plain(value)
    found = workspace.by_path.get(plain)
    if found is not None and found.kind == kind:
        yield Put(path, value, plain)
    elif found is not None:
        yield job.fault(path, f"{plain} is {_article(found.kind)}, not {_article(kind)}.", _why(found))
    elif workspace.lacks(plain):
        known = {each.path for each in workspace.objects if each.kind == kind}
        message = f"There is no {kind} {plain} among what this environment puts there."
        yield job.fault(path, message, near(plain, known))


def _relative(job: Found, path: Path, value: str, kind: str, workspace: Workspace) -> Put | Fault | None:
    """A path relative to the job file, as bundles take it."""
    file = normpath(join(dirname(job.file), value))
    if file.startswith("../") or file == "..":
        return job.fault(path, f"{value!r} leads out of the repository.")
    found = workspace.by_file.get(file)
    if found is None and file in workspace.unread:
        return None
    if found is None:
        known = {each.file for each in workspace.objects if each.kind == kind}
        hint = near(file, known) or "Is its folder under `databricks.notebooks`?"
        return job.fault(path, f"No {kind} {file} is among what this environment puts there.", hint)
    if found.kind != kind:
        return job.fault(path, f"{file} is {_article(found.kind)}, not {_article(kind)}.", _why(found))
    return Put(path, found.path if kind == "notebook" else workspacepath.mounted(found.path), found.path)


def _article(kind: str) -> str:
    return f"a {kind}"


def _why(found: WorkspaceObject) -> str:
    if found.kind == "file":
        return f"A notebook begins with its header; {found.file} does not."
    return f"{found.file} begins with a notebook's header; a file must not."


# Libraries


def _library(job: Found, path: Path, value: str, workspace: Workspace) -> Iterator[Put | Fault]:
    if _SCHEME.match(value):
        return
    if value.startswith("/"):
        plain = workspacepath.plain(value)
        there = [each for each in workspace.libraries if dirname(each.path) == dirname(plain)]
        found = _fitting(basename(plain), there)
        if not found and plain in workspace.by_path:
            yield Put(path, value, plain)
            return
        ours = bool(there) or workspace.lacks(plain)
        if not found and not ours:
            if _GLOB.search(plain):
                message = (
                    f"{value!r} fits only libraries that this environment brings, and it brings none there."
                )
                yield job.fault(path, message, "Write the whole name.")
            return
    else:
        file = normpath(join(dirname(job.file), value))
        committed = workspace.by_file.get(file)
        if committed is not None and committed.kind == "file":
            yield Put(path, workspacepath.mounted(committed.path), committed.path)
            return
        found = _sources(file, workspace.libraries) or _fitting(basename(file), workspace.libraries)
        plain, there = file, list(workspace.libraries)
    if len(found) == 1:
        yield Put(path, workspacepath.mounted(found[0].path), found[0].path)
    elif found:
        names = ", ".join(each.name for each in found)
        yield job.fault(path, f"{value!r} fits several libraries: {names}.", "Write more of the name.")
    else:
        names = ", ".join(each.name for each in there) or "none there"
        message = f"No library of this environment fits {plain}."
        yield job.fault(path, message, f"It brings: {names}.")


def _fitting(name: str, libraries: Iterable[Library]) -> list[Library]:
    """Libraries that a file name or pattern means; one of another local version is the same library.

    So a job that says `bikeshare-0.1.0-py3-none-any.whl` gets the wheel packed from that version."""
    listed = list(libraries)
    fitting = [each for each in listed if fnmatchcase(each.name, name) or each.name == name]
    wheel = WHEEL_NAME.fullmatch(name)
    if fitting or wheel is None:
        return fitting
    wanted = distribution(wheel["name"]), wheel["version"].partition("+")[0]
    return [each for each in listed if (each.distribution, _public(each.name)) == wanted]


def _public(name: str) -> str:
    wheel = WHEEL_NAME.fullmatch(name)
    return wheel["version"].partition("+")[0] if wheel else ""


def _sources(file: str, libraries: Iterable[Library]) -> list[Library]:
    """Libraries that come from a path of the repository: the file itself, or what its project builds."""
    return [
        each
        for each in libraries
        if not each.url
        and (
            fnmatchcase(normpath(each.source), file)
            or (
                workspacepath.inside(file, normpath(each.source))
                and _fitting(basename(file), [each]) == [each]
            )
        )
    ]
