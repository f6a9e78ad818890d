"""Who asks, and whether they may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.service import Request
from sandbox.services.databricks import errors, grants, principals, tree
from sandbox.world import World

Document = dict[str, Any]


def me(world: World, request: Request) -> Document:
    """The workspace's document of the caller: a service principal, or a user with a token."""
    assert request.caller is not None
    name, host = request.caller.client_id, request.host
    found = principals.named(world, host, "servicePrincipals", name)
    found = found or principals.named(world, host, "users", name)
    assert found is not None  # who signed in is known
    return found


def require_admin(world: World, request: Request, what: str) -> None:
    """Raises 403 for everybody who is not of the group `admins`."""
    if not principals.is_admin(world, request.host, me(world, request)):
        raise errors.denied(f"Only workspace admins can {what}.")


def require(world: World, request: Request, kind: str, number: int | str, level: str) -> None:
    """Raises 403 unless the caller holds the level on the object; admins hold every one."""
    who = me(world, request)
    if principals.is_admin(world, request.host, who):
        return
    if not grants.allowed(world, request.host, who, kind, number, level):
        shown = level.removeprefix("CAN_").replace("_", " ").capitalize()
        raise errors.denied(
            f"{principals.name(who)} does not have {shown} permissions on {number}. Please contact the owner "
            "or an administrator for access."
        )


def require_path(world: World, request: Request, path: str, level: str) -> Document:
    """The object at a path, when the caller holds the level on it. Raises 403 and 404."""
    document = tree.load(world, request.host, path)
    require(world, request, grants.type_of(document), document["object_id"], level)
    return document


def visible(world: World, request: Request, documents: Iterable[Document]) -> list[Document]:
    """Those objects of the tree that the caller is shown in a list."""
    who, host = me(world, request), request.host
    if principals.is_admin(world, host, who):
        return list(documents)
    return [
        one
        for one in documents
        if grants.allowed(world, host, who, grants.type_of(one), one["object_id"], "CAN_READ")
    ]
