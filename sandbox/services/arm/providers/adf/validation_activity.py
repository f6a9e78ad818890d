"""The activity Validation: waits until a file or folder of a storage account is there.

https://learn.microsoft.com/azure/data-factory/control-flow-validation-activity
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.clock import iso, parse_iso
from sandbox.services.arm import authorization, records
from sandbox.services.arm.providers.adf import databricks_link, expressions
from sandbox.services.arm.providers.adf.activities import Progress, Runner, Task
from sandbox.services.arm.providers.adf.databricks_link import LinkFault
from sandbox.services.arm.providers.adf.expressions import EvaluationError
from sandbox.services.arm.providers.adf.timespans import timespan
from sandbox.world import World

_TIMEOUT, _SLEEP = "7.00:00:00", 10
_READ = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
_LOCATIONS = {"AzureBlobFSLocation": "fileSystem", "AzureBlobStorageLocation": "container"}


def _begin(world: World, task: Task) -> Progress:
    until = world.now() + timespan(task.settings.get("timeout"), _TIMEOUT)
    return _look(world, task, {"until": iso(until)})


def _look(world: World, task: Task, memo: Mapping[str, Any]) -> Progress:
    try:
        found = _found(world, task)
    except LinkFault as fault:
        return Progress("Failed", code=fault.code, message=str(fault), unplayed=fault.unplayed)
    if found is not None:
        return Progress("Succeeded", {"exists": True, **found})
    until = parse_iso(memo["until"])
    if world.now() >= until:
        message = "The validation was not met within its timeout."
        return Progress("Failed", {"exists": False}, "2105", message)
    pause = timedelta(seconds=int(task.settings.get("sleep") or _SLEEP))
    return Progress("InProgress", memo=memo, again=min(until, world.now() + pause))


def _found(world: World, task: Task) -> dict[str, Any] | None:
    """What is there, when it is as the activity wants it."""
    # Late: the storage accounts' own API is built on ARM.
    from sandbox.services.storage import blobs

    dataset = _dataset(world, task)
    account = _account(world, task, dataset)
    location = (dataset.get("typeProperties") or {}).get("location") or {}
    container = str(location.get(_LOCATIONS.get(str(location.get("type")), ""), ""))
    folder, file = str(location.get("folderPath") or "").strip("/"), location.get("fileName")
    hierarchical = bool(account["properties"].get("isHnsEnabled"))
    if records.get(world, f"{account['id']}/blobServices/default/containers/{container}") is None:
        return None
    if file:
        name = f"{folder}/{file}".lstrip("/")
        one = blobs.get(world, account["name"], container, name)
        if one is None or one["directory"] or one["size"] < int(task.settings.get("minimumSize") or 0):
            return None
        return {"itemName": file, "itemType": "File", "size": one["size"], "lastModified": one["modified"]}
    start = f"{folder}/" if folder else ""
    inside = blobs.listed(world, account["name"], container, hierarchical, start)
    children = {_child(one["name"], start): _kind(one, start) for one in inside if one["name"] != folder}
    wanted = task.settings.get("childItems")
    there = bool(children) or (
        bool(folder) and blobs.get(world, account["name"], container, folder) is not None
    )
    if not there or (wanted is not None and bool(children) != bool(wanted)):
        return None
    items = [{"name": name, "type": kind} for name, kind in sorted(children.items())]
    return {"itemName": folder.rsplit("/", 1)[-1] or container, "itemType": "Folder", "childItems": items}


def _dataset(world: World, task: Task) -> Mapping[str, Any]:
    """The properties of the dataset, with the parameters put in that the activity passes on."""
    reference = task.settings.get("dataset") or {}
    name = reference.get("referenceName", "")
    document = records.get(world, task.factory.child("datasets", name).id)
    if document is None:
        raise LinkFault("2001", f"The dataset '{name}' does not exist.")
    properties: Mapping[str, Any] = document["properties"]
    own = properties.get("typeProperties") or {}
    unknown = next(expressions.unplayed(own, expressions.IN_DATASETS), None)
    if unknown is not None:
        told = f"The sandbox does not play the expression '{unknown}' in the dataset '{name}'."
        raise LinkFault("2001", told, True)
    declared = properties.get("parameters") or {}
    defaults = {key: one["defaultValue"] for key, one in declared.items() if "defaultValue" in one}
    try:
        given = {**defaults, **(reference.get("parameters") or {})}
        return {**properties, "typeProperties": expressions.in_dataset(own, given)}
    except EvaluationError as fault:
        raise LinkFault("2001", str(fault)) from None


def _account(world: World, task: Task, dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    """The storage account, when the factory may read it: with the key that the linked service names in a key
    vault, else by the role of its identity."""
    link = databricks_link.properties(world, task.factory, dataset.get("linkedServiceName"))
    url = str(link.get("url") or link.get("serviceEndpoint") or "")
    name = (urlsplit(url).hostname or "").split(".", 1)[0]
    account = records.find(world, "Microsoft.Storage/storageAccounts", name)
    if account is None:
        raise LinkFault("2011", f"The remote name could not be resolved: '{urlsplit(url).hostname}'.")
    if link.get("accountKey") is not None:
        if databricks_link.secret(world, task.factory, link["accountKey"]) not in _keys(account):
            message = "Server failed to authenticate the request."
            raise LinkFault("2011", f"Operation returned an invalid status code 'Forbidden'. {message}")
        return account
    who = databricks_link.identity(world, task.factory)
    if not authorization.allowed(world, who.object_id, account["id"], _READ, data=True):
        message = "This request is not authorized to perform this operation using this permission."
        raise LinkFault("2011", f"Operation returned an invalid status code 'Forbidden'. {message}")
    return account


def _keys(account: Mapping[str, Any]) -> list[str]:
    """The account's keys, where it takes any."""
    taken = account["properties"].get("allowSharedKeyAccess") is not False
    return [one["value"] for one in account["_keys"]] if taken else []


def _child(name: str, start: str) -> str:
    return str(name[len(start) :].split("/", 1)[0])


def _kind(one: Mapping[str, Any], start: str) -> str:
    return "Folder" if one["directory"] or "/" in one["name"][len(start) :] else "File"


RUNNERS: Mapping[str, Runner] = {"Validation": Runner(_begin, _look)}
