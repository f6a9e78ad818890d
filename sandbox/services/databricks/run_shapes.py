"""Runs as the API answers them: `state` of 2.1 and `status` of 2.2, tasks, outputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.services.databricks.job_rules import KINDS
from sandbox.services.databricks.run_outcome import ENDED

_V2 = {"SKIPPED": "TERMINATED", "INTERNAL_ERROR": "TERMINATED", "WAITING_FOR_RETRY": "WAITING"}
_TYPES = {"SUCCESS": "SUCCESS", "SUCCESS_WITH_FAILURES": "SUCCESS", "SKIPPED": "SUCCESS"}
_INTERNAL = ("INTERNAL_ERROR", "DRIVER_ERROR")
_OF_TASK = (
    *KINDS,
    "description",
    "depends_on",
    "run_if",
    "libraries",
    "new_cluster",
    "existing_cluster_id",
    "job_cluster_key",
    "environment_key",
)
Document = dict[str, Any]


def run(one: Mapping[str, Any], workspace: str, version: str, with_tasks: bool = True) -> Document:
    """A whole run; `workspace` is its number. Version 2.0 has no tasks."""
    legacy = one["settings"]["format"] == "SINGLE_TASK"
    answer = {
        "job_id": one["job_id"],
        "run_id": one["run_id"],
        "number_in_job": one["run_id"],
        "original_attempt_run_id": one["run_id"],
        "creator_user_name": one["creator"],
        **_state(one),
        "start_time": one["start"],
        "end_time": one["end"],
        **_durations(one, _ready(one)),
        "trigger": "ONE_TIME",
        "run_name": one["name"],
        "run_page_url": page_url(one, workspace),
        "run_type": one["type"],
        "format": one["settings"]["format"],
    }
    if one["overriding"]:
        answer["overriding_parameters"] = one["overriding"]
    if one["parameters"]:
        answer["job_parameters"] = [{"name": k, "value": v} for k, v in one["parameters"].items()]
    if legacy:
        spec = one["tasks"][0]["spec"]
        answer["task"] = {name: spec[name] for name in KINDS if name in spec}
        answer["cluster_spec"] = {
            name: spec[name] for name in ("new_cluster", "existing_cluster_id", "libraries") if name in spec
        }
        answer["attempt_number"] = one["tasks"][0]["attempt"]
    if with_tasks and version != "2.0":
        answer["tasks"] = [task(each, one, workspace) for each in one["tasks"]]
        if one["settings"].get("job_clusters"):
            answer["job_clusters"] = one["settings"]["job_clusters"]
    return answer


def task(one: Mapping[str, Any], whole: Mapping[str, Any], workspace: str) -> Document:
    """One attempt of a task of a run."""
    spec = one["spec"]
    return {
        "run_id": one["run_id"],
        "task_key": one["key"],
        **{name: spec[name] for name in _OF_TASK if name in spec},
        **_state(one),
        "start_time": one["start"],
        "end_time": one["end"],
        **_durations(one, one["ready"]),
        "attempt_number": one["attempt"],
        "run_page_url": page_url({**whole, "run_id": one["run_id"]}, workspace),
    }


def output(one: Mapping[str, Any], kept: Mapping[str, Any], metadata: Document) -> Document:
    """What `get-output` answers for a task. Logs are of programs only: a notebook's output is in its page."""
    answer: Document = {"metadata": metadata}
    answer |= {name: kept[name] for name in ("error", "error_trace") if kept.get(name)}
    if "notebook_task" in one["spec"]:
        found = kept.get("notebook_output") or {}
        answer["notebook_output"] = {name: value for name, value in found.items() if value is not None}
    elif "logs" in kept:
        answer |= {"logs": kept["logs"], "logs_truncated": False}
    return answer


def page_url(one: Mapping[str, Any], workspace: str) -> str:
    return f"https://{one['host']}/?o={workspace}#job/{one['job_id']}/run/{one['run_id']}"


def _state(one: Mapping[str, Any]) -> Document:
    ended = one["life"] in ENDED
    state: Document = {
        "life_cycle_state": one["life"],
        "state_message": one["message"],
        "user_cancelled_or_timedout": one["result"] in ("CANCELED", "TIMEDOUT"),
    }
    if one["result"]:
        state["result_state"] = one["result"]
    status: Document = {"state": _V2.get(one["life"], one["life"])}
    if ended:
        code = one["code"]
        kind = "INTERNAL_ERROR" if code in _INTERNAL else _TYPES.get(code, "CLIENT_ERROR")
        status["termination_details"] = {"code": code, "type": kind, "message": one["message"]}
    if one["life"] == "QUEUED":
        code = "MAX_CONCURRENT_RUNS_REACHED"
        status["queue_details"] = {"code": code, "message": "Queued due to reaching maximum concurrent runs."}
    return {"state": state, "status": status}


def _durations(one: Mapping[str, Any], ready: int) -> Document:
    """In ms; of a run with several tasks only the whole."""
    end, start = one["end"], one["start"]
    return {
        "setup_duration": max(ready - start, 0) if ready else 0,
        "execution_duration": end - ready if ready and end else 0,
        "cleanup_duration": 0,
        "run_duration": end - start if end and start else 0,
    }


def _ready(one: Mapping[str, Any]) -> int:
    found = [task["ready"] for task in one["tasks"] if task["ready"]]
    return min(found, default=0)
