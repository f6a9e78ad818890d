"""Microsoft Graph: service principals by id, as role assignments and sign-in need them."""

from __future__ import annotations

from sandbox.service import Service, arm_error
from sandbox.services.graph import routes

SERVICE = Service(
    name="graph",
    hosts=("graph.microsoft.com",),
    routes=routes.ROUTES,
    audiences=("https://graph.microsoft.com",),
    error=arm_error,
    challenge=routes.challenge,
)
