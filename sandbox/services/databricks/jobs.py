"""The Jobs API: jobs. The same handlers play 2.0, 2.1 and 2.2.

https://docs.databricks.com/api/workspace/jobs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import (
    access,
    errors,
    grants,
    hosts,
    job_pages,
    job_rules,
    job_shapes,
    principals,
    run_life,
    switches,
)
from sandbox.services.databricks.body import body, truth, whole
from sandbox.world import World

JOBS = grants.JOBS
_IDEMPOTENCY = "databricks.job-tokens"
_PAGE = 100  # tasks and clusters of one page of 2.2

Document = dict[str, Any]


def load(world: World, host: str, asked: Mapping[str, Any]) -> Document:
    """The job that `job_id` names; raises 400 as the service does."""
    number = whole(asked, "job_id", None)
    if number is None:
        raise errors.bad("Missing required field: job_id")
    found = world.store.get(JOBS, f"{host}/{number}")
    if found is None:
        raise errors.bad(f"Job {number} does not exist.")
    return found


def _create(world: World, request: Request) -> Response:
    asked, host = body(request), request.host
    token = asked.get("idempotency_token")
    known = world.store.get(_IDEMPOTENCY, f"{host}/{token}") if token else None
    if known and world.store.get(JOBS, f"{host}/{known['job_id']}"):
        return Response(200, {"job_id": known["job_id"]})
    settings = _checked(world, host, job_shapes.of_job(asked))
    job: Document = {
        "job_id": hosts.number(world),
        "creator_user_name": principals.name(access.me(world, request)),
        "settings": settings,
        "created_time": hosts.millis(world),
    }
    world.store.put(JOBS, f"{host}/{job['job_id']}", job)
    if token:
        world.store.put(_IDEMPOTENCY, f"{host}/{token}", {"job_id": job["job_id"]})
    if asked.get("access_control_list"):
        grants.merge(world, host, "jobs", job["job_id"], asked["access_control_list"])
    return Response(200, {"job_id": job["job_id"]})


def _reset(world: World, request: Request) -> Response:
    asked = body(request)
    job = _changeable(world, request, asked)
    return _stored(world, request, job, job_shapes.of_job(_new(asked)))


def _update(world: World, request: Request) -> Response:
    asked = body(request)
    job = _changeable(world, request, asked)
    gone = asked.get("fields_to_remove") or []
    if not asked.get("new_settings") and not gone:
        return Response(200, {})
    new = _new(asked) if asked.get("new_settings") else {}
    return _stored(world, request, job, job_shapes.changed(job["settings"], new, gone))


def _delete(world: World, request: Request) -> Response:
    host = request.host
    job = _changeable(world, request, body(request))
    for run in run_life.active(world, host, job["job_id"]):
        run_life.cancel(world, run)
    world.store.delete(JOBS, f"{host}/{job['job_id']}")
    grants.forget(world, host, "jobs", job["job_id"])
    return Response(200, {})


def _get(world: World, request: Request) -> Response:
    job = load(world, request.host, request.query)
    access.require(world, request, "jobs", job["job_id"], "CAN_VIEW")
    settings = job_shapes.shown(job["settings"])
    answer = {**_shown(job, settings), "run_as_user_name": _runs_as(job), "run_as_owner": True}
    if not _is_newest(request):
        return Response(200, answer)
    start = job_pages.start(request)
    for name in ("tasks", "job_clusters"):
        if name in settings:
            settings[name] = settings[name][start : start + _PAGE]
    if len(job["settings"]["tasks"]) > start + _PAGE:
        answer["next_page_token"] = job_pages.token(start + _PAGE)
    return Response(200, answer)


def _list(world: World, request: Request) -> Response:
    host, wanted = request.host, request.query.get("name")
    jobs = [job for _, job in world.store.items(JOBS, f"{host}/")]
    if wanted is not None:
        jobs = [job for job in jobs if job["settings"]["name"].lower() == wanted.lower()]
    jobs.sort(key=lambda job: -int(job["job_id"]))
    me = access.me(world, request)
    if not principals.is_admin(world, host, me):
        jobs = [job for job in jobs if grants.allowed(world, host, me, "jobs", job["job_id"], "CAN_VIEW")]
    if request.path.startswith("/api/2.0/"):
        shown = [_shown(job, job_shapes.shown(job["settings"])) for job in jobs]
        return Response(200, {"jobs": shown} if shown else {})
    expand = truth(request.query, "expand_tasks")
    return Response(
        200, job_pages.page(request, "jobs", [_listed(job, expand, request) for job in jobs], 20, 100)
    )


def _listed(job: Document, expand: bool, request: Request) -> Document:
    settings = job_shapes.shown(job["settings"])
    if not expand:
        settings = {k: v for k, v in settings.items() if k not in ("tasks", "job_clusters", "environments")}
    return _shown(job, settings)


def _shown(job: Document, settings: Document) -> Document:
    return {
        "job_id": job["job_id"],
        "creator_user_name": job["creator_user_name"],
        "settings": settings,
        "created_time": job["created_time"],
    }


def _runs_as(job: Document) -> str:
    named = job["settings"].get("run_as") or {}
    return str(named.get("user_name") or named.get("service_principal_name") or job["creator_user_name"])


def _changeable(world: World, request: Request, asked: Mapping[str, Any]) -> Document:
    job = load(world, request.host, asked)
    access.require(world, request, "jobs", job["job_id"], "IS_OWNER")
    return job


def _new(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    new = asked.get("new_settings")
    if not isinstance(new, Mapping):
        raise errors.bad("Missing required field: new_settings")
    return new


def _stored(world: World, request: Request, job: Document, settings: Document) -> Response:
    job["settings"] = _checked(world, request.host, settings)
    world.store.put(JOBS, f"{request.host}/{job['job_id']}", job)
    return Response(200, {})


def _checked(world: World, host: str, settings: Document) -> Document:
    job_rules.check(world, host, settings, switches.on(world, "serverless", False))
    return settings


def _is_newest(request: Request) -> bool:
    return request.path.startswith("/api/2.2/")


def _routes(version: str) -> tuple[Route, ...]:
    base = f"/api/{version}/jobs"
    return (
        Route("POST", f"{base}/create", _create),
        Route("POST", f"{base}/reset", _reset),
        Route("POST", f"{base}/update", _update),
        Route("POST", f"{base}/delete", _delete),
        Route("GET", f"{base}/get", _get),
        Route("GET", f"{base}/list", _list),
    )


ROUTES = tuple(route for version in ("2.0", "2.1", "2.2") for route in _routes(version))
