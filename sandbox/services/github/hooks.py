"""Webhooks and the protection of branches, as whoever installs the app sets them on a repository.

docs.github.com/rest/repos/webhooks and /rest/branches/branch-protection. A repository is taken as being
there; a token is taken as an administrator's."""

from __future__ import annotations

from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.world import World

HOOKS, PROTECTIONS = "github.hooks", "github.protections"
_REQUIRED = ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions")


def create(world: World, request: Request) -> Response:
    """One hook; its secret is never given back."""
    place, body = _place(request), _body(request)
    config = body.get("config")
    url = config.get("url") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(url, str) or not url.startswith("http"):
        raise CloudError(422, "422", "Validation Failed")
    if any(hook["config"]["url"] == url for _, hook in world.store.items(HOOKS, f"{place}/")):
        raise CloudError(422, "422", "Hook already exists on this repository")
    number = world.store_serial()
    hook = {
        "type": "Repository",
        "id": number,
        "name": "web",
        "active": body.get("active", True),
        "events": body.get("events") or ["push"],
        "config": config,
    }
    world.store.put(HOOKS, f"{place}/{number}", hook)
    return Response(201, _shown(hook))


def listed(world: World, request: Request) -> Response:
    place = _place(request)
    return Response(200, [_shown(hook) for _, hook in world.store.items(HOOKS, f"{place}/")])


def protect(world: World, request: Request) -> Response:
    """The whole protection of a branch: what is not sent is not accepted."""
    place, body = _place(request), _body(request)
    missing = [name for name in _REQUIRED if name not in body]
    if missing:
        text = f"Invalid request. {', '.join(missing)} wasn't supplied."
        raise CloudError(422, "422", text)
    world.store.put(PROTECTIONS, f"{place}/{request.params['branch']}", body)
    return Response(200, body)


def _shown(hook: dict[str, Any]) -> dict[str, Any]:
    config = {**hook["config"], **({"secret": "********"} if hook["config"].get("secret") else {})}
    return {**hook, "config": config}


def _place(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() not in ("bearer", "token") or not token:
        raise CloudError(401, "401", "Requires authentication")
    return f"{request.params['owner']}/{request.params['name']}".lower()


def _body(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise CloudError(400, "400", "Problems parsing JSON")
    return body


ROUTES = (
    Route("POST", "/repos/{owner}/{name}/hooks", create, auth=False),
    Route("GET", "/repos/{owner}/{name}/hooks", listed, auth=False),
    Route("PUT", "/repos/{owner}/{name}/branches/{branch}/protection", protect, auth=False),
)
