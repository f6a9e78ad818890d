"""Azure Resource Manager: ``management.azure.com``."""

from __future__ import annotations

from sandbox.identities import RECONCILER
from sandbox.service import Service
from sandbox.services.arm import authorization, registry, routes, rules, shapes

SERVICE = Service(
    name="arm",
    hosts=("management.azure.com", "*.management.azure.com"),
    routes=routes.ROUTES,
    audiences=(
        "https://management.azure.com",
        "https://management.azure.com/",
        "https://management.core.windows.net",
        "https://management.core.windows.net/",
    ),
    error=shapes.error,
    before=rules.before,
    effects={**routes.EFFECTS, **registry.effects()},
    seed=lambda world: authorization.seed(world, RECONCILER.object_id),
)
