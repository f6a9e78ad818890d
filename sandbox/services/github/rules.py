"""Who GitHub takes a caller for, and what they may do.

docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App": RS256, `iss` is the client id or the
number of the app, `exp` at most ten minutes ahead. The messages are those that people report. A token of an
installation may do what it was made for, one of a person what was chosen for it:
"Permissions required for GitHub Apps" and "… for fine-grained personal access tokens"."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

import jwt

from sandbox.clock import parse_iso
from sandbox.service import Caller, CloudError, Request
from sandbox.world import World

APPS, TOKENS = "github.apps", "github.tokens"
LONGEST = 600
NO_JWT = "A JSON web token could not be decoded"
PREFIXES = ("ghs_", "ghp_", "github_pat_")
"""How GitHub's own tokens begin; anything else is taken for a signed one."""
LEVELS = ("read", "write", "admin")


def authenticate(world: World, request: Request) -> Caller:
    """The app that signed the request, or the holder of a token. Raises 401 and 404."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        token = _password(token)
    elif kind.lower() not in ("bearer", "token"):
        token = ""
    if not token:
        raise CloudError(401, "401", "Requires authentication", {"WWW-Authenticate": 'Basic realm="GitHub"'})
    if token.startswith(PREFIXES):
        held = _held(world, token)
        return Caller(token, str(held.get("app") or held["login"]), "", str(held["login"]), "github")
    app = _app(world, token)
    return Caller(app["id"], app["clientId"], "", app["id"], "github")


def app_of(world: World, request: Request) -> dict[str, Any]:
    """The app that signed the request itself. Raises 401 for a token."""
    assert request.caller is not None
    app = world.store.get(APPS, request.caller.object_id)
    if app is None:
        raise CloudError(401, "401", NO_JWT)
    return app


def permitted(world: World, request: Request, **needed: str) -> dict[str, Any]:
    """The token, where it may see the repository of the request and has one of the permissions.

    Raises 403, and 404 where the repository must not be known to it."""
    assert request.caller is not None
    held = world.store.get(TOKENS, request.caller.object_id)
    if held is None:
        raise CloudError(401, "401", "Bad credentials")
    wanted = f"{request.params['owner']}/{request.params['name']}".lower().removesuffix(".git")
    if wanted not in (name.lower() for name in held["repositories"]):
        raise CloudError(404, "404", "Not Found")
    granted = held["permissions"]
    if not any(_covers(granted.get(name), level) for name, level in needed.items()):
        by = "integration" if held.get("app") else "personal access token"
        raise CloudError(403, "403", f"Resource not accessible by {by}")
    return held


def _covers(granted: str | None, level: str) -> bool:
    return granted in LEVELS and LEVELS.index(granted) >= LEVELS.index(level)


def _held(world: World, token: str) -> dict[str, Any]:
    held = world.store.get(TOKENS, token)
    ends: datetime | None = parse_iso(held["until"]) if held and held.get("until") else None
    if held is None or (ends is not None and ends <= world.now()):
        raise CloudError(401, "401", "Bad credentials")
    return held


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _app(world: World, token: str) -> dict[str, Any]:
    try:
        claimed = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise CloudError(401, "401", NO_JWT) from None
    issuer = str(claimed.get("iss", ""))
    named = (document for _, document in world.store.items(APPS))
    app = next((one for one in named if issuer in (one["id"], one["clientId"])), None)
    if app is None:
        raise CloudError(404, "404", "Integration not found")
    try:
        jwt.decode(
            token, app["publicKey"], algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except jwt.PyJWTError:
        raise CloudError(401, "401", NO_JWT) from None
    now, begins, ends = world.now().timestamp(), claimed.get("iat"), claimed.get("exp")
    if not isinstance(ends, int) or ends <= now:
        text = "must be a numeric value representing the future time at which the assertion expires"
        raise CloudError(401, "401", f"'Expiration time' claim ('exp') {text}")
    if ends > now + LONGEST:
        raise CloudError(401, "401", "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(begins, int) or begins > now:
        text = "must be an Integer representing the time that the assertion was issued"
        raise CloudError(401, "401", f"'Issued at' claim ('iat') {text}")
    return app
