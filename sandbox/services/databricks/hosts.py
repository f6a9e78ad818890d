"""Which workspace a host name belongs to, and what comes and goes with the workspace.

Everything of a workspace lies in collections `databricks.*` under keys that begin with its host, and in the
folder `databricks/HOST` of the world.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sandbox.service import CloudError
from sandbox.services.arm import records
from sandbox.world import World

HOSTS = "databricks.hosts"


def add(world: World, host: str, resource_id: str) -> None:
    """A workspace came into being: its host, its folders, its groups."""
    # Late: what makes these knows this module.
    from sandbox.services.databricks import principals, tree

    world.store.put(HOSTS, host, {"id": resource_id})
    tree.found(world, host)
    principals.found(world, host)


def remove(world: World, host: str) -> None:
    """Forget all of a workspace."""
    for collection in world.store.collections():
        if collection.startswith("databricks."):
            for key in world.store.keys(collection, f"{host}/"):
                world.store.delete(collection, key)
    world.store.delete(HOSTS, host)
    shutil.rmtree(folder(world, host), ignore_errors=True)


def known(world: World, host: str) -> bool:
    """Whether the name resolves: there is such a workspace, and its creation has ended."""
    return find(world, host) is not None


def find(world: World, host: str) -> dict[str, Any] | None:
    """The workspace's ARM document, or None."""
    entry = world.store.get(HOSTS, host)
    document = records.get(world, entry["id"]) if entry else None
    if document is None:
        return None
    # "Accepted" is the state of a creation: while that runs, or when it failed, nobody answers.
    being_made = document["_operation"]["state"] == "Accepted"
    return None if being_made and records.state(document, world.now()) else document


def workspace(world: World, host: str) -> dict[str, Any]:
    """As ``find``; raises 502 for a host that is none."""
    found = find(world, host)
    if found is None:
        message = f"The host name {host} does not resolve: there is no such workspace."
        raise CloudError(502, "HostNotFound", message)
    return found


def folder(world: World, host: str) -> Path:
    """Where the files of a workspace lie."""
    return world.folder / "databricks" / host


def clear(world: World) -> None:
    """An empty world has no files of workspaces either."""
    shutil.rmtree(world.folder / "databricks", ignore_errors=True)


def number(world: World) -> int:
    """A new id for anything in a workspace: sixteen digits, as the service's own, and exact in JSON."""
    return 4_000_000_000_000_000 + world.store_serial()


def millis(world: World) -> int:
    """The world's time in milliseconds, the unit of all Databricks timestamps."""
    return int(world.now().timestamp() * 1000)
