"""The activity DatabricksNotebook: a one-time run in the workspace of its linked service.

It goes by the Jobs API's own code.
https://learn.microsoft.com/azure/data-factory/transform-data-databricks-notebook; the codes are those of
https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide#azure-databricks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError
from sandbox.services.arm.providers.adf import databricks_link
from sandbox.services.arm.providers.adf.activities import Progress, Runner, Task, failed
from sandbox.services.arm.providers.adf.databricks_link import LinkFault
from sandbox.services.arm.providers.adf.timespans import timespan
from sandbox.world import World

_STEP = "adf.run"  # what lets the pipeline's run look again
_TIMEOUT = "0.12:00:00"
_STATES = {"TERMINATED": "Terminated", "INTERNAL_ERROR": "InternalError", "SKIPPED": "Skipped"}


def _begin(world: World, task: Task) -> Progress:
    deadline = world.now() + timespan(_policy(task).get("timeout"), _TIMEOUT)
    return _attempt(world, task, {"attempt": 0, "deadline": iso(deadline), "began": iso(world.now())})


def _attempt(world: World, task: Task, memo: Mapping[str, Any]) -> Progress:
    """Submit a run. What is refused counts as a failed attempt."""
    from sandbox.services.databricks import runs

    deadline = parse_iso(memo["deadline"])
    try:
        settings = databricks_link.properties(world, task.factory, task.activity.get("linkedServiceName"))
        creator = databricks_link.signed_in(world, task.factory, settings)
        host = databricks_link.host(settings)
        run = runs.submit(world, host, creator, _asked(task, settings), _then(task))
    except LinkFault as fault:
        return _failed(world, task, memo, fault.code, str(fault), unplayed=fault.unplayed)
    except CloudError as refused:
        code = "3203" if "Cluster" in refused.message else "3201"
        return _failed(world, task, memo, code, refused.message)
    memo = {**memo, "host": host, "run": run["run_id"], "at": None}
    return Progress("InProgress", _output(world, run, None), memo=memo, again=deadline)


def _look(world: World, task: Task, memo: Mapping[str, Any]) -> Progress:
    from sandbox.services.databricks import run_life
    from sandbox.services.databricks.run_outcome import ENDED

    deadline = parse_iso(memo["deadline"])
    if memo.get("at"):  # waits for another attempt
        again = parse_iso(memo["at"])
        return (
            _attempt(world, task, memo)
            if world.now() >= again
            else Progress("InProgress", memo=memo, again=again)
        )
    run = run_life.get(world, memo["host"], memo["run"])
    if run is None:
        return _failed(world, task, memo, "3202", f"Run {memo['run']} does not exist.")
    if run["life"] not in ENDED:
        if world.now() < deadline:
            return Progress("InProgress", _output(world, run, None), memo=memo, again=deadline)
        run_life.cancel(world, run)
        return Progress(
            "Failed", _output(world, run, memo), "2000", "The activity was running longer than its timeout."
        )
    output = _output(world, run, memo)
    if run["result"] == "SUCCESS":
        return Progress("Succeeded", output)
    reason = f", error message: {run['message'].rstrip('.')}" if run["message"] else ""
    message = (
        f"Databricks execution failed with error state {_STATES[run['life']]}{reason}. "
        f"For more details please check the run page url: {output['runPageUrl']}."
    )
    return _failed(world, task, memo, "3204", message, output)


def _stop(world: World, task: Task, memo: Mapping[str, Any]) -> None:
    from sandbox.services.databricks import run_life

    run = run_life.get(world, memo["host"], memo["run"]) if "run" in memo else None
    if run is not None:
        run_life.cancel(world, run)


def _failed(
    world: World,
    task: Task,
    memo: Mapping[str, Any],
    code: str,
    message: str,
    output: Mapping[str, Any] | None = None,
    unplayed: bool = False,
) -> Progress:
    """The end, or another attempt after the pause of the activity's policy; none begins after its time."""
    policy = _policy(task)
    if unplayed or memo["attempt"] >= int(policy.get("retry") or 0):
        return Progress("Failed", output or {}, code, message, unplayed=unplayed)
    at = world.now() + timedelta(seconds=int(policy.get("retryIntervalInSeconds") or 30))
    if at >= parse_iso(memo["deadline"]):
        return failed(message, code)
    memo = {**memo, "attempt": memo["attempt"] + 1, "at": iso(at)}
    return Progress("InProgress", output or {}, memo=memo, again=at)


def _asked(task: Task, settings: Mapping[str, Any]) -> dict[str, Any]:
    given = task.settings.get("baseParameters") or {}
    return {
        "run_name": f"ADF_{task.factory.name}_{task.pipeline}_{task.name}_{task.run_id}",
        "notebook_task": {
            "notebook_path": task.settings.get("notebookPath"),
            "base_parameters": {name: _text(value) for name, value in given.items()},
        },
        "libraries": task.settings.get("libraries") or [],
        **databricks_link.cluster(settings),
    }


def _output(world: World, run: Mapping[str, Any], memo: Mapping[str, Any] | None) -> dict[str, Any]:
    from sandbox.services.databricks import hosts, run_shapes, runs

    workspace = hosts.workspace(world, run["host"])
    output: dict[str, Any] = {"runPageUrl": run_shapes.page_url(run, workspace["properties"]["workspaceId"])}
    if memo is None:
        return output
    told = runs.output_of(world, run["host"], dict(run), run["tasks"][0])
    text = (told.get("notebook_output") or {}).get("result")
    seconds = _elapsed(parse_iso(memo["began"]), world.now())
    return {
        **output,
        **({"runOutput": _parsed(text)} if text is not None else {}),
        "effectiveIntegrationRuntime": f"AutoResolveIntegrationRuntime ({_region(workspace)})",
        "executionDuration": seconds,
        "durationInQueue": {"integrationRuntimeQueue": 0},
        "billingReference": {
            "activityType": "ExternalActivity",
            "billableDuration": [{"meterType": "AzureIR", "duration": 0.016666666666666666, "unit": "Hours"}],
        },
    }


def _then(task: Task) -> Mapping[str, Any]:
    return {"effect": _STEP, "data": {"key": task.key}}


def _policy(task: Task) -> Mapping[str, Any]:
    return task.activity.get("policy") or {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parsed(text: str) -> Any:
    """JSON that a notebook exits with can be walked by expressions."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _elapsed(since: datetime, now: datetime) -> int:
    return round((now - since).total_seconds())


def _region(workspace: Mapping[str, Any]) -> str:
    return str(workspace.get("location", ""))


RUNNERS: Mapping[str, Runner] = {"DatabricksNotebook": Runner(_begin, _look, _stop)}
