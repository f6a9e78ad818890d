"""The Permissions API 2.0 for folders, notebooks, files and jobs."""

from __future__ import annotations

from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import access, errors, grants, principals
from sandbox.services.databricks.body import body
from sandbox.world import World


def shown(world: World, host: str, kind: str, number: int | str) -> dict[str, Any]:
    """All grants on an object as the API answers them, one entry for each principal."""
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for one in grants.effective(world, host, kind, number):
        who = principals.named(world, host, grants.FIELDS[one.field], one.name)
        # A principal that was deleted is shown no more.
        if who is None:
            continue
        fresh: dict[str, Any] = {one.field: one.name, "all_permissions": []}
        if one.field != "group_name":
            fresh["display_name"] = who.get("displayName") or one.name
        level: dict[str, Any] = {"permission_level": one.level, "inherited": one.source is not None}
        if one.source is not None:
            level["inherited_from_object"] = [one.source]
        entries.setdefault((one.field, one.name), fresh)["all_permissions"].append(level)
    singular = grants.TYPES[kind][0]
    return {
        "object_id": f"/{kind}/{number}",
        "object_type": singular,
        "access_control_list": list(entries.values()),
    }


def _get(world: World, request: Request) -> Response:
    kind, number = _target(world, request, "CAN_VIEW" if request.params["kind"] == "jobs" else "CAN_READ")
    return Response(200, shown(world, request.host, kind, number))


def _set(world: World, request: Request) -> Response:
    kind, number = _target(world, request, "CAN_MANAGE")
    grants.replace(world, request.host, kind, number, _asked(request))
    return Response(200, shown(world, request.host, kind, number))


def _update(world: World, request: Request) -> Response:
    kind, number = _target(world, request, "CAN_MANAGE")
    grants.merge(world, request.host, kind, number, _asked(request))
    return Response(200, shown(world, request.host, kind, number))


def _levels(world: World, request: Request) -> Response:
    kind, _ = _target(world, request, "CAN_VIEW" if request.params["kind"] == "jobs" else "CAN_READ")
    levels = [{"permission_level": name, "description": said} for name, said in grants.TYPES[kind][1].items()]
    return Response(200, {"permission_levels": levels})


def _target(world: World, request: Request, level: str) -> tuple[str, str]:
    """Type and number, when the caller holds the level. A job's owner may do what a manager may."""
    kind, number, host = request.params["kind"], request.params["number"], request.host
    if kind not in grants.TYPES:
        raise errors.not_played(f"permissions of {kind}")
    grants.effective(world, host, kind, number)
    level = "IS_OWNER" if (kind, level) == ("jobs", "CAN_MANAGE") else level
    access.require(world, request, kind, number, level)
    return kind, number


def _asked(request: Request) -> list[dict[str, Any]]:
    found = body(request).get("access_control_list") or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise errors.bad("access_control_list must be a list of objects.")
    return found


ROUTES = (
    Route("GET", "/api/2.0/permissions/{kind}/{number}/permissionLevels", _levels),
    Route("GET", "/api/2.0/permissions/{kind}/{number}", _get),
    Route("PUT", "/api/2.0/permissions/{kind}/{number}", _set),
    Route("PATCH", "/api/2.0/permissions/{kind}/{number}", _update),
)
