"""GitHub, as far as an app needs it: signing in, pull requests and comments, statuses, and fetching."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.github import hooks, pulls, routes, rules, shapes

SERVICE = Service(
    name="github",
    hosts=("api.github.com", "github.com"),
    routes=routes.ROUTES + hooks.ROUTES + pulls.ROUTES,
    audiences=(),
    error=shapes.error,
    authenticate=rules.authenticate,
    control=routes.CONTROL + pulls.CONTROL,
)
