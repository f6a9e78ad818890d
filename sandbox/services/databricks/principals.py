"""Who a workspace knows: users, service principals and groups. Knows nothing of HTTP and of rights.

One document per principal, `{"kind": users | servicePrincipals | groups, "id", "displayName"}`, with
`userName` of a user, `applicationId` of a service principal and `members` (ids) of a group. What the other
APIs call a principal is `name`: user name, application id or group name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.services.databricks import hosts, tree
from sandbox.world import World

PRINCIPALS = "databricks.principals"
ADMINS, USERS = "admins", "users"
_NAMES = {"users": "userName", "servicePrincipals": "applicationId", "groups": "displayName"}

Document = dict[str, Any]


def found(world: World, host: str) -> None:
    """The groups of every workspace. Everybody is of `users`, which therefore keeps no members."""
    for name in (ADMINS, USERS):
        add(world, host, "groups", {"displayName": name, "members": []})


def add(world: World, host: str, kind: str, fields: Document) -> Document:
    """Make one; users and service principals get a home folder."""
    document = {"kind": kind, "id": str(hosts.number(world)), **fields}
    save(world, host, document)
    if kind != "groups":
        tree.mkdirs(world, host, home(document))
    return document


def save(world: World, host: str, document: Document) -> None:
    world.store.put(PRINCIPALS, f"{host}/{document['kind']}/{document['id']}", document)


def remove(world: World, host: str, document: Document) -> None:
    """Forget one, also as a member of groups."""
    world.store.delete(PRINCIPALS, f"{host}/{document['kind']}/{document['id']}")
    for group in list(of_kind(world, host, "groups")):
        if document["id"] in group["members"]:
            save(
                world, host, {**group, "members": [one for one in group["members"] if one != document["id"]]}
            )


def get(world: World, host: str, kind: str, number: str) -> Document | None:
    return world.store.get(PRINCIPALS, f"{host}/{kind}/{number}")


def of_kind(world: World, host: str, kind: str) -> Iterator[Document]:
    """All of a kind, by id."""
    for _, document in world.store.items(PRINCIPALS, f"{host}/{kind}/"):
        yield document


def name(document: Document) -> str:
    """What the other APIs call it."""
    return str(document[_NAMES[document["kind"]]])


def named(world: World, host: str, kind: str, wanted: str) -> Document | None:
    """The one of a kind with this name, without regard to case."""
    return next((one for one in of_kind(world, host, kind) if name(one).lower() == wanted.lower()), None)


def find(world: World, host: str, wanted: str) -> Document | None:
    """The principal of this name, of whatever kind."""
    return next((one for kind in _NAMES if (one := named(world, host, kind, wanted))), None)


def home(document: Document) -> str:
    """The path of a principal's own folder."""
    return f"/Users/{name(document)}"


def groups(world: World, host: str, document: Document) -> list[Document]:
    """The groups that a principal is in, also through other groups; `users` for everybody who can sign in."""
    every = list(of_kind(world, host, "groups"))
    inside: set[str] = {document["id"]}
    reached: list[Document] = []
    while fresh := [one for one in every if one not in reached and inside & set(one["members"])]:
        reached += fresh
        inside |= {one["id"] for one in fresh}
    if document["kind"] != "groups":
        reached += [one for one in every if one["displayName"] == USERS and one not in reached]
    return reached


def is_admin(world: World, host: str, document: Document) -> bool:
    return any(group["displayName"] == ADMINS for group in groups(world, host, document))


def join(world: World, host: str, group: str, document: Document) -> None:
    """Make a principal a member of a group that exists."""
    found_group = named(world, host, "groups", group)
    assert found_group is not None
    if document["id"] not in found_group["members"]:
        save(world, host, {**found_group, "members": [*found_group["members"], document["id"]]})
