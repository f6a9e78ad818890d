"""Management locks: a lock holds at its scope and below; a deletion is also held by the locks inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.services.arm import ids, records, shapes
from sandbox.world import World

LOCKS = "Microsoft.Authorization/locks"


def check_write(world: World, scope: str) -> None:
    """Raises CloudError 409 ScopeLocked."""
    locked = sorted(
        {_scope(lock) for lock in _above(world, scope) if lock["properties"]["level"] == "ReadOnly"}
    )
    if locked:
        raise shapes.scope_locked(scope, "write", locked)


def check_delete(world: World, scope: str) -> None:
    """Raises CloudError 409 ScopeLocked."""
    locked = sorted({_scope(lock) for lock in (*_above(world, scope), *_inside(world, scope))})
    if locked:
        raise shapes.scope_locked(scope, "delete", locked)


def _above(world: World, scope: str) -> Iterator[dict[str, Any]]:
    for place in ids.ancestors(scope):
        for _, lock in world.store.items(records.RESOURCES, f"{place}/providers/{LOCKS}/".lower()):
            yield lock


def _inside(world: World, scope: str) -> Iterator[dict[str, Any]]:
    wanted = f"/providers/{LOCKS}/".lower()
    for key in world.store.keys(records.RESOURCES, scope.lower() + "/"):
        if wanted in key and (lock := world.store.get(records.RESOURCES, key)):
            yield lock


def _scope(lock: dict[str, Any]) -> str:
    found = ids.parse(lock["id"])
    return found.scope if found else ""
