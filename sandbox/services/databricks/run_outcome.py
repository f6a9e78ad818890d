"""How tasks hang together, and what becomes of a run by what became of its tasks. Pure.

https://learn.microsoft.com/azure/databricks/jobs/run-if
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.services.databricks.job_rules import parents

ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
_BAD = ("FAILED", "TIMEDOUT", "CANCELED", "UPSTREAM_FAILED", "UPSTREAM_CANCELED")

Task = Mapping[str, Any]
# Of the results of the tasks before, without those that were left out; whether the task may run.
_RUN_IF: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "ALL_SUCCESS": lambda found: all(one == "SUCCESS" for one in found),
    "AT_LEAST_ONE_SUCCESS": lambda found: "SUCCESS" in found,
    "NONE_FAILED": lambda found: all(one not in _BAD for one in found),
    "ALL_DONE": lambda found: True,
    "AT_LEAST_ONE_FAILED": lambda found: any(one in _BAD for one in found),
    "ALL_FAILED": lambda found: bool(found) and all(one in _BAD for one in found),
}


def of_dependencies(task: Task, tasks: Sequence[Task]) -> str | None:
    """`RUN`, or the result of a task that is not run; None while something before it has not ended."""
    before = [one for one in tasks if one["key"] in parents(task["spec"])]
    if any(one["life"] not in ENDED for one in before):
        return None
    rule = task["spec"].get("run_if") or "ALL_SUCCESS"
    results = [one["result"] for one in before]
    if not before or _RUN_IF[rule]([one for one in results if one != "EXCLUDED"]):
        excluded = bool(before) and all(one == "EXCLUDED" for one in results) and rule != "ALL_DONE"
        return "EXCLUDED" if excluded else "RUN"
    if rule in ("AT_LEAST_ONE_FAILED", "ALL_FAILED"):
        return "EXCLUDED"
    stopped = ("CANCELED", "UPSTREAM_CANCELED")
    return "UPSTREAM_CANCELED" if any(one in stopped for one in results) else "UPSTREAM_FAILED"


def of_run(tasks: Sequence[Task], legacy: bool) -> tuple[str, str, str]:
    """Life-cycle state, result and message of a run whose tasks have all ended: its last tasks decide."""
    if legacy:
        only = tasks[0]
        return only["life"], only["result"], only["message"]
    inner = {key for task in tasks for key in parents(task["spec"])}
    leaves = [task["result"] for task in tasks if task["key"] not in inner]
    failed = [task for task in tasks if task["result"] in ("FAILED", "TIMEDOUT", "CANCELED")]
    if not any(one in _BAD for one in leaves):
        return "TERMINATED", "SUCCESS_WITH_FAILURES" if failed else "SUCCESS", ""
    said = [f"Task {task['key']} failed with message: {task['message']}." for task in failed]
    message = " ".join([*said, "This caused all downstream tasks to get skipped."])
    return "INTERNAL_ERROR", "FAILED", message.replace("..", ".")
