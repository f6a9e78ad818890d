"""GitHub's API, as far as an app needs it to sign in: api.github.com."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.github import routes, rules, shapes

SERVICE = Service(
    name="github",
    hosts=("api.github.com",),
    routes=routes.ROUTES,
    audiences=(),
    error=shapes.error,
    authenticate=rules.authenticate,
    control=routes.CONTROL,
)
