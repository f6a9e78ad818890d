"""A run's kernel: what a task is told, and the process that it is told to.

A run has one kernel at a time, which takes its tasks one after the other. Tasks whose clusters have the same
settings share it, as tasks share a job cluster; for others it starts anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.children import Child, Message
from sandbox.service import CloudError
from sandbox.services.databricks import (
    clusters,
    dataset,
    files,
    hosts,
    job_rules,
    run_java,
    run_questions,
    run_references,
)
from sandbox.world import World

Run = dict[str, Any]
Task = dict[str, Any]

_KIND = "databricks/"
MOST = 2  # kernels at a time: each is a Java machine of a gigabyte
_SECRET = re.compile(r"\{\{\s*secrets/([^/}]+)/([^/}]+?)\s*\}\}")
_NOTHING: Mapping[str, Any] = {}


class BadCluster(Exception):
    """The cluster of a task cannot start."""


def name_of(run: Run) -> str:
    return f"{_KIND}{run['host']}/{run['run_id']}"


def stop(world: World, name: str) -> None:
    """End a kernel; the Java machine that it had is for others."""
    world.children.stop(name)
    run_java.give_back(world, name)


def free(world: World, run: Run) -> bool:
    """Whether a task of the run may start now."""
    return world.children.get(name_of(run)) is not None or len(world.children.named(_KIND)) < MOST


def begin(
    world: World,
    run: Run,
    task: Task,
    heard: Callable[[Child, Message], None],
    ended: Callable[[Child], None],
) -> None:
    """Let the run's kernel execute a task. Raises BadCluster."""
    message = _message(world, run, task)
    machine = json.dumps([message[key] for key in ("settings", "hiddenSettings", "serverless")])
    name = name_of(run)
    child = world.children.get(name)
    if child is not None and child.notes["machine"] != machine:
        stop(world, name)
        child = None
    if child is None:
        child = world.children.start(name, "sandbox.kernel", heard, ended)
        child.notes |= {"host": run["host"], "run": run["run_id"], "machine": machine}
    child.notes |= {"task": task["key"], "log": []}
    child.tell(task=message)


def _message(world: World, run: Run, task: Task) -> Message:
    host, spec = run["host"], task["spec"]
    workspace = hosts.workspace(world, host)["properties"]["workspaceId"]
    names = run_references.known(run, task, run["parameters"], host, workspace)
    settings, hidden, secrets = _settings(world, host, _cluster(world, run, spec))
    kind = job_rules.kind_of(spec)
    return {
        **_KINDS[kind](run_references.resolved(spec[kind], names), run),
        "libraries": _libraries(run, spec),
        "settings": settings,
        "hiddenSettings": hidden,
        "hidden": secrets,
        "serverless": job_rules.is_serverless(spec),
        "facts": {
            "apiUrl": f"https://{host}",
            "browserHostName": host,
            "jobId": str(run["job_id"]),
            "currentRunId": str(task["run_id"]),
        },
        "values": {one["key"]: one["values"] for one in run["tasks"] if one["values"]},
        "folders": {
            "dbfs": str(files.root(world, host).resolve()),
            "volumes": str(files.volumes(world, host).resolve()),
            "datasets": str(dataset.prepare(world).resolve()),
        },
    }


def _notebook(spec: Mapping[str, Any], run: Run) -> Message:
    path = spec["notebook_path"].removeprefix("/Workspace")
    given = {
        **(spec.get("base_parameters") or {}),
        **(run["overriding"].get("notebook_params") or {}),
        **run["parameters"],
    }
    return {"kind": "notebook", "path": path, "parameters": {key: str(value) for key, value in given.items()}}


def _python(spec: Mapping[str, Any], run: Run) -> Message:
    path = spec["python_file"]
    given = run["overriding"].get("python_params") or spec.get("parameters") or []
    inside = path.startswith("/") and not path.startswith(("/dbfs", "/Volumes"))
    return {
        "kind": "python",
        "path": path.removeprefix("/Workspace") if inside else path,
        "workspace": inside,
        "parameters": [str(one) for one in given],
    }


def _wheel(spec: Mapping[str, Any], run: Run) -> Message:
    named = run["overriding"].get("python_named_params") or spec.get("named_parameters") or {}
    given = run["overriding"].get("python_params") or spec.get("parameters") or []
    return {
        "kind": "wheel",
        "package": spec["package_name"],
        "entry": spec["entry_point"],
        "parameters": [*(str(one) for one in given), *(f"--{key}={value}" for key, value in named.items())],
    }


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Run], Message]] = {
    "notebook_task": _notebook,
    "spark_python_task": _python,
    "python_wheel_task": _wheel,
}


def _libraries(run: Run, spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of the task; for serverless compute the dependencies of its environment."""
    found = list(spec.get("libraries") or [])
    for one in run["settings"].get("environments") or ():
        if one.get("environment_key") == spec.get("environment_key"):
            for line in (one.get("spec") or {}).get("dependencies") or ():
                found.append({"whl": line} if line.endswith(".whl") else {"pypi": {"package": line}})
    return found


def _cluster(world: World, run: Run, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if spec.get("existing_cluster_id"):
        try:
            return clusters.load(world, run["host"], spec["existing_cluster_id"])
        except CloudError as gone:
            raise BadCluster(gone.message) from None
    shared = {one["job_cluster_key"]: one["new_cluster"] for one in run["settings"].get("job_clusters") or ()}
    found: Mapping[str, Any] = spec.get("new_cluster") or shared.get(spec.get("job_cluster_key")) or _NOTHING
    return found


def _settings(
    world: World, host: str, cluster: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Spark's settings without and with secrets in them, and the secrets."""
    plain, hidden, secrets = dict[str, str](), dict[str, str](), list[str]()

    def put_in(found: re.Match[str]) -> str:
        secrets.append(run_questions.secret(world, host, found[1], found[2]).decode())
        return secrets[-1]

    for name, value in (cluster.get("spark_conf") or {}).items():
        try:
            text = _SECRET.sub(put_in, str(value))
        except CloudError as no:
            raise BadCluster(
                f"Cluster could not start: the setting {name} names a secret. {no.message}"
            ) from None
        (plain if text == str(value) else hidden)[name] = text
    return plain, hidden, secrets
