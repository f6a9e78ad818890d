"""The Jobs API: runs of jobs, and one-time runs. The same handlers play 2.0, 2.1 and 2.2.

`/_sandbox/databricks/output?run_id=N` tells what a task's run printed, which the API tells of programs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.databricks import (
    access,
    errors,
    grants,
    hosts,
    job_pages,
    job_rules,
    job_shapes,
    jobs,
    principals,
    run_life,
    run_shapes,
    switches,
)
from sandbox.services.databricks.body import body, truth, whole
from sandbox.services.databricks.run_outcome import ENDED
from sandbox.world import World

_IDEMPOTENCY = "databricks.run-tokens"
_MAX_TOKEN = 64
_MAX_LISTED = 25
_OVERRIDING = ("notebook_params", "python_params", "python_named_params")

Run = dict[str, Any]


def submit(
    world: World, host: str, creator: str, asked: Mapping[str, Any], then: Mapping[str, Any] | None = None
) -> Run:
    """Make a one-time run, as `runs/submit` takes it. ``then``: see `run_life.create`. Raises 400."""
    settings = job_shapes.of_submit(asked)
    if not settings["tasks"]:
        raise errors.bad("One of job_cluster_key, new_cluster, or existing_cluster_id must be specified.")
    job_rules.check(world, host, settings, switches.on(world, "serverless", False))
    return run_life.create(world, host, creator, settings, then=then)


def output_of(world: World, host: str, run: Run, task: Mapping[str, Any]) -> dict[str, Any]:
    """`{"error"?, "error_trace"?, "notebook_output"?, "logs"}` of an attempt that has ended, else empty."""
    return world.store.get(run_life.OUTPUTS, f"{host}/{task['run_id']}") or {}


def _submit(world: World, request: Request) -> Response:
    asked, host = body(request), request.host
    known = _known(world, request, "submit", asked)
    if known is not None:
        return Response(200, {"run_id": known})
    run = submit(world, host, principals.name(access.me(world, request)), asked)
    _remember(world, request, "submit", asked, run)
    return Response(200, {"run_id": run["run_id"]})


def _run_now(world: World, request: Request) -> Response:
    asked, host = body(request), request.host
    job = jobs.load(world, host, asked)
    access.require(world, request, "jobs", job["job_id"], "CAN_MANAGE_RUN")
    known = _known(world, request, str(job["job_id"]), asked)
    if known is not None:
        return Response(200, {"run_id": known, "number_in_job": known})
    declared = {one["name"]: str(one.get("default", "")) for one in job["settings"].get("parameters") or ()}
    sent = asked.get("job_parameters") or {}
    overriding = {name: asked[name] for name in _OVERRIDING if asked.get(name)}
    if overriding and declared:
        raise errors.bad(f"{next(iter(overriding))} cannot be used with a job that has job parameters.")
    job_rules.check(world, host, job["settings"], switches.on(world, "serverless", False))
    run = run_life.create(
        world,
        host,
        principals.name(access.me(world, request)),
        job["settings"],
        job["job_id"],
        {**declared, **{str(name): str(value) for name, value in sent.items()}},
        overriding,
    )
    _remember(world, request, str(job["job_id"]), asked, run)
    return Response(200, {"run_id": run["run_id"], "number_in_job": run["run_id"]})


def _get(world: World, request: Request) -> Response:
    run, number = _visible(world, request, request.query)
    workspace = _workspace(world, request)
    if number == run["run_id"]:
        return Response(200, run_shapes.run(run, workspace, _version(request)))
    return Response(200, _task_run(run, _attempt(run, number), workspace))


def _list(world: World, request: Request) -> Response:
    host, query = request.host, request.query
    found = list(run_life.of_host(world, host, whole(query, "job_id", None)))
    if truth(query, "active_only"):
        found = [run for run in found if run["life"] not in ENDED]
    if truth(query, "completed_only"):
        found = [run for run in found if run["life"] in ENDED]
    if kind := query.get("run_type"):
        found = [run for run in found if run["type"] == kind]
    first, last = whole(query, "start_time_from", None), whole(query, "start_time_to", None)
    found = [run for run in found if (first or 0) <= run["start"] and (last is None or run["start"] <= last)]
    found = [run for run in found if _may(world, request, run, "CAN_VIEW")]
    workspace, expand = _workspace(world, request), truth(query, "expand_tasks")
    shown = [run_shapes.run(run, workspace, _version(request), expand) for run in found]
    most = 1000 if _version(request) == "2.0" else _MAX_LISTED
    return Response(200, job_pages.page(request, "runs", shown, 20, most))


def _cancel(world: World, request: Request) -> Response:
    run, _ = _visible(world, request, body(request), "CAN_MANAGE_RUN")
    run_life.cancel(world, run)
    return Response(200, {})


def _cancel_all(world: World, request: Request) -> Response:
    asked = body(request)
    job = jobs.load(world, request.host, asked)
    access.require(world, request, "jobs", job["job_id"], "CAN_MANAGE_RUN")
    for run in list(run_life.of_host(world, request.host, job["job_id"])):
        run_life.cancel(world, run)
    return Response(200, {})


def _delete(world: World, request: Request) -> Response:
    run, _ = _visible(world, request, body(request), "CAN_MANAGE_RUN")
    if run["life"] not in ENDED:
        raise errors.refusal("INVALID_STATE", f"Cannot delete active run {run['run_id']}. Cancel it first.")
    run_life.forget(world, run)
    return Response(200, {})


def _output(world: World, request: Request) -> Response:
    run, number = _visible(world, request, request.query)
    if number == run["run_id"] and run["settings"]["format"] != "SINGLE_TASK":
        raise errors.bad(
            "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the output "
            "of each individual task run instead."
        )
    workspace, task = _workspace(world, request), _attempt(run, number)
    metadata = (
        run_shapes.run(run, workspace, _version(request), with_tasks=False)
        if number == run["run_id"]
        else _task_run(run, task, workspace)
    )
    kept = world.store.get(run_life.OUTPUTS, f"{request.host}/{number}") or {}
    if task["message"] and task["life"] == "INTERNAL_ERROR" and not kept.get("error_trace"):
        kept = {**kept, "error": f"Run result unavailable: job failed with error message\n {task['message']}"}
    return Response(200, run_shapes.output(task, kept, metadata))


def _export(world: World, request: Request) -> Response:
    raise errors.not_played("the export of a run's views")


def _task_run(run: Run, task: Mapping[str, Any], workspace: str) -> dict[str, Any]:
    """A task's own run, as `runs/get` answers it by the task's id."""
    whole_run = run_shapes.run(run, workspace, "2.1", with_tasks=False)
    kept = ("job_id", "creator_user_name", "run_type", "trigger", "format")
    return {
        **{name: whole_run[name] for name in kept},
        "run_name": task["key"],
        "number_in_job": task["run_id"],
        "original_attempt_run_id": task["earlier"][0]["run_id"] if task.get("earlier") else task["run_id"],
        "parent_run_id": run["run_id"],
        **run_shapes.task(task, run, workspace),
    }


def _attempt(run: Run, number: int) -> dict[str, Any]:
    """The attempt of a task that has this run id; for the run's own id the only task."""
    for task in run["tasks"]:
        for one in (task, *task["earlier"]):
            if one["run_id"] == number:
                return {**one, "spec": task["spec"], "earlier": task["earlier"]}
    only: dict[str, Any] = run["tasks"][0]
    return only


def _visible(
    world: World, request: Request, asked: Mapping[str, Any], level: str = "CAN_VIEW"
) -> tuple[Run, int]:
    """The run that `run_id` names, itself or by one of its tasks, and that id. Raises 400 and 403."""
    number = whole(asked, "run_id", None)
    if number is None:
        raise errors.bad("Missing required field: run_id")
    run = run_life.get(world, request.host, number)
    if run is None:
        raise errors.bad(f"Run {number} does not exist.")
    if not _may(world, request, run, level):
        who = principals.name(access.me(world, request))
        shown = level.removeprefix("CAN_").replace("_", " ").capitalize()
        raise errors.denied(f"User {who} does not have {shown} permissions on run {number}.")
    return run, number


def _may(world: World, request: Request, run: Run, level: str) -> bool:
    me = access.me(world, request)
    if principals.is_admin(world, request.host, me) or principals.name(me) == run["creator"]:
        return True
    if world.store.get(jobs.JOBS, f"{request.host}/{run['job_id']}") is None:
        return False
    return grants.allowed(world, request.host, me, "jobs", run["job_id"], level)


def _known(world: World, request: Request, scope: str, asked: Mapping[str, Any]) -> int | None:
    """The run that the same idempotency token made. Raises 400 for one that was deleted."""
    token = asked.get("idempotency_token")
    if not token:
        return None
    if len(str(token)) > _MAX_TOKEN:
        raise errors.bad(f"idempotency_token must have at most {_MAX_TOKEN} characters.")
    kept = world.store.get(_IDEMPOTENCY, f"{request.host}/{scope}/{token}")
    if kept is None:
        return None
    if run_life.get(world, request.host, kept["run_id"]) is None:
        raise errors.bad(f"The run {kept['run_id']} of this idempotency token was deleted.")
    return int(kept["run_id"])


def _remember(world: World, request: Request, scope: str, asked: Mapping[str, Any], run: Run) -> None:
    if asked.get("idempotency_token"):
        key = f"{request.host}/{scope}/{asked['idempotency_token']}"
        world.store.put(_IDEMPOTENCY, key, {"run_id": run["run_id"]})


def _workspace(world: World, request: Request) -> str:
    return str(hosts.workspace(world, request.host)["properties"]["workspaceId"])


def _version(request: Request) -> str:
    return request.path.split("/")[2]


def _printed(world: World, request: Request) -> Response:
    """What an attempt printed, of whatever kind; while it is under way what has been handed on."""
    number = request.query.get("run_id", "")
    for key, kept in world.store.items(run_life.OUTPUTS):
        if key.endswith(f"/{number}"):
            return Response(200, {"logs": kept.get("logs", "")})
    raise CloudError(404, "NotFound", f"There is no output of a run {number}.")


def _routes(version: str) -> tuple[Route, ...]:
    base = f"/api/{version}/jobs"
    return (
        Route("POST", f"{base}/run-now", _run_now),
        Route("POST", f"{base}/runs/submit", _submit),
        Route("GET", f"{base}/runs/get", _get),
        Route("GET", f"{base}/runs/list", _list),
        Route("POST", f"{base}/runs/cancel", _cancel),
        Route("POST", f"{base}/runs/cancel-all", _cancel_all),
        Route("GET", f"{base}/runs/get-output", _output),
        Route("POST", f"{base}/runs/delete", _delete),
        Route("GET", f"{base}/runs/export", _export),
    )


ROUTES = tuple(route for version in ("2.0", "2.1", "2.2") for route in _routes(version))
CONTROL = (Route("GET", "/_sandbox/databricks/output", _printed),)
EFFECTS = run_life.EFFECTS
