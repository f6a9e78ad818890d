"""A workspace answers a job with much that nobody sent: none of it is a difference, and every edit is one."""

import copy
from typing import Any

import pytest

from reconciler.change import Cause
from reconciler.diff import Comparison, compare
from reconciler.rules import for_type

SENT: dict[str, Any] = {
    "settings": {
        "name": "score",
        "tags": {"team": "data"},
        "parameters": [{"name": "day", "default": "1"}, {"name": "hour", "default": "2"}],
        "tasks": [
            {
                "task_key": "score",
                "depends_on": [{"task_key": "prep"}],
                "notebook_task": {"notebook_path": "/Shared/x/score", "base_parameters": {"Path": "A"}},
                "job_cluster_key": "main",
                "libraries": [{"whl": "/Workspace/a.whl"}, {"pypi": {"package": "numpy"}}],
            },
            {
                "task_key": "prep",
                "notebook_task": {"notebook_path": "/Shared/x/prep"},
                "job_cluster_key": "main",
            },
        ],
        "job_clusters": [
            {
                "job_cluster_key": "main",
                "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 1},
            }
        ],
        "schedule": {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"},
    },
    "permissions": {"groups/users": "CAN_VIEW"},
}


def answered() -> dict[str, Any]:
    live = copy.deepcopy(SENT)
    settings = live["settings"]
    settings |= {
        "format": "MULTI_TASK",
        "max_concurrent_runs": 1,
        "timeout_seconds": 0,
        "email_notifications": {},
        "webhook_notifications": {},
        "queue": {"enabled": True},
        "run_as": {"user_name": "app"},
    }
    settings["tasks"].reverse()
    settings["parameters"].reverse()
    settings["schedule"]["pause_status"] = "UNPAUSED"
    for task in settings["tasks"]:
        task["notebook_task"]["source"] = "WORKSPACE"
        task |= {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}}
    settings["tasks"][1]["libraries"].reverse()
    settings["job_clusters"][0]["new_cluster"] |= {
        "azure_attributes": {"availability": "ON_DEMAND_AZURE", "first_on_demand": 1},
        "enable_elastic_disk": True,
        "data_security_mode": "SINGLE_USER",
        "node_type_id": "Standard_DS3_v2",
    }
    return live | {"job_id": 7, "created_time": 1, "creator_user_name": "app"}


def compared(live: dict[str, Any], **known: Any) -> Comparison:
    return compare(SENT, live, for_type("databricks/jobs"), **known)


@pytest.mark.parametrize("known", [{}, {"applied": SENT, "baseline": answered()}], ids=["adopting", "based"])
def test_what_the_service_adds_is_no_difference(known: dict[str, Any]) -> None:
    found = compared(answered(), **known)
    assert [*found.changes, *found.not_accepted, *found.resets] == []


NIGHTLY = {"quartz_cron_expression": "0 0 7 * * ?", "timezone_id": "UTC", "pause_status": "UNPAUSED"}


@pytest.mark.parametrize(
    ("steps", "value", "told"),
    [
        (("settings", "name"), "Score", "settings.name"),
        (
            ("settings", "tasks", 1, "notebook_task", "base_parameters", "Path"),
            "a",
            "settings.tasks[score].notebook_task.base_parameters.Path",
        ),
        (("settings", "tasks", 0, "run_if"), "ALL_DONE", "settings.tasks[prep].run_if"),
        (("settings", "tasks", 2), {"task_key": "extra"}, "settings.tasks[extra]"),
        (
            ("settings", "tasks", 1, "libraries", 2),
            {"whl": "/Workspace/b.whl"},
            "settings.tasks[score].libraries[2]",
        ),
        (("settings", "schedule"), NIGHTLY, "settings.schedule.quartz_cron_expression"),
        (
            ("settings", "trigger"),
            {"periodic": {"interval": 1, "unit": "DAYS"}},
            "settings.trigger.periodic.interval",
        ),
        (
            ("settings", "job_clusters", 0, "new_cluster", "num_workers"),
            2,
            "settings.job_clusters[main].new_cluster.num_workers",
        ),
        (("permissions", "users/x@example"), "CAN_MANAGE", "permissions.users/x@example"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_edited_in_the_browser_is_drift(steps: tuple[str | int, ...], value: Any, told: str) -> None:
    live = answered()
    at: Any = live
    for step in steps[:-1]:
        at = at[step]
    if isinstance(at, list):
        at.insert(int(steps[-1]), value)
    else:
        at[steps[-1]] = value
    found = compared(live, applied=SENT, baseline=answered())
    assert (told, Cause.DRIFT) in {(change.path, change.cause) for change in found.changes}
    assert not found.resets
