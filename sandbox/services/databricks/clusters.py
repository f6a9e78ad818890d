"""Clusters: what jobs may ask for, and all-purpose ones, which here are names with settings.

A run on any of them is the same local Spark; of a cluster's settings its `spark_conf` counts.
"""

from __future__ import annotations

from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import access, errors, hosts, principals
from sandbox.services.databricks.body import body, text
from sandbox.world import World

CLUSTERS = "databricks.clusters"
_VERSIONS = {
    "16.4.x-scala2.12": "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)",
    "15.4.x-scala2.12": "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)",
    "15.4.x-cpu-ml-scala2.12": "15.4 LTS ML (includes Apache Spark 3.5.0, Scala 2.12)",
    "14.3.x-scala2.12": "14.3 LTS (includes Apache Spark 3.5.0, Scala 2.12)",
}
# Name, memory in MB, cores.
_NODES = (("Standard_DS3_v2", 14336, 4.0), ("Standard_D4ds_v5", 16384, 4.0), ("Standard_DS4_v2", 28672, 8.0))

Document = dict[str, Any]


def load(world: World, host: str, cluster_id: str) -> Document:
    """Raises 400, as the service does for a cluster that is not there."""
    found = world.store.get(CLUSTERS, f"{host}/{cluster_id}")
    if found is None:
        raise errors.bad(f"Cluster {cluster_id} does not exist")
    return found


def _versions(world: World, request: Request) -> Response:
    return Response(200, {"versions": [{"key": key, "name": name} for key, name in _VERSIONS.items()]})


def _node_types(world: World, request: Request) -> Response:
    shown = [
        {
            "node_type_id": name,
            "memory_mb": memory,
            "num_cores": cores,
            "description": name,
            "instance_type_id": name,
            "is_deprecated": False,
            "category": "General Purpose",
            "support_cluster_tags": True,
        }
        for name, memory, cores in _NODES
    ]
    return Response(200, {"node_types": shown})


def _list(world: World, request: Request) -> Response:
    return Response(200, {"clusters": [one for _, one in world.store.items(CLUSTERS, f"{request.host}/")]})


def _create(world: World, request: Request) -> Response:
    """A cluster that is there at once, and never ends by itself."""
    access.require_admin(world, request, "create clusters")
    asked = body(request)
    text(asked, "spark_version")
    number, now = hosts.number(world), hosts.millis(world)
    made = {
        **asked,
        "cluster_id": f"{world.now():%m%d-%H%M%S}-{number % 10**8:08d}",
        "state": "RUNNING",
        "state_message": "",
        "creator_user_name": principals.name(access.me(world, request)),
        "cluster_source": "API",
        "start_time": now,
    }
    world.store.put(CLUSTERS, f"{request.host}/{made['cluster_id']}", made)
    return Response(200, {"cluster_id": made["cluster_id"]})


def _get(world: World, request: Request) -> Response:
    return Response(200, load(world, request.host, request.query.get("cluster_id", "")))


def _delete(world: World, request: Request) -> Response:
    access.require_admin(world, request, "delete clusters")
    found = load(world, request.host, text(body(request), "cluster_id"))
    world.store.delete(CLUSTERS, f"{request.host}/{found['cluster_id']}")
    return Response(200, {})


def _routes(version: str) -> tuple[Route, ...]:
    base = f"/api/{version}/clusters"
    return (
        Route("GET", f"{base}/spark-versions", _versions),
        Route("GET", f"{base}/list-node-types", _node_types),
        Route("GET", f"{base}/list", _list),
        Route("GET", f"{base}/get", _get),
        Route("POST", f"{base}/create", _create),
        Route("POST", f"{base}/delete", _delete),
        Route("POST", f"{base}/permanent-delete", _delete),
    )


ROUTES = _routes("2.0") + _routes("2.1")
