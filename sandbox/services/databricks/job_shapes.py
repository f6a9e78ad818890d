"""The two forms of jobs: several tasks (2.1, 2.2), the single task of old (2.0); and what reading adds. Pure.

Stored settings always have `tasks`; `format: SINGLE_TASK` marks those that came in the old form and are shown
in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.services.databricks import errors
from sandbox.services.databricks.job_rules import KINDS

_ONLY_TASK = "main"  # the key of a single task
# What of the old form belongs to its task.
_OF_TASK = (
    *KINDS,
    "spark_jar_task",
    "spark_submit_task",
    "existing_cluster_id",
    "new_cluster",
    "libraries",
    "max_retries",
    "min_retry_interval_millis",
    "retry_on_timeout",
)
_DEFAULTS: Mapping[str, Any] = {
    "email_notifications": {},
    "webhook_notifications": {},
    "timeout_seconds": 0,
    "max_concurrent_runs": 1,
}
_TASK_DEFAULTS: Mapping[str, Any] = {
    "run_if": "ALL_SUCCESS",
    "timeout_seconds": 0,
    "email_notifications": {},
    "webhook_notifications": {},
}
_CLUSTER_DEFAULTS: Mapping[str, Any] = {
    "azure_attributes": {
        "availability": "ON_DEMAND_AZURE",
        "first_on_demand": 1,
        "spot_bid_max_price": -1.0,
    },
    "cluster_name": "",
    "enable_elastic_disk": True,
}
_KNOWN = frozenset(
    {
        *_DEFAULTS,
        *_OF_TASK,
        "name",
        "tasks",
        "job_clusters",
        "environments",
        "parameters",
        "schedule",
        "trigger",
        "continuous",
        "tags",
        "queue",
        "run_as",
        "health",
        "notification_settings",
        "git_source",
        "description",
        "edit_mode",
        "deployment",
        "budget_policy_id",
        "performance_target",
        "format",
    }
)

Document = dict[str, Any]


def of_job(sent: Mapping[str, Any]) -> Document:
    """The settings to keep of a job as it was sent; unknown fields are dropped, as the service does."""
    kept = {name: value for name, value in sent.items() if name in _KNOWN}
    if "tasks" not in kept and any(name in kept for name in _OF_TASK):
        kept = _several(kept)
    else:
        kept["format"] = "MULTI_TASK"
    kept["tasks"] = [_task(one) for one in _objects(kept, "tasks")]
    clusters = [
        {**one, "new_cluster": _cluster(one.get("new_cluster"))} for one in _objects(kept, "job_clusters")
    ]
    return {
        "name": "Untitled",
        **_DEFAULTS,
        **{name: value for name, value in kept.items() if value is not None},
        **({"job_clusters": clusters} if clusters else {}),
    }


def of_submit(sent: Mapping[str, Any]) -> Document:
    """The settings of a one-time run."""
    return {**of_job(sent), "name": str(sent.get("run_name") or "Untitled")}


def changed(settings: Mapping[str, Any], new: Mapping[str, Any], gone: list[str]) -> Document:
    """Settings after an update: top-level fields are replaced, tasks and clusters by their keys; then `gone`.

    `gone` names fields as `libraries`, `tasks/KEY` or `job_clusters/KEY`.
    """
    merged: Document = {key: value for key, value in settings.items() if key != "format"}
    for name, value in new.items():
        key = {"tasks": "task_key", "job_clusters": "job_cluster_key"}.get(name)
        if key and isinstance(value, list):
            sent = {one.get(key): one for one in value}
            kept = [one for one in merged.get(name, []) if one[key] not in sent]
            merged[name] = [*kept, *value]
        else:
            merged[name] = value
    for path in gone:
        name, _, inner = path.partition("/")
        key = {"tasks": "task_key", "job_clusters": "job_cluster_key"}.get(name)
        if inner and key:
            merged[name] = [one for one in merged.get(name, []) if one[key] != inner]
        else:
            merged.pop(name, None)
    if settings["format"] == "SINGLE_TASK" and "tasks" not in new:
        return of_job({**single(settings), **{k: v for k, v in new.items() if k not in gone}})
    return of_job(merged)


def shown(settings: Mapping[str, Any]) -> Document:
    """The settings as they are answered."""
    return single(settings) if settings["format"] == "SINGLE_TASK" else dict(settings)


def single(settings: Mapping[str, Any]) -> Document:
    """The old form of settings with one task."""
    task = {name: value for name, value in settings["tasks"][0].items() if name in _OF_TASK}
    rest = {name: value for name, value in settings.items() if name not in ("tasks", "webhook_notifications")}
    return {**rest, **task}


def _several(kept: Document) -> Document:
    task = {name: value for name, value in kept.items() if name in _OF_TASK}
    rest = {name: value for name, value in kept.items() if name not in _OF_TASK}
    return {**rest, "tasks": [{"task_key": _ONLY_TASK, **task}], "format": "SINGLE_TASK"}


def _task(sent: Mapping[str, Any]) -> Document:
    task = {**_TASK_DEFAULTS, **{name: value for name, value in sent.items() if value is not None}}
    if isinstance(task.get("notebook_task"), Mapping):
        task["notebook_task"] = {"source": "WORKSPACE", **task["notebook_task"]}
    if "new_cluster" in task:
        task["new_cluster"] = _cluster(task["new_cluster"])
    return task


def _cluster(sent: Any) -> Any:
    return {**_CLUSTER_DEFAULTS, **sent} if isinstance(sent, Mapping) else sent


def _objects(kept: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = kept.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise errors.refusal(
            "MALFORMED_REQUEST", f"Could not parse request object: {name} is no array of objects."
        )
    return value
