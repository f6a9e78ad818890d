"""Who holds which permission on what: direct grants, and those that come from above. Knows nothing of HTTP.

docs.databricks.com, "Access control lists": what a folder grants holds for all in it, and admins may do
everything. A request names a principal by one of `FIELDS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.services.databricks import errors, principals, tree
from sandbox.world import World

GRANTS = "databricks.grants"
JOBS = "databricks.jobs"
FIELDS: Mapping[str, str] = {
    "user_name": "users",
    "group_name": "groups",
    "service_principal_name": "servicePrincipals",
}
_FIELD_OF = {kind: field for field, kind in FIELDS.items()}
_WORKSPACE = {
    "CAN_READ": "Can view and comment on the item",
    "CAN_RUN": "Can view, comment, attach/detach, and run the item",
    "CAN_EDIT": "Can view, comment, attach/detach, run, and edit the item",
    "CAN_MANAGE": "Can view, comment, attach/detach, run, edit, and change permissions of the item",
}
# Per type of the address: its type in answers and its levels with their descriptions, lowest first.
TYPES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "directories": ("directory", _WORKSPACE),
    "notebooks": ("notebook", _WORKSPACE),
    "files": ("file", _WORKSPACE),
    "repos": ("repo", _WORKSPACE),
    "jobs": (
        "job",
        {
            "CAN_VIEW": "Can view the settings of a job",
            "CAN_MANAGE_RUN": "Can trigger and cancel runs of a job",
            "IS_OWNER": "Owns the job, and can change its permissions",
            "CAN_MANAGE": "Can manage all aspects of a job",
        },
    ),
}
_PLURAL = {"DIRECTORY": "directories", "NOTEBOOK": "notebooks", "FILE": "files", "REPO": "repos"}


@dataclass(frozen=True)
class Grant:
    """One level of one principal; `source` is the object it comes from (`/directories/7`), None if direct."""

    field: str
    name: str
    level: str
    source: str | None = None


def type_of(document: Mapping[str, Any]) -> str:
    """The type, as addresses have it, of an object of the tree."""
    return _PLURAL[document["object_type"]]


def direct(world: World, host: str, kind: str, number: int | str) -> list[Grant]:
    """What was granted on the object itself; a job's creator owns it until somebody else does."""
    kept = (world.store.get(GRANTS, f"{host}/{kind}/{number}") or {}).get("grants", [])
    found = [Grant(**one) for one in kept]
    if kind == "jobs" and not any(one.level == "IS_OWNER" for one in found):
        job = world.store.get(JOBS, f"{host}/{number}") or {}
        owner = principals.find(world, host, str(job.get("creator_user_name", "")))
        found += [Grant(_FIELD_OF[owner["kind"]], principals.name(owner), "IS_OWNER")] if owner else []
    return found


def effective(world: World, host: str, kind: str, number: int | str) -> list[Grant]:
    """All grants that hold on an object. Raises 404 where there is none."""
    found = direct(world, host, kind, number)
    if kind == "jobs":
        if world.store.get(JOBS, f"{host}/{number}") is None:
            raise errors.missing(f"Job {number} does not exist.")
        return [*found, Grant("group_name", principals.ADMINS, "CAN_MANAGE", "/jobs/")]
    document = _object(world, host, kind, number)
    return [*found, *_given(world, host, document, None), *_above(world, host, document)]


def allowed(world: World, host: str, who: dict[str, Any], kind: str, number: int | str, level: str) -> bool:
    """Whether a principal holds at least this level on an object. Raises 404 where there is none."""
    order = list(TYPES[kind][1])
    names = {
        principals.name(who),
        *(one["displayName"] for one in principals.groups(world, host, who)),
    }
    held = (one.level for one in effective(world, host, kind, number) if one.name in names)
    return any(order.index(one) >= order.index(level) for one in held)


def replace(
    world: World, host: str, kind: str, number: int | str, asked: Sequence[Mapping[str, Any]]
) -> None:
    """Let the direct grants be exactly these. Raises as ``parse``; a job has exactly one owner."""
    wanted = parse(world, host, kind, asked)
    if kind == "jobs" and sum(one.level == "IS_OWNER" for one in wanted) != 1:
        raise errors.bad("The job must have exactly one owner.")
    _save(world, host, kind, number, wanted)


def merge(world: World, host: str, kind: str, number: int | str, asked: Sequence[Mapping[str, Any]]) -> None:
    """Give the named principals these levels instead of those they hold directly; others keep theirs."""
    wanted = parse(world, host, kind, asked)
    named = {(one.field, one.name) for one in wanted}
    takes_over = any(one.level == "IS_OWNER" for one in wanted)
    kept = [
        one
        for one in direct(world, host, kind, number)
        if (one.field, one.name) not in named and not (takes_over and one.level == "IS_OWNER")
    ]
    _save(world, host, kind, number, [*kept, *wanted])


def parse(world: World, host: str, kind: str, asked: Sequence[Mapping[str, Any]]) -> list[Grant]:
    """Grants as a request gives them, each principal once. Raises 400 for a bad level, 404 for nobody."""
    found: dict[tuple[str, str], Grant] = {}
    for one in asked:
        field = next((name for name in FIELDS if one.get(name)), None)
        if field is None:
            raise errors.bad("Each access control entry must name a user, a group or a service principal.")
        name, level = str(one[field]), one.get("permission_level")
        if level not in TYPES[kind][1]:
            raise errors.bad(f"Permission type {level} is not defined for {TYPES[kind][0]}.")
        who = principals.named(world, host, FIELDS[field], name)
        if who is None:
            shape = {"user_name": "UserName", "group_name": "GroupName"}.get(field, "ServicePrincipalName")
            raise errors.missing(f"Principal: {shape}({name}) does not exist")
        found[field, principals.name(who)] = Grant(field, principals.name(who), str(level))
    return list(found.values())


def forget(world: World, host: str, kind: str, number: int | str) -> None:
    """An object is gone, and what was granted on it."""
    world.store.delete(GRANTS, f"{host}/{kind}/{number}")


def _save(world: World, host: str, kind: str, number: int | str, wanted: Sequence[Grant]) -> None:
    kept = [{"field": one.field, "name": one.name, "level": one.level} for one in wanted]
    world.store.put(GRANTS, f"{host}/{kind}/{number}", {"grants": kept})


def _object(world: World, host: str, kind: str, number: int | str) -> Mapping[str, Any]:
    document = tree.by_id(world, host, int(number)) if str(number).isdecimal() else None
    if document is None or type_of(document) != kind:
        raise errors.missing(f"{TYPES[kind][0].capitalize()} {number} does not exist.")
    return document


def _above(world: World, host: str, document: Mapping[str, Any]) -> Iterator[Grant]:
    path = document["path"]
    while path != "/":
        path = tree.parent(path)
        folder = tree.get(world, host, path)
        if folder is None:
            return
        source = f"/directories/{folder['object_id']}"
        for one in direct(world, host, "directories", folder["object_id"]):
            yield Grant(one.field, one.name, one.level, source)
        yield from _given(world, host, folder, source)


def _given(world: World, host: str, folder: Mapping[str, Any], source: str | None) -> Iterator[Grant]:
    """What holds without anybody granting it: admins everywhere, all in /Shared, each in the own home."""
    path = folder["path"]
    if path == "/":
        yield Grant(
            "group_name", principals.ADMINS, "CAN_MANAGE", source or f"/directories/{folder['object_id']}"
        )
    elif path == "/Shared":
        yield Grant("group_name", principals.USERS, "CAN_MANAGE", source)
    elif tree.parent(path) == "/Users":
        owner = principals.find(world, host, path.rsplit("/", 1)[-1])
        if owner is not None and owner["kind"] != "groups":
            yield Grant(_FIELD_OF[owner["kind"]], principals.name(owner), "CAN_MANAGE", source)
