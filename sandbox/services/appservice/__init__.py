"""A Function app's own addresses: `NAME.azurewebsites.net`, and `NAME.scm.azurewebsites.net` to publish to.

A package is taken and kept in the container that the site names, and the host tells whether it runs. The
app's code itself is not run: its own routes answer 501."""

from __future__ import annotations

from sandbox.service import Service, arm_error
from sandbox.services.appservice.routes import ROUTES
from sandbox.services.appservice.rules import authenticate, knows

SERVICE = Service(
    name="appservice",
    hosts=("*.azurewebsites.net",),
    routes=ROUTES,
    audiences=(),
    error=arm_error,
    authenticate=authenticate,
    knows=knows,
)
