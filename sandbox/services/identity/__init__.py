"""The managed-identity endpoint that App Service gives to an app, on the proxy's own address."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.identity import routes, shapes

SERVICE = Service(
    name="identity",
    hosts=("127.0.0.1", "localhost"),
    routes=routes.ROUTES,
    audiences=(),
    error=shapes.error,
)
