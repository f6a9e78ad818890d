"""Managed virtual networks and the managed private endpoints in them. An endpoint cannot be changed.

https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery ("Managed private endpoint
deployment"); the words are those of https://github.com/Azure-Player/azure.datafactory.devops/issues/70 and
https://github.com/Azure/Azure-DataFactory/issues/250.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError
from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.adf import names, objects
from sandbox.world import World

_NETWORKS = "managedVirtualNetworks"
_ENDPOINTS = f"{_NETWORKS}/managedPrivateEndpoints"
_WRITABLE = ("privateLinkResourceId", "groupId", "fqdns")
_READY = "adf.endpoint"


def _invalid(target: ResourceId, noun: str, why: str) -> CloudError:
    message = (
        f"Invalid resource request. Resource type: '{noun}', Resource name: '{target.name}' 'Error: {why}'."
    )
    return names.refused(target, message, "InvalidResourceRequest")


def _check_network(world: World, write: Write) -> None:
    names.check_object(write.target)
    if not isinstance(write.merged.get("properties"), Mapping):
        raise _invalid(write.target, "ManagedVirtualNetwork", "Invalid payload")


def _network(world: World, write: Write) -> dict[str, Any]:
    before = (write.previous or {}).get("properties") or {}
    sent = forms.without(write.merged["properties"], ("vNetId", "alias"))
    known = before.get("vNetId") or forms.guid("vnet", write.target.id, write.now)
    alias = write.target.names[0].lower()
    return {"vNetId": known, "preventDataExfiltration": False, "alias": alias, **sent}


def _keep_network(world: World, target: ResourceId, document: Document) -> None:
    """The API has no deletion of a network; it goes with its factory."""
    message = "The requested resource does not support http method 'DELETE'."
    raise CloudError(405, "MethodNotAllowed", message)


def _check_endpoint(world: World, write: Write) -> None:
    names.check_object(write.target)
    sent = write.merged.get("properties")
    if not isinstance(sent, Mapping) or not sent.get("privateLinkResourceId"):
        raise _invalid(write.target, "ManagedPrivateEndpoint", "Invalid payload")


def _endpoint(world: World, write: Write) -> dict[str, Any]:
    sent: Mapping[str, Any] = write.merged["properties"]
    if write.previous is not None:
        if _identity(sent) != _identity(write.previous["properties"]):
            raise _invalid(write.target, "ManagedPrivateEndpoint", "Invalid payload")
        kept: dict[str, Any] = forms.without(write.previous["properties"], ())
        return kept
    network = write.target.parent
    assert network is not None
    for other in records.under(world, network.id):
        if _identity(other["properties"]) == _identity(sent):
            why = "A managed private endpoint to the data source already exist."
            raise _invalid(write.target, "ManagedPrivateEndpoint", why)
    group = f"/subscriptions/{write.target.subscription}/resourceGroups/vnet-managed-rg"
    name = f"{write.target.names[0]}.{write.target.name}"
    return {
        "error": None,
        "provisioningState": "Provisioning",
        "resourceId": f"{group}/providers/Microsoft.Network/privateEndpoints/{name}",
        **{key: sent[key] for key in ("privateLinkResourceId", "groupId") if sent.get(key) is not None},
        "fqdns": list(sent.get("fqdns") or ()),
        "ipAddress": None,
        "linkId": None,
        "connectionState": {"status": "", "description": "", "actionsRequired": ""},
    }


def _identity(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """What an endpoint leads to, to compare."""
    names_of = sorted(str(name).lower() for name in properties.get("fqdns") or ())
    return tuple(str(properties.get(key) or "").lower() for key in _WRITABLE[:2]) + tuple(names_of)


def _endpoint_stored(world: World, write: Write, document: Document) -> None:
    del document["etag"]  # endpoints have none (recorded)
    records.save(world, document)
    if write.created:
        world.schedule(world.now(), _READY, {"id": write.target.id})


def _endpoint_ready(world: World, data: Mapping[str, Any]) -> None:
    """The endpoint is made; whoever owns the resource that it leads to has not approved it yet."""
    document = records.get(world, data["id"])
    if document and document["properties"]["provisioningState"] == "Provisioning":
        pending = {"status": "Pending", "description": "", "actionsRequired": "None"}
        document["properties"] |= {"provisioningState": "Succeeded", "connectionState": pending}
        records.save(world, document)


def _no_endpoint(target: ResourceId) -> CloudError:
    """400 where others answer 404: https://github.com/hashicorp/terraform-provider-azurerm/pull/12618."""
    return _invalid(target, "ManagedPrivateEndpoint", "The managed private endpoint does not exist.")


KINDS: tuple[Kind, ...] = (
    objects.kind(_NETWORKS, _network, check=_check_network, check_delete=_keep_network),
    objects.kind(
        _ENDPOINTS,
        _endpoint,
        check=_check_endpoint,
        stored=_endpoint_stored,
        check_delete=None,
        deleted=None,
        missing=_no_endpoint,
    ),
)
EFFECTS = {_READY: _endpoint_ready}
