"""GET /msi/token, api-version 2019-08-01.

learn.microsoft.com, "Use managed identities for App Service and Azure Functions", REST endpoint
reference: `resource`, `api-version`, one of `client_id`, `principal_id`, `mi_res_id`; the header
X-IDENTITY-HEADER guards against request forgery.
"""

from __future__ import annotations

from datetime import timedelta
from hmac import compare_digest

from sandbox.identities import RECONCILER, Identity
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.entra.rules import known_resource
from sandbox.services.identity import rules, shapes
from sandbox.world import World

# Managed-identity tokens live for a day (learn.microsoft.com, managed identities FAQ).
LIFETIME = timedelta(hours=24)
_VERSION = "2019-08-01"


def token(world: World, request: Request) -> Response:
    """A token for the identity that is asked for, the app's own when none is."""
    if not compare_digest(request.headers.get("x-identity-header", ""), world.identity_header):
        raise CloudError(401, "Unauthorized", "The header X-IDENTITY-HEADER is missing or wrong.")
    if request.query.get("api-version") != _VERSION:
        raise CloudError(400, "BadRequest", f"The api-version is missing or not supported; use {_VERSION}.")
    resource = request.query.get("resource", "")
    if not known_resource(world, resource):
        raise CloudError(400, "BadRequest", f"The resource principal named '{resource}' was not found.")
    identity = _identity(world, request)
    if identity is None or not rules.attached(identity):
        raise CloudError(
            400, "BadRequest", "No Managed Identity found for specified ClientId/ResourceId/PrincipalId."
        )
    expires_on = int((world.now() + LIFETIME).timestamp())
    return shapes.token(
        world.tokens.issue(identity, resource, LIFETIME), expires_on, resource, identity.client_id
    )


def _identity(world: World, request: Request) -> Identity | None:
    query = request.query
    if client_id := query.get("client_id"):
        return world.identities.by_client_id(client_id)
    if object_id := query.get("principal_id") or query.get("object_id"):
        return world.identities.by_object_id(object_id)
    if resource_id := query.get("mi_res_id"):
        return next((i for i in world.identities.all() if i.name.lower() == resource_id.lower()), None)
    return RECONCILER


ROUTES = (Route("GET", "/msi/token", token),)
