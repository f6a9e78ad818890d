"""Virtual networks, subnets and security groups: one document seen from two sides."""

from __future__ import annotations

from typing import Any

import pytest
from support.arm import GROUP, Arm
from support.sandbox import Sandbox

NETWORK = "Microsoft.Network/virtualNetworks/bikes-vnet"
RULES = "Microsoft.Network/networkSecurityGroups/bikes-nsg"


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    return Arm(sandbox, "2024-05-01")


def network(*subnets: tuple[str, str], **properties: Any) -> dict[str, Any]:
    listed = [{"name": name, "properties": {"addressPrefix": prefix}} for name, prefix in subnets]
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    return {"location": "westeurope", "properties": {"addressSpace": space, "subnets": listed, **properties}}


def without_subnets() -> dict[str, Any]:
    return {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}


def names(arm: Arm) -> list[str]:
    """The subnets, when both sides agree about them."""
    inside = [one["name"] for one in arm.get(NETWORK)["properties"]["subnets"]]
    listed = [one["name"] for one in arm.call("GET", f"{NETWORK}/subnets").json()["value"]]
    assert sorted(inside) == sorted(listed)
    return inside


def rule(priority: int, direction: str = "Inbound") -> dict[str, Any]:
    ranges = {"sourcePortRange": "*", "destinationPortRange": "443"}
    addresses = {"sourceAddressPrefix": "*", "destinationAddressPrefix": "*"}
    told = {"protocol": "Tcp", "access": "Allow", "priority": priority, "direction": direction}
    return {"properties": {**told, **ranges, **addresses}}


def test_a_subnet_written_by_itself_is_in_the_networks_list(arm: Arm) -> None:
    """And the other way round; the order is that of their coming."""
    arm.put(NETWORK, network(("web", "10.0.0.0/24")))
    arm.put(f"{NETWORK}/subnets/data", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    assert names(arm) == ["web", "data"]
    assert arm.get(f"{NETWORK}/subnets/web")["properties"]["addressPrefix"] == "10.0.0.0/24"
    assert arm.call("DELETE", f"{NETWORK}/subnets/web").status_code == 202
    assert names(arm) == ["data"]
    assert arm.refused("GET", f"{NETWORK}/subnets/web") == (404, "NotFound")


def test_a_put_of_the_network_deletes_the_subnets_it_does_not_list(arm: Arm) -> None:
    """The subnet that a person added by hand goes with the next deployment."""
    arm.put(NETWORK, network(("web", "10.0.0.0/24"), ("data", "10.0.1.0/24")))
    before = arm.get(f"{NETWORK}/subnets/web")
    arm.put(NETWORK, network(("web", "10.0.0.0/24")))
    assert names(arm) == ["web"]
    assert arm.get(f"{NETWORK}/subnets/web")["id"] == before["id"]


@pytest.mark.parametrize(
    ("version", "left"), [("2023-05-01", []), ("2023-09-01", ["web"]), ("2024-05-01", ["web"])]
)
def test_a_body_without_subnets_deletes_them_only_in_old_api_versions(
    arm: Arm, version: str, left: list[str]
) -> None:
    """Azure changed this with API version 2023-09-01; an empty list still deletes."""
    arm.put(NETWORK, network(("web", "10.0.0.0/24")))
    arm.put(NETWORK, without_subnets(), version)
    assert names(arm) == left
    arm.put(NETWORK, network())
    assert names(arm) == []


def test_defaults_and_derived_fields_are_those_recorded(arm: Arm) -> None:
    """Empty lists appear, `enableVmProtection` vanishes, a delegation gains its actions, a reference is its id."""
    arm.put(RULES, {"location": "westeurope"})
    delegation = {"name": "adb", "properties": {"serviceName": "Microsoft.Databricks/workspaces"}}
    group = {"id": f"{GROUP}/providers/{RULES}", "location": "westeurope", "properties": {}}
    made = arm.put(NETWORK, network(dhcpOptions={}, enableVmProtection=False))
    assert made["properties"]["virtualNetworkPeerings"] == []
    assert made["properties"]["dhcpOptions"] == {"dnsServers": []}
    assert "enableVmProtection" not in made["properties"]
    assert made["etag"].startswith('W/"')
    sent = {"addressPrefix": "10.0.0.0/24", "delegations": [delegation], "networkSecurityGroup": group}
    subnet = arm.put(f"{NETWORK}/subnets/adb", {"properties": sent})["properties"]
    assert subnet["privateEndpointNetworkPolicies"] == "Disabled"
    assert (
        "Microsoft.Network/virtualNetworks/subnets/join/action"
        in subnet["delegations"][0]["properties"]["actions"]
    )
    assert subnet["networkSecurityGroup"] == {"id": group["id"]}
    assert arm.get(RULES)["properties"]["subnets"] == [{"id": f"{GROUP}/providers/{NETWORK}/subnets/adb"}]
    assert arm.refused("DELETE", RULES) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")


def test_writing_a_subnet_changes_the_networks_etag(arm: Arm) -> None:
    """Who compares etags sees it."""
    made = arm.put(NETWORK, network())
    arm.put(f"{NETWORK}/subnets/web", {"properties": {"addressPrefix": "10.0.0.0/24"}})
    changed = arm.get(NETWORK)
    assert changed["etag"] != made["etag"]
    assert changed["properties"]["resourceGuid"] == made["properties"]["resourceGuid"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (NETWORK, network(("web", "10.0.0.0/24--x")), "InvalidAddressPrefixFormat"),
        (NETWORK, network(("web", "192.168.0.0/24")), "NetcfgInvalidSubnet"),
        (NETWORK, network(("web", "10.0.0.0/24"), ("data", "10.0.0.128/25")), "NetcfgSubnetRangesOverlap"),
        (NETWORK, network(("web", "10.0.0.0/24"), ("WEB", "10.0.1.0/24")), "DuplicateResourceName"),
        (
            f"{NETWORK}/subnets/two",
            {"properties": {"addressPrefix": "10.0.9.0/25"}},
            "NetcfgSubnetRangesOverlap",
        ),
        (f"{NETWORK}/subnets/two", {"properties": {}}, "NoAddressPrefixOrPoolProvided"),
    ],
)
def test_address_ranges_must_fit(arm: Arm, path: str, body: dict[str, Any], code: str) -> None:
    """Nothing is written when one subnet is wrong."""
    arm.put(NETWORK, network(("one", "10.0.9.0/24")))
    assert arm.refused("PUT", path, body) == (400, code)
    assert names(arm) == ["one"]


def test_rules_are_seen_from_both_sides_and_six_come_by_default(arm: Arm) -> None:
    """The same as subnets; two rules cannot share priority and direction."""
    made = arm.put(RULES, {"location": "westeurope"})
    assert len(made["properties"]["defaultSecurityRules"]) == 6
    arm.put(f"{RULES}/securityRules/https", rule(100))
    assert [one["name"] for one in arm.get(RULES)["properties"]["securityRules"]] == ["https"]
    assert arm.get(f"{RULES}/securityRules/https")["properties"]["sourceAddressPrefixes"] == []
    assert arm.refused("PUT", f"{RULES}/securityRules/two", rule(100)) == (400, "SecurityRuleConflict")
    assert arm.refused("PUT", f"{RULES}/securityRules/two", rule(99)) == (400, "SecurityRuleInvalidPriority")
    arm.put(f"{RULES}/securityRules/two", rule(100, "Outbound"))
    listed = [{"name": "only", **rule(200)}]
    arm.put(RULES, {"location": "westeurope", "properties": {"securityRules": listed}})
    assert [one["name"] for one in arm.get(RULES)["properties"]["securityRules"]] == ["only"]
    assert arm.refused("GET", f"{RULES}/securityRules/https") == (404, "NotFound")


def test_a_deleted_network_takes_its_subnets_along(arm: Arm) -> None:
    """A later network of the same name has none of them."""
    arm.put(NETWORK, network(("web", "10.0.0.0/24")))
    arm.call("DELETE", NETWORK)
    assert arm.refused("GET", f"{NETWORK}/subnets/web") == (404, "ParentResourceNotFound")
    arm.put(NETWORK, without_subnets())
    assert names(arm) == []
