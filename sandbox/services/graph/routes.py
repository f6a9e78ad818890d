"""The routes of graph.microsoft.com."""

from __future__ import annotations

from sandbox.identities import Identity
from sandbox.service import CloudError, Request, Response, Route, TokenError
from sandbox.services.graph import rules, shapes
from sandbox.world import World


def challenge(world: World, request: Request, fault: TokenError) -> CloudError:
    """Graph's 401."""
    texts = {
        "missing": "Access token is empty.",
        "expired": "Lifetime validation failed, the token is expired.",
        "audience": "Access token validation failure. Invalid audience.",
    }
    login = "https://login.microsoftonline.com/common/oauth2/authorize"
    header = f'Bearer realm="", authorization_uri="{login}", client_id="00000003-0000-0000-c000-000000000000"'
    message = texts.get(fault.kind, "IDX14100: JWT is not well formed.")
    return CloudError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": header})


def listed(world: World, request: Request) -> Response:
    """Service principals, all or those of a `$filter`."""
    wanted = rules.chosen(request.query["$filter"]) if "$filter" in request.query else None
    bodies = [_shape(world, i) for i in world.identities.all() if wanted is None or wanted(i)]
    return Response(200, shapes.many(bodies, "servicePrincipals"))


def by_id(world: World, request: Request) -> Response:
    """One by its object id."""
    identity = world.identities.by_object_id(request.params["id"])
    return _one(world, identity, request.params["id"])


def by_app_id(world: World, request: Request) -> Response:
    """One by its client id."""
    identity = world.identities.by_client_id(request.params["app"])
    return _one(world, identity, request.params["app"])


def by_ids(world: World, request: Request) -> Response:
    """Those of a list of object ids that exist; the others are left out."""
    body = request.json()
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list):
        raise CloudError(400, "Request_BadRequest", "The property 'ids' is missing or no collection.")
    found = [identity for each in ids if (identity := world.identities.by_object_id(str(each)))]
    return Response(200, shapes.many([_shape(world, i) for i in found], "directoryObjects"))


def _one(world: World, identity: Identity | None, asked: str) -> Response:
    if identity is None:
        raise shapes.not_found(asked)
    return Response(200, shapes.one(_shape(world, identity), "servicePrincipals"))


def _shape(world: World, identity: Identity) -> dict[str, object]:
    return shapes.service_principal(identity, world.tenant_id)


ROUTES = (
    Route("GET", "/v1.0/servicePrincipals", listed),
    Route("GET", "/v1.0/servicePrincipals(appId='{app}')", by_app_id),
    Route("GET", "/v1.0/servicePrincipals/{id}", by_id),
    Route("GET", "/v1.0/directoryObjects/{id}", by_id),
    Route("POST", "/v1.0/directoryObjects/getByIds", by_ids, write=False),
)
