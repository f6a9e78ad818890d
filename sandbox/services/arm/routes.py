"""The table of ARM's routes; the first match answers, so what is generic comes last."""

from __future__ import annotations

from sandbox.service import Route
from sandbox.services.arm import (
    activity,
    groups,
    namespaces,
    operations,
    registry,
    resources,
    subscriptions,
    tags,
    writes,
)
from sandbox.services.arm.deployments import routes as deployments

ROUTES: tuple[Route, ...] = (
    *subscriptions.ROUTES,
    *namespaces.ROUTES,
    *groups.ROUTES,
    *operations.ROUTES,
    *deployments.ROUTES,
    *resources.LISTS,
    *tags.ROUTES,
    *activity.ROUTES,
    *registry.routes(),
    *resources.ROUTES,
)
EFFECTS = {**writes.EFFECTS, **groups.EFFECTS, **deployments.EFFECTS}
