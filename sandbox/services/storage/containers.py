"""Containers (file systems) as both data planes see them: the documents of ARM, and their folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import format_datetime
from typing import Any

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError
from sandbox.services.arm import records
from sandbox.services.storage import blobs
from sandbox.world import World

_TYPE = "Microsoft.Storage/storageAccounts/blobServices/containers"
_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]|\$root|\$web|\$logs")

Document = dict[str, Any]


def find(world: World, account: Document, name: str) -> Document:
    """The container; raises 404 ContainerNotFound."""
    document = records.get(world, _id(account, name))
    if document is None:
        raise CloudError(404, "ContainerNotFound", "The specified container does not exist.")
    return document


def listed(world: World, account: Document, prefix: str) -> Iterator[Document]:
    """Containers by name."""
    found = records.of_type(world, _TYPE, account["id"])
    return (one for one in found if one["name"].startswith(prefix))


def create(world: World, account: Document, name: str) -> Document:
    """A new container; raises 400 InvalidResourceName, 409 ContainerAlreadyExists."""
    if not _NAME.fullmatch(name):
        raise CloudError(
            400, "InvalidResourceName", "The specified resource name contains invalid characters."
        )
    resource_id = _id(account, name)
    if records.get(world, resource_id) is not None:
        raise CloudError(409, "ContainerAlreadyExists", "The specified container already exists.")
    # Late: the providers of ARM read `blobs`, which is of this package.
    from sandbox.services.arm.providers.storage_children import new_container

    made = new_container(resource_id, name, {}, world.now())
    document = {**made, "_created": iso(world.now()), "_changed": iso(world.now())}
    records.save(world, document)
    blobs.make(world, account["name"], name)
    return document


def drop(world: World, account: Document, name: str) -> None:
    """Remove it with all it holds; raises 404 ContainerNotFound."""
    records.remove(world, find(world, account, name)["id"])
    blobs.forget(world, account["name"], name)


def modified(document: Document) -> str:
    """When it was changed, as a header says it."""
    return format_datetime(parse_iso(document["_changed"]), usegmt=True)


def _id(account: Document, name: str) -> str:
    return f"{account['id']}/blobServices/default/containers/{name}"
