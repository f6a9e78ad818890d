"""What an environment wants in its Databricks workspace: directories, notebooks, files, libraries and jobs.

The workspace's host may be known only once Azure has made it. Until then its resources stand under the text
of the reference that asks for it, and `placed` puts them under the host once live tells it. Pure after the
files are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler import databricks
from reconciler.armtemplate import Unknown
from reconciler.databricks.libraries import Library, default_folder
from reconciler.databricks.notebooks import WorkspaceObject
from reconciler.environment import Environment, databricks_host
from reconciler.environment.workloads import Databricks
from reconciler.errors import Fault
from reconciler.graph import Graph
from reconciler.resource import Key, Resource

FAMILY = "databricks."
OBJECT_TYPES: Mapping[str, str] = {"notebook": "NOTEBOOK", "file": "FILE", "library": "FILE"}


@dataclass(frozen=True)
class Wanted:
    """resources: under the workspace's host, or the reference to it. contents: bytes to import by their
    SHA-256. libraries: paths in the workspace, for checks. at: where all of it stands."""

    resources: tuple[Resource, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    libraries: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workspace:
    """Where a section `databricks` lives. scope: that of its keys. needs: what must be there first."""

    scope: str
    at: Mapping[str, Any]
    needs: tuple[Key, ...] = ()

    def resource(self, kind: str, name: str, spec: Mapping[str, Any], **more: Any) -> Resource:
        at = {**self.at, **more.pop("at", {})}
        needs = (*self.needs, *more.pop("needs", ()))
        return Resource(
            Key(f"{FAMILY}{kind}", self.scope, name), f"databricks/{_plural(kind)}", spec, at, needs, **more
        )


def _plural(kind: str) -> str:
    return kind.replace("library", "librarie").replace("directory", "directorie") + "s"


def workspace(section: Databricks, host: Any, resource_id: Any, needs: Iterable[Key]) -> Workspace:
    """host, resource_id: `workspace` and `resourceId` with their references put in, as far as they are known.

    Raises ValueError where the host is no Databricks workspace."""
    known = host if isinstance(host, Unknown) else databricks_host(str(host))
    scope = known if isinstance(known, str) else section.workspace[2:-1]
    at = {"host": known, "resourceId": resource_id or "", "said": section.workspace}
    return Workspace(scope, at, tuple(sorted(set(needs))))


def wanted(environment: Environment, root: Path, place: Workspace) -> Wanted:
    """All that the section `databricks` puts into the workspace, save secret scopes. Reads below `root`."""
    section = environment.databricks
    assert section is not None
    faults: list[Fault] = []
    objects: list[WorkspaceObject] = []
    unread: set[str] = set()
    for index, entry in enumerate(section.notebooks):
        where = environment.where(f"databricks.notebooks[{index}]")
        found, wrong = databricks.objects(root, entry.source, entry.to, where)
        objects += found
        faults += wrong
        unread |= databricks.names_of(wrong, entry.source, entry.to)
    faults += [fault for fault in databricks.clashes(objects) if fault not in faults]
    targets = [entry.to for entry in section.notebooks]
    libraries, wrong = databricks.libraries(
        root,
        section.libraries,
        default_folder(targets),
        [environment.where(f"databricks.libraries[{index}]") for index in range(len(section.libraries))],
    )
    faults += wrong
    jobs, wrong = databricks.jobs(
        root,
        [job.file for job in section.jobs],
        libraries,
        objects,
        folders=targets,
        unread=unread,
        places=[environment.where(f"databricks.jobs[{index}]") for index in range(len(section.jobs))],
    )
    faults += wrong
    if faults:
        return Wanted(faults=tuple(dict.fromkeys(faults)))
    contents: dict[str, bytes] = {}
    directories = _directories(environment, section, place, objects, libraries)
    resources = [
        *directories.values(),
        *(_object(place, each, directories, contents) for each in objects),
        *(_library(place, each, directories, contents) for each in libraries),
    ]
    paths = {resource.key.name: resource.key for resource in resources}
    adopted = {str(PurePosixPath(job.file)) for job in section.jobs if job.adopt}
    for job in jobs:
        tags = {**job.settings.get("tags", {}), databricks.MARK: environment.name}
        spec: dict[str, Any] = {"settings": {**job.settings, "tags": tags}}
        if job.permissions is not None:
            spec["permissions"] = databricks.granted(job.permissions)
        at = {"name": job.name, "adopt": job.origin.split(":")[0] in adopted}
        needs = [paths[path] for path in job.uses if path in paths]
        resources.append(place.resource("job", job.key, spec, at=at, needs=needs, origin=job.origin))
    warnings = [f"{each.origin}: {each.warning}." for each in libraries if each.warning]
    return Wanted(
        tuple(resources), contents, tuple(each.path for each in libraries), warnings=tuple(warnings)
    )


def _directories(
    environment: Environment,
    section: Databricks,
    place: Workspace,
    objects: Iterable[WorkspaceObject],
    libraries: Iterable[Library],
) -> dict[str, Resource]:
    """By path: the directories that notebooks and libraries go to, and those below that hold something."""
    tops = {entry.to: index for index, entry in reversed(list(enumerate(section.notebooks)))}
    paths = {parent for each in objects for parent in _up_to(each.path, tops)}
    paths |= {str(PurePosixPath(each.path).parent) for each in libraries} | tops.keys()
    made: dict[str, Resource] = {}
    for path in sorted(paths):
        index = tops.get(path)
        spec: dict[str, Any] = {}
        if index is not None and section.notebooks[index].permissions:
            spec["permissions"] = databricks.by_name(section.notebooks[index].permissions)
        above = made.get(str(PurePosixPath(path).parent))
        origin = environment.where("databricks" if index is None else f"databricks.notebooks[{index}].to")
        made[path] = place.resource(
            "directory", path, spec, needs=(above.key,) if above else (), origin=origin
        )
    return made


def _up_to(path: str, tops: Mapping[str, int]) -> Iterable[str]:
    """The folders of a path, from its own to the one that its entry goes to."""
    for parent in PurePosixPath(path).parents:
        yield str(parent)
        if str(parent) in tops:
            return


def _object(
    place: Workspace, each: WorkspaceObject, directories: Mapping[str, Resource], contents: dict[str, bytes]
) -> Resource:
    spec = {"objectType": OBJECT_TYPES[each.kind], "content": each.digest}
    if each.language:
        spec["language"] = each.language
    folder = directories[str(PurePosixPath(each.path).parent)]
    at = {"format": each.format, "sha256": _keep(each.content, contents)}
    return place.resource(each.kind, each.path, spec, at=at, needs=(folder.key,), origin=each.origin)


def _library(
    place: Workspace, each: Library, directories: Mapping[str, Resource], contents: dict[str, bytes]
) -> Resource:
    spec = {"objectType": OBJECT_TYPES["library"], "content": each.digest}
    at = {"format": "AUTO", "sha256": each.sha256, **({"url": each.url} if each.url else {})}
    if each.content is not None:
        _keep(each.content, contents)
    folder = directories[str(PurePosixPath(each.path).parent)]
    return place.resource("library", each.path, spec, at=at, needs=(folder.key,), origin=each.origin)


def _keep(content: bytes, contents: dict[str, bytes]) -> str:
    name = hashlib.sha256(content).hexdigest()
    contents[name] = content
    return name


def unplaced(graph: Graph) -> frozenset[Key]:
    """Resources whose workspace has no host yet; also what is kept elsewhere, such as a token in a vault."""
    return frozenset(resource.key for resource in graph if isinstance(resource.at.get("host"), Unknown))


def placed(graph: Graph, resolved: Mapping[str, Any]) -> Graph:
    """The graph with each workspace's resources under its host. resolved: values of `at` by the expression of
    their Unknown, as far as live tells them."""
    moved: dict[Key, Resource] = {}
    for resource in graph:
        if not resource.placeless:
            continue
        at = {name: _known(value, resolved) for name, value in resource.at.items()}
        key = resource.key
        if at.get("host") != resource.at.get("host") and isinstance(at.get("host"), str):
            at["host"] = databricks_host(at["host"])
            if key.kind.startswith(FAMILY):
                key = Key(key.kind, at["host"], key.name)
        moved[resource.key] = replace(resource, key=key, at=at)
    return graph.renamed(moved)


def _known(value: Any, resolved: Mapping[str, Any]) -> Any:
    return resolved.get(value.expression, value) if isinstance(value, Unknown) else value
