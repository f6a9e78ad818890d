"""Entra ID: discovery, keys and the client credentials grant."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.entra import routes, shapes

SERVICE = Service(
    name="entra",
    hosts=("login.microsoftonline.com", "login.windows.net"),
    routes=routes.ROUTES,
    audiences=(),
    error=shapes.error,
)
