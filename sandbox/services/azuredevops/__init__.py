"""Azure DevOps, as far as an app needs it: pull requests with their threads, statuses, and fetching."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.azuredevops import routes, rules, shapes

SERVICE = Service(
    name="azuredevops",
    hosts=("dev.azure.com",),
    routes=routes.ROUTES,
    audiences=(rules.APPLICATION,),
    error=shapes.error,
    authenticate=rules.authenticate,
    control=routes.CONTROL,
)
