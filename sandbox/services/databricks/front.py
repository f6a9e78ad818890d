"""What a host tells before anybody signs in: its kind, and the tenant to sign in to."""

from __future__ import annotations

from uuid import NAMESPACE_DNS, uuid5

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import hosts
from sandbox.world import World


def _configuration(world: World, request: Request) -> Response:
    """What the SDKs of today ask first."""
    found = hosts.workspace(world, request.host)
    return Response(
        200,
        {
            "oidc_endpoint": f"https://{request.host}/oidc",
            "account_id": str(uuid5(NAMESPACE_DNS, world.tenant_id)),
            "workspace_id": found["properties"]["workspaceId"],
            "cloud": "Azure",
        },
    )


def _tenant(world: World, request: Request) -> Response:
    """SDKs read the tenant from this redirect."""
    address = f"https://login.microsoftonline.com/{world.tenant_id}/oauth2/authorize"
    return Response(302, None, {"Location": f"{address}?client_id=databricks&response_type=code"})


ROUTES = (
    Route("GET", "/.well-known/databricks-config", _configuration, auth=False),
    Route("GET", "/aad/auth", _tenant, auth=False),
)
