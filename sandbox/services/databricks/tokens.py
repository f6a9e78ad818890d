"""Personal access tokens (Token API 2.0), and who bears one. Only a token's hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import access, errors, hosts, principals
from sandbox.services.databricks.body import body, whole
from sandbox.world import World

TOKENS = "databricks.tokens"
_MAX_TOKENS = 600  # docs.databricks.com, "Manage personal access tokens": for each user and workspace

Document = dict[str, Any]


def bearer(world: World, host: str, token: str) -> Document | None:
    """The principal that a token speaks for; None when it is unknown, revoked or expired."""
    kept = world.store.get(TOKENS, f"{host}/{_hash(token)}")
    if kept is None or 0 <= kept["expiry_time"] <= hosts.millis(world):
        return None
    return principals.find(world, host, kept["principal"])


def _create(world: World, request: Request) -> Response:
    asked, host = body(request), request.host
    lifetime = whole(asked, "lifetime_seconds", None)
    if lifetime is not None and lifetime <= 0:
        raise errors.bad("The lifetime of a token must be positive.")
    own = principals.name(access.me(world, request))
    if sum(one["principal"] == own for _, one in _all(world, host)) >= _MAX_TOKENS:
        raise errors.refusal("QUOTA_EXCEEDED", f"The number of tokens is limited to {_MAX_TOKENS}.")
    token = f"dapi{secrets.token_hex(16)}-3"
    now = hosts.millis(world)
    info = {
        "token_id": secrets.token_hex(32),
        "creation_time": now,
        "expiry_time": now + 1000 * lifetime if lifetime else -1,
        "comment": str(asked.get("comment") or ""),
    }
    world.store.put(TOKENS, f"{host}/{_hash(token)}", {**info, "principal": own})
    return Response(200, {"token_value": token, "token_info": info})


def _list(world: World, request: Request) -> Response:
    own = principals.name(access.me(world, request))
    found = sorted((one for _, one in _all(world, request.host)), key=lambda one: one["creation_time"])
    return Response(200, {"token_infos": [_info(one) for one in found if one["principal"] == own]})


def _delete(world: World, request: Request) -> Response:
    wanted = body(request).get("token_id")
    own = principals.name(access.me(world, request))
    for key, one in list(_all(world, request.host)):
        if one["token_id"] == wanted and one["principal"] == own:
            world.store.delete(TOKENS, key)
            return Response(200, {})
    raise errors.missing(f"Token with id {wanted} does not exist.")


def _all(world: World, host: str) -> list[tuple[str, Document]]:
    return list(world.store.items(TOKENS, f"{host}/"))


def _info(kept: Document) -> Document:
    return {key: kept[key] for key in ("token_id", "creation_time", "expiry_time", "comment")}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


ROUTES = (
    Route("POST", "/api/2.0/token/create", _create),
    Route("GET", "/api/2.0/token/list", _list),
    Route("POST", "/api/2.0/token/delete", _delete),
)
