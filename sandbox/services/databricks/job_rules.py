"""What the Jobs API refuses, in its words. Pure, but for the clusters that exist.

https://docs.databricks.com/api/workspace/jobs/create
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.services.databricks import clusters, errors
from sandbox.world import World

KINDS = ("notebook_task", "spark_python_task", "python_wheel_task")
# What a task must hold, by its kind.
_NEEDED: Mapping[str, Sequence[str]] = {
    "notebook_task": ("notebook_path",),
    "spark_python_task": ("python_file",),
    "python_wheel_task": ("package_name", "entry_point"),
}
_COMPUTE = ("job_cluster_key", "new_cluster", "existing_cluster_id")
_RUN_IF = (
    "ALL_SUCCESS",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "ALL_DONE",
    "AT_LEAST_ONE_FAILED",
    "ALL_FAILED",
)
_MAX_TASKS, _MAX_NAME = 1000, 4096
_KEY = re.compile(r"[\w-]{1,100}")
_RUNTIME = re.compile(r"\d+\.\d+\.x-[\w.-]*scala2\.1[23]|custom:[\w.-]+")

Settings = Mapping[str, Any]


def check(world: World, host: str, settings: Settings, serverless: bool) -> None:
    """Raises 400 INVALID_PARAMETER_VALUE for the first thing that is wrong with a job or a run."""
    name = settings.get("name") or settings.get("run_name") or ""
    if not isinstance(name, str) or len(name) > _MAX_NAME:
        raise errors.bad(f"The job name must be a text of at most {_MAX_NAME} characters.")
    most = settings.get("max_concurrent_runs", 1)
    if not isinstance(most, int) or not 0 <= most <= 1000:
        raise errors.bad("max_concurrent_runs must be between 0 and 1000.")
    shared = [one.get("job_cluster_key") for one in settings.get("job_clusters") or ()]
    if len(set(shared)) < len(shared):
        raise errors.bad("Job cluster keys must be unique.")
    for one in settings.get("job_clusters") or ():
        if not _KEY.fullmatch(str(one.get("job_cluster_key", ""))):
            raise errors.bad("Missing required field: settings.job_clusters.job_cluster_key")
        _check_cluster(one.get("new_cluster"), "settings.job_clusters.new_cluster")
    tasks = settings.get("tasks") or ()
    if len(tasks) > _MAX_TASKS:
        raise errors.bad(f"The number of tasks ({len(tasks)}) exceeds the limit of {_MAX_TASKS}.")
    keys = [str(task.get("task_key", "")) for task in tasks]
    for key in keys:
        if not _KEY.fullmatch(key):
            raise errors.bad(
                f"Task key '{key}' is invalid: up to 100 letters, digits, hyphens and underscores."
            )
        if keys.count(key) > 1:
            raise errors.bad(f"Duplicate task key '{key}' found. Task keys must be unique within a job.")
    environments = [one.get("environment_key") for one in settings.get("environments") or ()]
    for task in tasks:
        _check_task(world, host, task, shared, environments, serverless)
        for parent in parents(task):
            if parent not in keys:
                raise errors.bad(f"Task '{task['task_key']}' depends on unknown task '{parent}'.")
    _check_acyclic({str(task["task_key"]): parents(task) for task in tasks})


def parents(task: Mapping[str, Any]) -> list[str]:
    return [str(one.get("task_key")) for one in task.get("depends_on") or ()]


def kind_of(task: Mapping[str, Any]) -> str:
    """`notebook_task`, …; raises for none, for several, and 501 for those that are not played."""
    found = [name for name in task if (name.endswith("_task") or name == "dbt_task") and task[name]]
    if len(found) != 1:
        raise errors.bad(f"Task '{task.get('task_key', '')}' must have exactly one task type.")
    if not isinstance(task[found[0]], Mapping):
        raise errors.refusal("MALFORMED_REQUEST", f"Could not parse request object: {found[0]} is no object.")
    if found[0] not in KINDS:
        raise errors.not_played(f"tasks of the type {found[0]}")
    return found[0]


def is_serverless(task: Mapping[str, Any]) -> bool:
    return not any(task.get(name) for name in _COMPUTE)


def _check_task(
    world: World,
    host: str,
    task: Mapping[str, Any],
    shared: Sequence[Any],
    environments: Sequence[Any],
    serverless: bool,
) -> None:
    kind, key = kind_of(task), task["task_key"]
    for name in _NEEDED[kind]:
        if not isinstance(task[kind].get(name), str) or not task[kind][name]:
            raise errors.bad(f"Missing required field: settings.tasks.{kind}.{name}")
    path = task[kind].get("notebook_path")
    if path and (task[kind].get("source") or "WORKSPACE") != "WORKSPACE":
        raise errors.not_played("tasks whose source is a Git repository")
    if path and not path.startswith("/"):
        raise errors.bad(
            f"Only absolute paths are currently supported. Paths must begin with '/'. Got: {path}"
        )
    if (task.get("run_if") or "ALL_SUCCESS") not in _RUN_IF:
        raise errors.bad(f"Invalid run_if '{task['run_if']}' of task '{key}'.")
    named = [name for name in _COMPUTE if task.get(name)]
    if len(named) > 1:
        raise errors.bad(f"Only one of {', '.join(_COMPUTE)} can be specified for task '{key}'.")
    if not named:
        _check_serverless(task, environments, serverless)
    elif named == ["job_cluster_key"] and task["job_cluster_key"] not in shared:
        raise errors.bad(f"Job cluster '{task['job_cluster_key']}' is not defined in field 'job_clusters'.")
    elif named == ["new_cluster"]:
        _check_cluster(task["new_cluster"], "settings.cluster_spec.new_cluster")
    elif named == ["existing_cluster_id"]:
        clusters.load(world, host, task["existing_cluster_id"])


def _check_serverless(task: Mapping[str, Any], environments: Sequence[Any], serverless: bool) -> None:
    if not serverless:
        raise errors.bad("One of job_cluster_key, new_cluster, or existing_cluster_id must be specified.")
    if task.get("libraries"):
        raise errors.bad(
            "Libraries field is not supported for serverless task, please specify libraries in environment."
        )
    key = task.get("environment_key")
    if key is None and "notebook_task" not in task:
        raise errors.bad(f"Environment key is required for serverless task {task['task_key']}.")
    if key is not None and key not in environments:
        raise errors.bad(f"Environment '{key}' is not defined in field 'environments'.")


def _check_cluster(cluster: Any, place: str) -> None:
    if not isinstance(cluster, Mapping):
        raise errors.bad(f"Missing required field: {place}")
    version = cluster.get("spark_version")
    if not version:
        raise errors.bad(f"Missing required field: {place}.spark_version")
    if not _RUNTIME.fullmatch(str(version)):
        raise errors.bad(f"Cluster validation error: Invalid spark version {version}.")
    if not (cluster.get("node_type_id") or cluster.get("instance_pool_id")):
        raise errors.bad("Cluster validation error: Missing required field: node_type_id")
    if cluster.get("num_workers") is None and not cluster.get("autoscale"):
        raise errors.bad(f"Cluster validation error: Missing required field: {place}.size")


def _check_acyclic(graph: Mapping[str, Iterable[str]]) -> None:
    done: set[str] = set()
    while ready := [key for key, needs in graph.items() if key not in done and set(needs) <= done]:
        done.update(ready)
    if len(done) < len(graph):
        stuck = ", ".join(key for key in graph if key not in done)
        raise errors.bad(f"Task dependencies must not have a cycle: {stuck}.")
