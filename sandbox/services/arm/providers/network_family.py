"""Network resources with a list of children: a child is a resource of its own and an item of its parent's
list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import iso
from sandbox.service import CloudError
from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Write, style
from sandbox.services.arm.providers import forms
from sandbox.world import World

# From this API version a body without `subnets` leaves them alone.
_KEEPS_SUBNETS = "2023-09-01"
_STYLES: Mapping[str, Any] = {
    "create": style("201 body +Azure-AsyncOperation"),
    "update": style("200 body +Azure-AsyncOperation"),
    "delete": style("202 nobody +Azure-AsyncOperation +Location"),
}


def etag(*seed: object) -> str:
    """The weak form that this provider alone uses."""
    return f'W/"{forms.guid("etag", *seed)}"'


def missing(target: ResourceId) -> CloudError:
    return CloudError(404, "NotFound", f"Resource {target.id} not found.", extra={"details": []})


def error(code: str, message: str) -> CloudError:
    return CloudError(400, code, message, extra={"details": []})


def children(world: World, owner: str, kind: str) -> list[Document]:
    """The stored children of one type, in the order in which they came."""
    found = [one for one in records.under(world, owner) if one["type"].lower() == kind.lower()]
    return sorted(found, key=lambda one: int(one.get("_order", 0)))


def replace(
    world: World, write: Write, field: str, make: Callable[[str, Mapping[str, Any]], Document]
) -> None:
    """Let the children of a parent be those that its body lists."""
    owner, kind = write.target, f"{write.target.type}/{field}"
    sent = (write.merged.get("properties") or {}).get(field)
    if sent is None:
        kept = (field == "subnets" and write.api_version >= _KEEPS_SUBNETS) or write.method == "PATCH"
        sent = [] if not kept else None
    if sent is None:
        return
    before = {one["name"].lower(): one for one in children(world, owner.id, kind)}
    for gone in set(before) - {str(one.get("name")).lower() for one in sent}:
        records.remove(world, before[gone]["id"])
    for item in sent:
        child = owner.child(field, str(item["name"]))
        old = before.get(child.name.lower(), {})
        records.save(
            world,
            {
                "id": old.get("id", child.id),
                "name": old.get("name", child.name),
                "type": kind,
                "etag": etag(child.id, iso(write.now)),
                "properties": make(child.id, item.get("properties") or {}),
                "_created": old.get("_created", iso(write.now)),
                "_changed": iso(write.now),
                "_order": old.get("_order") or world.store_serial(),
            },
        )


def embedded(world: World, owner: str, kind: str) -> list[Document]:
    names = ("name", "id", "etag", "properties", "type")
    return [{key: one[key] for key in names} for one in children(world, owner, kind)]


def named_once(items: Any, field: str, owner: ResourceId) -> list[Mapping[str, Any]]:
    listed = items if isinstance(items, list) else []
    names = [str(one.get("name", "")).lower() if isinstance(one, Mapping) else "" for one in listed]
    if not all(names):
        raise error(
            "InvalidRequestFormat", f"Cannot parse the request: an item of {field} of {owner.id} has no name."
        )
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        message = f"Cannot parse the request: {field} of {owner.id} names '{doubled}' twice."
        raise error("DuplicateResourceName", message)
    return listed


def child_order(world: World, write: Write, document: Document) -> None:
    """Give a child written by itself its place in the parent's list, and the parent a new etag."""
    document["_order"] = (write.previous or {}).get("_order") or world.store_serial()
    records.save(world, document)
    parent = write.target.parent
    owner = records.get(world, parent.id) if parent else None
    if owner:
        owner["etag"] = document["etag"]
        records.save(world, owner)


def enveloped(write: Write, properties: Document) -> Document:
    document: Document = {
        "etag": etag(write.target.id, write.now),
        "location": forms.normal_location(
            write.merged.get("location") or (write.previous or {}).get("location", "")
        ),
        "properties": properties,
    }
    if write.merged.get("tags") is not None:
        document["tags"] = dict(write.merged["tags"])
    return document


PARENT: Mapping[str, Any] = {**_STYLES, "pending": "Updating"}
CHILD: Mapping[str, Any] = {
    **PARENT,
    "missing": missing,
    "tracked": False,
    "stored": child_order,
}
