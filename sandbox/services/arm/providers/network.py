"""Microsoft.Network: virtual networks with subnets and peerings, security groups with rules.

A subnet is a resource of its own and an item of its network's list: one document, seen from both sides.
Writing the network replaces the list; from API version 2023-09-01 a body without `subnets` leaves them alone
(Azure updates: "Virtual Network now supports updates without subnet property"), before it deleted them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.network_family import (
    CHILD,
    PARENT,
    children,
    embedded,
    enveloped,
    error,
    etag,
    named_once,
    replace,
)
from sandbox.world import World

NETWORKS = "Microsoft.Network/virtualNetworks"

_ACTIONS = {"microsoft.databricks/workspaces": ("join", "prepareNetworkPolicies", "unprepareNetworkPolicies")}


def _prefixes(properties: Mapping[str, Any]) -> list[str]:
    return [p for p in (properties.get("addressPrefix"), *(properties.get("addressPrefixes") or ())) if p]


def _parsed(prefix: Any, owner: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(str(prefix))
    except ValueError:
        raise error(
            "InvalidAddressPrefixFormat",
            f"Address prefix {prefix} of resource {owner} is not formatted correctly. It should follow CIDR "
            "notation, "
            "for example 10.0.0.0/24.",
        ) from None


def _check_subnet(
    owner: ResourceId, name: str, properties: Any, space: list[Any], others: Mapping[str, Any]
) -> None:
    """Raise for a prefix that is missing, malformed, outside the network's or over another subnet's."""
    wanted = _prefixes(properties) if isinstance(properties, Mapping) else []
    if not wanted:
        raise error("NoAddressPrefixOrPoolProvided", f"Subnet {name} must have an address prefix.")
    for prefix in wanted:
        found = _parsed(prefix, owner.child("subnets", name).id)
        if not any(found.version == one.version and found.subnet_of(one) for one in space):
            raise error(
                "NetcfgInvalidSubnet",
                f"Subnet '{name}' is not valid because its IP address range is outside the IP address range "
                "of virtual "
                f"network '{owner.name}'.",
            )
        for other, taken in others.items():
            if any(found.overlaps(_parsed(one, owner.id)) for one in _prefixes(taken)):
                raise error(
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an "
                    "existing subnet "
                    f"'{other}' in virtual network '{owner.name}'.",
                )


def _subnet(resource_id: str, sent: Mapping[str, Any], api_version: str, tag: str) -> Document:
    """`properties` of a subnet."""
    defaults: Document = {"delegations": []}
    if api_version >= "2019-04-01":
        policies = "Disabled" if api_version >= "2023-04-01" else "Enabled"
        defaults |= {
            "privateEndpointNetworkPolicies": policies,
            "privateLinkServiceNetworkPolicies": "Enabled",
        }
    properties = {
        k: v for k, v in forms.filled(sent, defaults).items() if v is not None and k != "provisioningState"
    }
    for key in ("privateEndpointNetworkPolicies", "privateLinkServiceNetworkPolicies"):
        if key in properties:
            properties[key] = str(properties[key])[:1].upper() + str(properties[key])[1:]
    for key in ("networkSecurityGroup", "routeTable", "natGateway"):  # a reference is its id alone
        if isinstance(properties.get(key), Mapping):
            properties[key] = {"id": properties[key].get("id")}
    properties["delegations"] = [_delegation(resource_id, one, tag) for one in properties["delegations"]]
    if properties.get("serviceEndpoints"):
        properties["serviceEndpoints"] = [_endpoint(one) for one in properties["serviceEndpoints"]]
    return {"provisioningState": "Succeeded", **properties}


def _delegation(resource_id: str, sent: Mapping[str, Any], tag: str) -> Document:
    service = str((sent.get("properties") or {}).get("serviceName", ""))
    base = f"{NETWORKS}/subnets"
    actions = [f"{base}/{one}/action" for one in _ACTIONS.get(service.lower(), ("join",))]
    return {
        "name": sent.get("name"),
        "id": f"{resource_id}/delegations/{sent.get('name')}",
        "etag": tag,
        "properties": {"provisioningState": "Succeeded", "serviceName": service, "actions": actions},
        "type": f"{base}/delegations",
    }


def _endpoint(sent: Mapping[str, Any]) -> Document:
    return {**sent, "provisioningState": "Succeeded", "locations": sent.get("locations") or ["*"]}


def _check_network(world: World, write: Write) -> None:
    properties = write.merged.get("properties") or {}
    prefixes = forms.lookup(properties, "addressSpace.addressPrefixes")
    if not isinstance(prefixes, list) or not prefixes:
        message = f"Virtual network {write.target.id} must have an address space."
        raise error("InvalidRequestFormat", message)
    space = [_parsed(one, write.target.id) for one in prefixes]
    seen: dict[str, Any] = {}
    for item in named_once(properties.get("subnets"), "subnets", write.target):
        _check_subnet(write.target, str(item["name"]), item.get("properties"), space, seen)
        seen[str(item["name"])] = item["properties"]


def _fill_network(world: World, write: Write) -> Document:
    before = write.previous or {}
    read_only = ("provisioningState", "resourceGuid", "subnets", "enableVmProtection")
    sent = forms.without(write.merged.get("properties") or {}, read_only)
    defaults: Document = {"virtualNetworkPeerings": [], "enableDdosProtection": False}
    if "dhcpOptions" in sent:
        defaults["dhcpOptions"] = {"dnsServers": []}
    if write.api_version >= "2024-03-01":
        defaults["privateEndpointVNetPolicies"] = "Disabled"
    properties = forms.filled(sent, defaults)
    guid = (before.get("properties") or {}).get("resourceGuid") or forms.guid(
        "vnet", write.target.id, write.now
    )
    return enveloped(write, {"resourceGuid": guid, **properties})


def _store_network(world: World, write: Write, document: Document) -> None:
    tag = document["etag"]
    replace(world, write, "subnets", lambda child, sent: _subnet(child, sent, write.api_version, tag))


def _answer_network(world: World, document: Document, api_version: str) -> Document:
    lists = {
        field: embedded(world, document["id"], f"{NETWORKS}/{field}")
        for field in ("subnets", "virtualNetworkPeerings")
    }
    return {**document, "properties": {**document["properties"], **lists}}


def _check_child_subnet(world: World, write: Write) -> None:
    parent = write.target.parent
    assert parent is not None
    owner = records.load(world, parent.id)
    space = [_parsed(one, parent.id) for one in owner["properties"]["addressSpace"]["addressPrefixes"]]
    others = {
        one["name"]: one["properties"]
        for one in children(world, parent.id, f"{NETWORKS}/subnets")
        if one["name"].lower() != write.target.name.lower()
    }
    _check_subnet(parent, write.target.name, write.merged.get("properties"), space, others)


def _fill_subnet(world: World, write: Write) -> Document:
    tag = etag(write.target.id, write.now)
    return {
        "etag": tag,
        "properties": _subnet(write.target.id, write.merged["properties"], write.api_version, tag),
    }


def _check_peering(world: World, write: Write) -> None:
    remote = forms.lookup(write.merged, "properties.remoteVirtualNetwork.id")
    if not remote or records.get(world, remote) is None:
        message = f"Resource {remote} referenced by resource {write.target.id} was not found."
        raise error("InvalidResourceReference", message)


def _fill_peering(world: World, write: Write) -> Document:
    remote = records.load(world, write.merged["properties"]["remoteVirtualNetwork"]["id"])
    space = {"addressPrefixes": list(remote["properties"]["addressSpace"]["addressPrefixes"])}
    defaults = {
        "peeringState": "Initiated",
        "peeringSyncLevel": "RemoteNotInSync",
        "allowVirtualNetworkAccess": True,
        "allowForwardedTraffic": False,
        "allowGatewayTransit": False,
        "useRemoteGateways": False,
        "doNotVerifyRemoteGateways": False,
        "peerCompleteVnets": True,
        "remoteAddressSpace": space,
        "remoteVirtualNetworkAddressSpace": space,
        "routeServiceVips": {},
        "resourceGuid": forms.guid("peering", write.target.id),
    }
    return {
        "etag": etag(write.target.id, write.now),
        "properties": forms.filled(write.merged["properties"], defaults),
    }


KINDS = (
    Kind(
        NETWORKS,
        check=_check_network,
        fill=_fill_network,
        stored=_store_network,
        answer=_answer_network,
        **PARENT,
    ),
    Kind(f"{NETWORKS}/subnets", check=_check_child_subnet, fill=_fill_subnet, **CHILD),
    Kind(f"{NETWORKS}/virtualNetworkPeerings", check=_check_peering, fill=_fill_peering, **CHILD),
)
