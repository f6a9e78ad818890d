"""The life of a run: made, moved on as its tasks end, ended.

A run is one document with its tasks. What it still needs to live through a restart is a kernel, and that does
not: a run whose kernel is gone ends INTERNAL_ERROR when it is next looked at. Times are in ms of the world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sandbox.children import Child, Message
from sandbox.services.databricks import hosts, run_java, run_kernel, run_outcome, run_questions
from sandbox.services.databricks.run_outcome import ENDED
from sandbox.world import World

RUNS = "databricks.runs"
OUTPUTS = "databricks.outputs"  # by the run id of a task
_TASKS = "databricks.task-runs"  # from the run id of a task to its run
_ACTIVE = "databricks.active-runs"
_LATE, _RETRY = "databricks.timeout", "databricks.retry"
_FAILED = "Workload failed, see run output for details"
_LOST = "The sandbox was stopped while the run was active."
_DIED = "The spark driver has stopped unexpectedly and is restarting."

Run = dict[str, Any]
Task = dict[str, Any]


def get(world: World, host: str, run_id: int) -> Run | None:
    """A run by its id or by the id of one of its tasks' runs."""
    entry = world.store.get(_TASKS, f"{host}/{run_id}")
    run = world.store.get(RUNS, f"{host}/{entry['run'] if entry else run_id}")
    if run is None or run["life"] in ENDED:
        return run
    if _is_lost(world, run):
        _end_all(world, run, "INTERNAL_ERROR", "FAILED", _LOST, "INTERNAL_ERROR")
    else:
        move(world, host, run["run_id"])
    return world.store.get(RUNS, f"{host}/{run['run_id']}")


def of_host(world: World, host: str, job_id: int | None = None) -> Iterator[Run]:
    """The runs of a workspace, the newest first."""
    for key in reversed(world.store.keys(RUNS, f"{host}/")):
        run = get(world, host, int(key.rsplit("/", 1)[1]))
        if run and job_id in (None, run["job_id"]):
            yield run


def create(
    world: World,
    host: str,
    creator: str,
    settings: Mapping[str, Any],
    job_id: int | None = None,
    parameters: Mapping[str, str] | None = None,
    overriding: Mapping[str, Any] | None = None,
    then: Mapping[str, Any] | None = None,
) -> Run:
    """Make a run of checked settings, and start it. ``then``: `{"effect", "data"}` for when it has ended."""
    run_id, now = hosts.number(world), hosts.millis(world)
    legacy = settings["format"] == "SINGLE_TASK"
    run: Run = {
        "run_id": run_id,
        "host": host,
        "job_id": job_id or hosts.number(world),
        "name": settings["name"],
        "creator": creator,
        "type": "JOB_RUN" if job_id else "SUBMIT_RUN",
        "settings": dict(settings),
        "parameters": dict(parameters or {}),
        "overriding": dict(overriding or {}),
        "then": dict(then or {}),
        "life": "PENDING",
        "result": "",
        "message": "",
        "code": "",
        "start": now,
        "end": 0,
        "tasks": [_new_task(run_id if legacy else hosts.number(world), spec) for spec in settings["tasks"]],
    }
    for task in run["tasks"]:
        world.store.put(_TASKS, f"{host}/{task['run_id']}", {"run": run_id})
    if seconds := settings.get("timeout_seconds"):
        _later(world, run, _LATE, seconds)
    waits, fault = _waits(world, run)
    if fault:
        _end_all(world, run, "SKIPPED", "", fault, "MAX_CONCURRENT_RUNS_EXCEEDED")
        return run
    run["life"] = "QUEUED" if waits else "PENDING"
    world.store.put(_ACTIVE, f"{host}/{run_id}", {})
    _save(world, run)
    move(world, host, run_id)
    return get(world, host, run_id) or run


def move(world: World, host: str, run_id: int) -> None:
    """Let a run go as far as it can now."""
    run = world.store.get(RUNS, f"{host}/{run_id}")
    if run is None or run["life"] in ENDED:
        return
    if run["life"] == "QUEUED":
        if _waits(world, run)[0]:
            return
        run["life"] = "PENDING"
    while _settle(world, run):
        pass
    if all(task["life"] in ENDED for task in run["tasks"]):
        life, result, message = run_outcome.of_run(run["tasks"], _is_legacy(run))
        code = run["tasks"][0]["code"] if _is_legacy(run) else _CODES.get(result, "RUN_EXECUTION_ERROR")
        _end(world, run, life, result, message, code)
        return
    _save(world, run)


def cancel(world: World, run: Run) -> None:
    """End a run where it stands; one that has ended stays as it is."""
    if run["life"] not in ENDED:
        _end_all(world, run, "TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")


def forget(world: World, run: Run) -> None:
    """Remove a run that has ended."""
    host = run["host"]
    world.store.delete(RUNS, f"{host}/{run['run_id']}")
    for task in run["tasks"]:
        for one in (task, *task["earlier"]):
            world.store.delete(_TASKS, f"{host}/{one['run_id']}")
            world.store.delete(OUTPUTS, f"{host}/{one['run_id']}")


def active(world: World, host: str, job_id: int) -> list[Run]:
    """The runs of a job that are under way; those that wait in its queue are not."""
    found = (world.store.get(RUNS, key) for key in world.store.keys(_ACTIVE, f"{host}/"))
    mine = [run for run in found if run and run["job_id"] == job_id]
    return [run for run in mine if run["life"] not in (*ENDED, "QUEUED") and not _is_lost(world, run)]


_CODES = {"SUCCESS": "SUCCESS", "SUCCESS_WITH_FAILURES": "SUCCESS_WITH_FAILURES"}


def _new_task(run_id: int, spec: Mapping[str, Any]) -> Task:
    return {
        "key": spec["task_key"],
        "run_id": run_id,
        "attempt": 0,
        "spec": dict(spec),
        "life": "BLOCKED",
        "result": "",
        "message": "",
        "code": "",
        "start": 0,
        "ready": 0,
        "end": 0,
        "values": {},
        "earlier": [],
    }


def _settle(world: World, run: Run) -> bool:
    """Decide about tasks whose turn has come, and start the next one; whether anything changed."""
    changed = False
    for task in run["tasks"]:
        verdict = run_outcome.of_dependencies(task, run["tasks"]) if task["life"] == "BLOCKED" else None
        if verdict == "RUN":
            task["life"], changed = "PENDING", True
        elif verdict:
            task |= {"life": "TERMINATED", "result": verdict, "code": "SKIPPED", "end": hosts.millis(world)}
            task["message"] = "The run was skipped because of the tasks that it depends on."
            changed = True
    busy = _at_work(run)
    ready = next((task for task in run["tasks"] if task["life"] == "PENDING"), None)
    if busy or ready is None or not run_kernel.free(world, run):
        return changed
    ready["start"] = hosts.millis(world)
    if seconds := ready["spec"].get("timeout_seconds"):
        _later(world, run, _LATE, seconds, ready)
    _save(world, run)
    try:
        run_kernel.begin(
            world,
            run,
            ready,
            lambda child, message: _heard(world, child, message),
            lambda child: _gone(world, child),
        )
    except run_kernel.BadCluster as fault:
        _end_task(world, run, ready, "INTERNAL_ERROR", "FAILED", str(fault), "CLUSTER_ERROR")
    return True


def _heard(world: World, child: Child, message: Message) -> None:
    """A message of the run's kernel."""
    if message.get("ask") == "java":
        run_java.lend(world, child)
    elif "ask" in message:
        child.tell(**run_questions.answer(world, child.notes["host"], message))
    elif "output" in message:
        child.notes["log"].append(message["output"])
    else:
        run = world.store.get(RUNS, f"{child.notes['host']}/{child.notes['run']}")
        if run is None:
            run_kernel.stop(world, child.name)
            return
        task = next(one for one in run["tasks"] if one["key"] == child.notes["task"])
        if "started" in message:
            run["life"] = task["life"] = "RUNNING"
            task["ready"] = hosts.millis(world)
            _save(world, run)
            return
        _done(world, run, task, message["done"], "".join(child.notes["log"]))


def _done(world: World, run: Run, task: Task, done: Mapping[str, Any], log: str) -> None:
    output = {"error": done.get("error"), "error_trace": done.get("trace"), "logs": log}
    if done["state"] == "succeeded":
        output["notebook_output"] = {"result": done["result"], "truncated": done["truncated"]}
        task["values"] = done["values"]
    world.store.put(OUTPUTS, f"{run['host']}/{task['run_id']}", output)
    life, result, message, code = {
        "succeeded": ("TERMINATED", "SUCCESS", "", "SUCCESS"),
        "failed": ("TERMINATED", "FAILED", _FAILED, "RUN_EXECUTION_ERROR"),
        "library": ("INTERNAL_ERROR", "FAILED", done.get("error"), "LIBRARY_INSTALLATION_ERROR"),
    }[done["state"]]
    _end_task(world, run, task, life, result, str(message), code)
    _save(world, run)
    move(world, run["host"], run["run_id"])


def _gone(world: World, child: Child) -> None:
    """The kernel has ended without a word."""
    run_java.give_back(world, child.name)
    run = world.store.get(RUNS, f"{child.notes['host']}/{child.notes['run']}")
    task = next((one for one in run["tasks"] if one["key"] == child.notes["task"]), None) if run else None
    if run and task and task["life"] not in ENDED:
        _end_task(world, run, task, "INTERNAL_ERROR", "FAILED", _DIED, "DRIVER_ERROR")
        _save(world, run)
        move(world, run["host"], run["run_id"])
    wake(world)


def wake(world: World) -> None:
    """Some run has ended or a kernel is free: others may start."""
    for key in world.store.keys(_ACTIVE):
        host, run_id = key.rsplit("/", 1)
        move(world, host, int(run_id))


def _end_task(world: World, run: Run, task: Task, life: str, result: str, message: str, code: str) -> None:
    """End one attempt of a task; it is tried again as its settings say."""
    spec = task["spec"]
    most = spec.get("max_retries") or 0
    again = result == "FAILED" or (result == "TIMEDOUT" and spec.get("retry_on_timeout"))
    task |= {"life": life, "result": result, "message": message, "code": code, "end": hosts.millis(world)}
    if not again or not (most < 0 or task["attempt"] < most):
        return
    earlier = {key: value for key, value in task.items() if key not in ("earlier", "spec")}
    fresh = {**_new_task(hosts.number(world), spec), "attempt": task["attempt"] + 1}
    task |= {**fresh, "life": "WAITING_FOR_RETRY", "earlier": [*task["earlier"], earlier]}
    world.store.put(_TASKS, f"{run['host']}/{task['run_id']}", {"run": run["run_id"]})
    _later(world, run, _RETRY, (spec.get("min_retry_interval_millis") or 0) / 1000, task)


def _end_all(world: World, run: Run, life: str, result: str, message: str, code: str) -> None:
    """End a run with all that has not ended of it."""
    for task in run["tasks"]:
        if task["life"] not in ENDED:
            task |= {"life": life, "result": result, "message": message, "code": code}
            task["end"] = hosts.millis(world)
    _end(world, run, life, result, message, code)


def _end(world: World, run: Run, life: str, result: str, message: str, code: str) -> None:
    run |= {"life": life, "result": result, "message": message, "code": code, "end": hosts.millis(world)}
    world.store.delete(_ACTIVE, f"{run['host']}/{run['run_id']}")
    run_kernel.stop(world, run_kernel.name_of(run))
    _save(world, run)
    if run["then"]:
        world.schedule(world.now(), run["then"]["effect"], run["then"]["data"])
    if world.store.keys(_ACTIVE):
        wake(world)


def _is_lost(world: World, run: Run) -> bool:
    """Whether a task of the run should be at work and no kernel is."""
    return _at_work(run) and world.children.get(run_kernel.name_of(run)) is None


def _at_work(run: Run) -> bool:
    """Whether the kernel has been told a task and has not answered."""
    return any(
        task["life"] == "RUNNING" or (task["life"] == "PENDING" and task["start"]) for task in run["tasks"]
    )


def _waits(world: World, run: Run) -> tuple[bool, str]:
    """Whether as many runs of the job are under way as may be; without a queue, why the run is skipped."""
    if run["type"] != "JOB_RUN":
        return False, ""
    most = run["settings"].get("max_concurrent_runs", 1)
    if len(active(world, run["host"], run["job_id"])) < most:
        return False, ""
    if (run["settings"].get("queue") or {}).get("enabled"):
        return True, ""
    return True, f"Run skipped because the maximum number of concurrent runs ({most}) has been reached."


def _is_legacy(run: Run) -> bool:
    return bool(run["settings"]["format"] == "SINGLE_TASK")


def _later(world: World, run: Run, effect: str, seconds: float, task: Task | None = None) -> None:
    about = {"host": run["host"], "run": run["run_id"], "task": task["run_id"] if task else None}
    world.schedule(world.now() + timedelta(seconds=seconds), effect, about)


def _timeout(world: World, about: Mapping[str, Any]) -> None:
    """The effect of a limit that has passed: of the run, or of one attempt of a task."""
    run = world.store.get(RUNS, f"{about['host']}/{about['run']}")
    if run is None or run["life"] in ENDED:
        return
    if about["task"] is None:
        _end_all(world, run, "TERMINATED", "TIMEDOUT", "Run timed out.", "CANCELED")
        return
    task = next((one for one in run["tasks"] if one["run_id"] == about["task"]), None)
    if task is not None and task["life"] not in ENDED:
        run_kernel.stop(world, run_kernel.name_of(run))
        _end_task(world, run, task, "TERMINATED", "TIMEDOUT", "Run timed out.", "CANCELED")
        _save(world, run)
        move(world, run["host"], run["run_id"])


def _retry(world: World, about: Mapping[str, Any]) -> None:
    run = world.store.get(RUNS, f"{about['host']}/{about['run']}")
    if run is None or run["life"] in ENDED:
        return
    for task in run["tasks"]:
        if task["run_id"] == about["task"] and task["life"] == "WAITING_FOR_RETRY":
            task["life"] = "PENDING"
    _save(world, run)
    move(world, run["host"], run["run_id"])


def _save(world: World, run: Run) -> None:
    world.store.put(RUNS, f"{run['host']}/{run['run_id']}", run)


EFFECTS = {_LATE: _timeout, _RETRY: _retry}
