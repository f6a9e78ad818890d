"""Microsoft.DataFactory/factories, the objects in them, and runs of pipelines.

`names`, `rules`, `references`, `secrets`, `expressions` and `outcome` are what the service enforces;
`factory`, `objects`, `triggers`, `runtimes` and `networks` the types; `routes` and `lists` what is common to
their addresses; `runs` and `activities` what moves, `queries` what is told of it.
"""

from __future__ import annotations

from sandbox.service import Route
from sandbox.services.arm.kinds import Kind
from sandbox.services.arm.providers.adf import (
    factory,
    networks,
    objects,
    queries,
    routes,
    runs,
    runtimes,
    triggers,
)

KINDS: tuple[Kind, ...] = (factory.KIND, *objects.KINDS, *triggers.KINDS, *runtimes.KINDS, *networks.KINDS)
ROUTES: tuple[Route, ...] = (
    *factory.ROUTES,
    *queries.ROUTES,
    *triggers.ROUTES,
    *runtimes.ROUTES,
    *routes.ROUTES,
)
EFFECTS = {**runs.EFFECTS, **runtimes.EFFECTS, **networks.EFFECTS}
