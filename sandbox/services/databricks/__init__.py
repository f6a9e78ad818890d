"""A Databricks workspace's own API: `adb-*.azuredatabricks.net`, one host for each workspace of ARM."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.databricks import (
    clusters,
    dbfs,
    front,
    hosts,
    jobs,
    permissions,
    runs,
    scim,
    secrets,
    switches,
    tokens,
    volumes,
    workspace,
    workspace_files,
)
from sandbox.services.databricks.authentication import AUDIENCES, authenticate
from sandbox.services.databricks.errors import error

_APIS = (
    *(front, scim, tokens, workspace, workspace_files, dbfs, volumes, secrets, permissions),
    *(clusters, jobs, runs),
)

SERVICE = Service(
    name="databricks",
    hosts=("adb-*.azuredatabricks.net",),
    routes=tuple(route for api in _APIS for route in api.ROUTES),
    audiences=AUDIENCES,
    error=error,
    authenticate=authenticate,
    seed=hosts.clear,
    knows=hosts.known,
    control=switches.CONTROL + runs.CONTROL,
    effects=runs.EFFECTS,
)
