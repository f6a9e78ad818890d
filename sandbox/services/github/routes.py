"""The routes of api.github.com that an app signs in by, and the control routes for apps and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.github import shapes
from sandbox.services.github.rules import APPS, LEVELS, TOKENS, app_of
from sandbox.world import World

LIFETIME = timedelta(hours=1)


def register(world: World, request: Request) -> Response:
    """Make an app and its installation on some repositories."""
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("publicKey"), str):
        raise CloudError(400, "BadRequest", 'takes {"publicKey", "repositories", "permissions"?}')
    number = world.store_serial()
    app = {
        "id": str(number),
        "clientId": f"Iv23li{number:014}",
        "installation": number + 1_000_000,
        "publicKey": body["publicKey"],
        "repositories": list(body.get("repositories", [])),
        "permissions": dict(body.get("permissions", {"contents": "read", "metadata": "read"})),
    }
    world.store.put(APPS, app["id"], app)
    return Response(201, {name: app[name] for name in ("id", "clientId", "installation")})


def give(world: World, request: Request) -> Response:
    """Make a person's token for some repositories."""
    body = request.json()
    if not isinstance(body, dict) or not str(body.get("token", "")).startswith("github_pat_"):
        raise CloudError(
            400, "BadRequest", 'takes {"token": "github_pat_…", "login", "repositories", "permissions"}'
        )
    held = {"login": str(body["login"]), "id": world.store_serial(), "permissions": dict(body["permissions"])}
    world.store.put(TOKENS, body["token"], {**held, "repositories": list(body["repositories"])})
    return Response(201, {"id": held["id"]})


def user(world: World, request: Request) -> Response:
    """Whose token it is; one of an installation is nobody's."""
    assert request.caller is not None
    held = world.store.get(TOKENS, request.caller.object_id)
    if held is None or held.get("app"):
        raise CloudError(403, "403", "Resource not accessible by integration")
    return Response(200, shapes.user(held))


def of_repository(world: World, request: Request) -> Response:
    """The app's installation on a repository."""
    app = app_of(world, request)
    if _known(app, f"{request.params['owner']}/{request.params['name']}") is None:
        raise CloudError(404, "404", "Not Found")
    return Response(200, shapes.installation(app))


def make_token(world: World, request: Request) -> Response:
    """A token of an installation, for some or all of its repositories, for an hour."""
    app = app_of(world, request)
    if request.params["id"] != str(app["installation"]):
        raise CloudError(404, "404", "Not Found")
    body = request.json() or {}
    names = _repositories(app, body.get("repositories"))
    permissions = body.get("permissions") or app["permissions"]
    for name, level in permissions.items():
        granted = app["permissions"].get(name)
        if granted is None or level not in LEVELS or LEVELS.index(level) > LEVELS.index(granted):
            message = "The permissions requested are not granted to this installation."
            raise CloudError(422, "422", message)
    until = world.now() + LIFETIME
    made = shapes.token(f"ghs_{uuid4().hex}", until, permissions, names)
    held = {"app": int(app["id"]), "login": f"{shapes.slug(app)}[bot]", "id": app["installation"]}
    kept = {**held, "until": made["expires_at"], "permissions": permissions, "repositories": names}
    world.store.put(TOKENS, made["token"], kept)
    return Response(201, made)


def _repositories(app: dict[str, Any], asked: list[str] | None) -> list[str]:
    owner = next(iter(app["repositories"]), "/").partition("/")[0]
    found = [_known(app, f"{owner}/{name}") for name in asked or []]
    if None in found:
        text = "There is at least one repository that does not exist or is not accessible to the"
        raise CloudError(422, "422", f"{text} parent installation.")
    return [name for name in found if name] or app["repositories"]


def _known(app: dict[str, Any], repository: str) -> str | None:
    return next((name for name in app["repositories"] if name.lower() == repository.lower()), None)


ROUTES = (
    Route("GET", "/repos/{owner}/{name}/installation", of_repository),
    Route("POST", "/app/installations/{id}/access_tokens", make_token, write=False),
    Route("GET", "/user", user),
)
CONTROL = (
    Route("POST", "/_sandbox/github/apps", register),
    Route("POST", "/_sandbox/github/tokens", give),
)
