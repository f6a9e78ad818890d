"""Job files as jobs: what is sent to the Jobs API, checked before anything is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.databricks import jobchecks, jobfile, jobmodel
from reconciler.databricks.jobfile import Found
from reconciler.databricks.jobpaths import Put, Workspace, located
from reconciler.databricks.libraries import Library
from reconciler.databricks.notebooks import WorkspaceObject
from reconciler.errors import Fault

MARK: Final = "reconciler"
"""The tag of a job that names its environment, as resources of Azure bear it."""


@dataclass(frozen=True)
class Job:
    """key: under `resources.jobs`. name: that of the job, else its key.

    settings: plain JSON for `jobs/create` and `jobs/reset` (2.2), with `name` and without `permissions`.
    permissions: `None` if the file says nothing of them; else items of an `access_control_list`:
    `permission_level` and one of `user_name`, `group_name` and `service_principal_name`.
    uses: paths in the workspace of the notebooks, files and libraries of this environment that it names."""

    key: str
    name: str
    settings: Mapping[str, Any]
    permissions: Sequence[Mapping[str, str]] | None
    uses: tuple[str, ...]
    origin: str


def jobs(
    root: Path,
    files: Iterable[str],
    libraries: Sequence[Library],
    notebooks: Sequence[WorkspaceObject],
    *,
    folders: Iterable[str] = (),
    unread: Iterable[str] = (),
    places: Sequence[str] = (),
) -> tuple[list[Job], list[Fault]]:
    """The jobs of all files by name, and every fault of them.

    folders: of the workspace that this environment fills with notebooks; a job that names something there
    must find it. unread: names of what has faults of its own, which is not looked for. places: of the files'
    entries in the environment's file, in order."""
    workspace = Workspace(notebooks, libraries, tuple(folders), frozenset(unread))
    faults: list[Fault] = []
    found: list[Found] = []
    for index, file in enumerate(files):
        more, wrong = jobfile.read(root, file, places[index] if index < len(places) else "")
        found += more
        faults += wrong
    made: list[Job] = []
    for each in found:
        job, wrong = _job(each, workspace)
        made.append(job)
        faults += wrong
    faults += _twice(made)
    return sorted(made, key=lambda job: (job.name, job.key)), faults


def _job(found: Found, workspace: Workspace) -> tuple[Job, list[Fault]]:
    said = found.node.plain()
    faults = [*jobmodel.faults(found), *jobchecks.faults(found)]
    settings = _without_nothing(said)
    uses: set[str] = set()
    for each in located(found, said, workspace):
        if isinstance(each, Put):
            uses.add(each.names)
            settings = _with(settings, each.path, each.value)
        else:
            faults.append(each)
    permissions = said.get("permissions")
    settings.pop("permissions", None)
    name = said["name"] if isinstance(said.get("name"), str) and said["name"] else found.key
    settings["name"] = name
    granted = _granted(permissions) if isinstance(permissions, list) else None
    return Job(found.key, name, settings, granted, tuple(sorted(uses)), found.place()), faults


def _granted(permissions: list[Any]) -> list[dict[str, str]]:
    """From a bundle's words to the API's."""
    return [
        {
            "permission_level" if name == "level" else name: value
            for name, value in each.items()
            if value is not None
        }
        for each in permissions
        if isinstance(each, dict)
    ]


def _without_nothing(value: Any) -> Any:
    """Without keys that hold nothing: to leave a field out is how the API takes its default."""
    if isinstance(value, dict):
        return {name: _without_nothing(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nothing(each) for each in value]
    return value


def _with(value: Any, path: Sequence[str | int], new: Any) -> Any:
    """The value with what stands at the path replaced."""
    if not path:
        return new
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


def _twice(made: Iterable[Job]) -> Iterable[Fault]:
    for field in ("key", "name"):
        first: dict[str, Job] = {}
        for job in made:
            value = getattr(job, field)
            other = first.setdefault(value, job)
            if other is not job:
                message = f"The {field} {value!r} is there twice; another job has it at {other.origin}."
                yield Fault(job.origin, message, "Rename one of them.")
