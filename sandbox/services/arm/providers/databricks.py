"""Microsoft.Databricks: workspaces with their managed resource group, and access connectors.

The address of a workspace, its id and most parameters are known only when the creation has ended (recorded:
the creating PUT answers none of them).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.clock import iso
from sandbox.service import CloudError
from sandbox.services.arm import ids, records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms, identity
from sandbox.world import World

WORKSPACES = "Microsoft.Databricks/workspaces"
CONNECTORS = "Microsoft.Databricks/accessConnectors"

_NAME = re.compile(r"[A-Za-z0-9_-]{3,64}")
_SKUS = ("standard", "premium", "trial")
# The service's own application, which every workspace authorizes.
_AUTHORIZATIONS = [
    {
        "principalId": "9a74af6f-d153-4348-988a-e2672920bee9",
        "roleDefinitionId": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    }
]
_TYPES = {bool: "Bool", str: "String", dict: "Object", list: "Array", int: "Int"}
_PARAMETERS: Mapping[str, Any] = {
    "enableFedRampCertification": False,
    "enableNoPublicIp": True,
    "natGatewayName": "nat-gateway",
    "prepareEncryption": False,
    "publicIpName": "nat-gw-public-ip",
    "requireInfrastructureEncryption": False,
    "resourceTags": {"application": "databricks", "databricks-environment": "true"},
    "storageAccountSkuName": "Standard_GRS",
    "vnetAddressPrefix": "10.139",
}
# Known only at the end of the creation, and those that only the service writes.
_LATE = ("workspaceId", "workspaceUrl", "storageAccountIdentity", "diskEncryptionSetId")
_DISK = "encryption.entities.managedDisk"
_READ_ONLY = (*_LATE, "provisioningState", "createdBy", "updatedBy", "createdDateTime", "isUcEnabled")


def _check(world: World, write: Write) -> None:
    properties, name = write.merged.get("properties") or {}, write.target.name
    group = properties.get("managedResourceGroupId")
    if not _NAME.fullmatch(name):
        message = f"Workspace name '{name}' is not valid: 3 to 64 letters, digits, underscores and hyphens."
        raise CloudError(400, "InvalidWorkspaceName", message)
    if not isinstance(group, str) or ids.group_of(group) is None or ids.parse(group) is not None:
        message = "Required property 'managedResourceGroupId' not found in JSON. Path 'properties'."
        content = f"The request content was invalid and could not be deserialized: '{message}'."
        raise CloudError(400, "InvalidRequestContent", content)
    sku = forms.lookup(write.merged, "sku.name")
    if sku is not None and forms.spelled(sku, _SKUS) is None:
        raise CloudError(400, "InvalidSku", f"The SKU '{sku}' is not valid: one of {', '.join(_SKUS)}.")
    parameters = properties.get("parameters") or {}
    wrong = [key for key, value in parameters.items() if not isinstance(value, Mapping)]
    if wrong:
        message = f"The request content was invalid and could not be deserialized: 'parameters.{wrong[0]}'."
        raise CloudError(400, "InvalidRequestContent", message)
    if write.previous is None:
        _check_new_group(world, group)
        return
    existing = write.previous["properties"]["managedResourceGroupId"]
    if existing.lower() != group.lower():
        raise CloudError(
            400,
            "ApplianceManagedResourceGroupMismatch",
            f"The given managed resource group '{group}' did not match that in the existing appliance "
            "definition "
            f"'{existing}'.",
        )


def _check_new_group(world: World, group: str) -> None:
    if records.group(world, ids.subscription_of(group) or "", ids.group_of(group) or "") is not None:
        raise CloudError(
            409,
            "ApplianceProvisioningFailed",
            f"The managed resource group '{group}' already exists. Please specify a new non-existent managed "
            "resource "
            "group",
        )


def _fill(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    before = (write.previous or {}).get("properties") or {}
    sent = forms.without(document["properties"], _READ_ONLY)
    number = _number(write)
    who = _who(write)
    connected = before.get("storageAccountIdentity")
    parameters = _parameters(write, sent.get("parameters") or {}, before.get("parameters") or {})
    if connected is None and parameters["prepareEncryption"]["value"]:
        seed = forms.guid("dbstorage", write.target.id)
        connected = {"principalId": seed, "tenantId": world.tenant_id, "type": "SystemAssigned"}
    properties: Document = {
        "isUcEnabled": before.get("isUcEnabled", True),
        **sent,
        "parameters": parameters,
        "authorizations": sent.get("authorizations") or _AUTHORIZATIONS,
        "createdBy": before.get("createdBy", who),
        "updatedBy": who,
        "createdDateTime": before.get("createdDateTime", forms.stamp(write.now)),
        "workspaceId": before.get("workspaceId", number),
        "workspaceUrl": before.get("workspaceUrl", f"adb-{number}.{int(number) % 20}.azuredatabricks.net"),
        **({"storageAccountIdentity": connected} if connected else {}),
    }
    if forms.lookup(sent, _DISK):
        properties |= _disk(world, write, sent["managedResourceGroupId"])
    document["properties"] = properties
    document["sku"] = {"name": str((document.get("sku") or {}).get("name") or "standard").lower()}
    document["location"] = forms.normal_location(
        document.get("location") or (write.previous or {}).get("location", "")
    )
    document["systemData"] = _system_data((write.previous or {}).get("systemData"), write)
    document["_sent"] = write.body.get("properties") or {}
    if document.get("tags") is None:
        document.pop("tags", None)
    return document


def _parameters(write: Write, sent: Mapping[str, Any], before: Mapping[str, Any]) -> Document:
    """Every parameter gains a type; with `keySource: Default` an encryption has no key fields."""
    tags = {**_PARAMETERS["resourceTags"], **(write.merged.get("tags") or {})}
    made = {"storageAccountName": _account_name(write.target.id), "resourceTags": tags}
    kept = {key: forms.lookup(before, f"{key}.value") or value for key, value in made.items()}
    values = {**_PARAMETERS, **kept}
    values |= {key: one.get("value") for key, one in sent.items() if one.get("value") is not None}
    encryption = values.get("encryption")
    if isinstance(encryption, Mapping) and str(encryption.get("keySource", "Default")).lower() == "default":
        values["encryption"] = {"keySource": "Default"}
    return {
        key: {"type": _TYPES.get(type(value), "String"), "value": value}
        for key, value in sorted(values.items())
    }


def _disk(world: World, write: Write, group: str) -> Document:
    """What disks under a key of the customer's are encrypted with."""
    name = "dbdiskencryptionset" + forms.guid("disk", write.target.id).replace("-", "")[:13]
    principal = forms.guid("managed disk", write.target.id)
    return {
        "diskEncryptionSetId": f"{group}/providers/Microsoft.Compute/diskEncryptionSets/{name}",
        "managedDiskIdentity": {
            "principalId": principal,
            "tenantId": world.tenant_id,
            "type": "SystemAssigned",
        },
    }


def _account_name(seed: str) -> str:
    digest = int(hashlib.sha256(seed.lower().encode()).hexdigest(), 16)
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "dbstorage" + "".join(letters[(digest >> 5 * at) % 32] for at in range(13))


def _number(write: Write) -> str:
    """The workspace's id: sixteen digits."""
    digest = hashlib.sha256(f"{write.target.key}{iso(write.now)}".encode()).hexdigest()
    return str(10**15 + int(digest, 16) % (9 * 10**15))


def _who(write: Write) -> Document:
    caller = write.caller
    return {"oid": caller.object_id, "applicationId": caller.client_id} if caller else {}


def _system_data(before: Mapping[str, Any] | None, write: Write) -> Document:
    who, at = (write.caller.object_id if write.caller else ""), _offset(write.now)
    made = {"createdBy": who, "createdByType": "Application", "createdAt": at}
    kept = {key: (before or {}).get(key, value) for key, value in made.items()}
    return {**kept, "lastModifiedBy": who, "lastModifiedByType": "Application", "lastModifiedAt": at}


def _offset(now: datetime) -> str:
    return f"{forms.stamp(now)[:-1]}+00:00"


def _answer(world: World, document: Document, api_version: str) -> Document:
    stored = records.get(world, document["id"]) or {}
    early = records.state(stored, world.now()) in ("Accepted", "Failed")
    late = (*_LATE, *(("isUcEnabled",) if api_version < "2023-02-01" else ()))
    hidden = (*late, "parameters") if early else late[len(_LATE) :]
    return {**document, "properties": forms.without(document["properties"], hidden)}


def _put_answer(world: World, document: Document, write: Write) -> Document:
    """What was sent, with nothing that is only known at the end; a PATCH answers everything."""
    if write.method == "PATCH":
        return document
    sent = (records.get(world, write.target.id) or {}).get("_sent") or {}
    hidden = (*_LATE, "parameters")
    properties = forms.without(document["properties"], hidden)
    if not write.created and sent.get("parameters"):
        properties["parameters"] = {k: v for k, v in sent["parameters"].items() if v}
    if not write.created and "createdBy" in sent:
        properties["createdBy"] = sent["createdBy"]
    if "managedDiskIdentity" in properties:
        properties["managedDiskIdentity"] = {}
    return {**document, "properties": properties}


def _stored(world: World, write: Write, document: Document) -> None:
    group = document["properties"]["managedResourceGroupId"]
    if not write.created:
        return
    # Late: the workspace's own API reads the resources of ARM.
    from sandbox.services.databricks import hosts

    hosts.add(world, document["properties"]["workspaceUrl"], document["id"])
    world.store.put(
        records.GROUPS,
        group.lower(),
        {
            "id": group,
            "name": ids.group_of(group),
            "type": "Microsoft.Resources/resourceGroups",
            "location": document["location"],
            "managedBy": document["id"],
            "tags": {},
            "properties": {"provisioningState": "Succeeded"},
            "_created": iso(write.now),
            "_changed": iso(write.now),
        },
    )


def _deleted(world: World, target: ResourceId, document: Document) -> None:
    from sandbox.services.databricks import hosts

    hosts.remove(world, document["properties"]["workspaceUrl"])
    group = document["properties"]["managedResourceGroupId"]
    for inside in list(records.under(world, group)):
        records.remove(world, inside["id"])
    world.store.delete(records.GROUPS, group.lower())


def _check_peering(world: World, write: Write) -> None:
    remote = forms.lookup(write.merged, "properties.remoteVirtualNetwork.id")
    if not remote or records.get(world, remote) is None:
        message = f"The remote virtual network '{remote}' was not found."
        raise CloudError(400, "InvalidRemoteVirtualNetwork", message)


def _fill_peering(world: World, write: Write) -> Document:
    remote = records.load(world, write.merged["properties"]["remoteVirtualNetwork"]["id"])
    parent = write.target.parent
    assert parent is not None
    group = records.load(world, parent.id)["properties"]["managedResourceGroupId"]
    defaults = {
        "allowVirtualNetworkAccess": True,
        "allowForwardedTraffic": False,
        "allowGatewayTransit": False,
        "useRemoteGateways": False,
        "peeringState": "Initiated",
        "remoteAddressSpace": {"addressPrefixes": remote["properties"]["addressSpace"]["addressPrefixes"]},
        "databricksVirtualNetwork": {
            "id": f"{group}/providers/Microsoft.Network/virtualNetworks/workers-vnet"
        },
        "databricksAddressSpace": {"addressPrefixes": ["10.139.0.0/16"]},
    }
    return {"properties": forms.filled(write.merged["properties"], defaults)}


def _answer_peering(world: World, document: Document, api_version: str) -> Document:
    return forms.without(document, ("type",))


def _put_peering(world: World, document: Document, write: Write) -> Document:
    return {**document, "properties": {**document["properties"], "provisioningState": "Updating"}}


def _fill_connector(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    document["location"] = forms.normal_location(
        document.get("location") or (write.previous or {}).get("location", "")
    )
    document["systemData"] = _system_data((write.previous or {}).get("systemData"), write)
    return {key: value for key, value in document.items() if value is not None}


def _deleted_connector(world: World, target: ResourceId, document: Document) -> None:
    identity.forget(world, document)


KINDS = (
    Kind(
        WORKSPACES,
        check=_check,
        fill=_fill,
        stored=_stored,
        answer=_answer,
        put_answer=_put_answer,
        deleted=_deleted,
        create=style("201 body +Azure-AsyncOperation"),
        update=style("201 body +Azure-AsyncOperation"),
        delete=style("202 nobody +Location"),
        pending="Accepted",
    ),
    Kind(
        f"{WORKSPACES}/virtualNetworkPeerings",
        check=_check_peering,
        fill=_fill_peering,
        answer=_answer_peering,
        put_answer=_put_peering,
        create=style("200 body"),
        delete=style("202 nobody +Location"),
        tracked=False,
    ),
    Kind(CONNECTORS, fill=_fill_connector, deleted=_deleted_connector),
)
