"""Dynamic values, `{{job.id}}` and the like, in the parameters of tasks. Pure.

https://learn.microsoft.com/azure/databricks/jobs/dynamic-value-references
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*([\w.\[\]\"'-]+)\s*\}\}")


def resolved(value: Any, known: Mapping[str, Any]) -> Any:
    """A JSON value with its references replaced; what is not known stays as it is written."""
    if isinstance(value, Mapping):
        return {key: resolved(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, known) for item in value]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda found: _text(known.get(found[1], found[0])), value)


def known(
    run: Mapping[str, Any], task: Mapping[str, Any], parameters: Mapping[str, str], host: str, workspace: str
) -> dict[str, Any]:
    """What a task of a run can refer to."""
    found: dict[str, Any] = {
        "job.id": run["job_id"],
        "job.name": run["name"],
        "job.run_id": run["run_id"],
        "job.repair_count": 0,
        "job.start_time.timestamp_ms": run["start"],
        "job.trigger.type": "one_time",
        "run.id": run["run_id"],
        "task.name": task["key"],
        "task.run_id": task["run_id"],
        "task.execution_count": task["attempt"] + 1,
        "task.notebook_path": (task["spec"].get("notebook_task") or {}).get("notebook_path", ""),
        "workspace.id": workspace,
        "workspace.url": f"https://{host}",
        # The older names.
        "job_id": run["job_id"],
        "run_id": task["run_id"],
        "parent_run_id": run["run_id"],
        "task_key": task["key"],
        **{f"job.parameters.{name}": value for name, value in parameters.items()},
    }
    for other in run["tasks"]:
        start = f"tasks.{other['key']}"
        found |= {f"{start}.values.{name}": value for name, value in (other.get("values") or {}).items()}
        found[f"{start}.run_id"] = other["run_id"]
        if other["result"]:
            found[f"{start}.result_state"] = other["result"].lower()
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
