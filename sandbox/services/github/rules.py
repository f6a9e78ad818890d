"""Which signed claims GitHub takes for an app's.

docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App": RS256, `iss` is the client id or the
number of the app, `exp` at most ten minutes ahead. The messages are those that people report."""

from __future__ import annotations

from typing import Any

import jwt

from sandbox.service import Caller, CloudError, Request
from sandbox.world import World

APPS = "github.apps"
LONGEST = 600
NO_JWT = "A JSON web token could not be decoded"


def authenticate(world: World, request: Request) -> Caller:
    """The app that signed the request. Raises 401 and 404."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() not in ("bearer", "token") or not token:
        raise CloudError(401, "401", "Requires authentication")
    app = _app(world, token)
    return Caller(app["id"], app["clientId"], "", app["id"], "github")


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
