"""Databricks workspaces and access connectors as the resource manager answers them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from support.arm import GROUP, SUBSCRIPTION, Arm
from support.sandbox import Sandbox

WORKSPACE = "Microsoft.Databricks/workspaces/bikes-adb"
CONNECTOR = "Microsoft.Databricks/accessConnectors/bikes-ac"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/bikes-id"
MANAGED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikes-managed"
BODY: dict[str, Any] = {
    "location": "westeurope",
    "sku": {"name": "Premium"},
    "properties": {"managedResourceGroupId": MANAGED, "parameters": {"enableNoPublicIp": {"value": False}}},
}


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    return Arm(sandbox, "2024-05-01")


def changed(**properties: Any) -> dict[str, Any]:
    return {**BODY, "properties": {**BODY["properties"], **properties}}


def test_the_address_is_known_when_the_creation_has_ended(arm: Arm, sandbox: Sandbox) -> None:
    """201 with an operation; neither address nor parameters in it, nor in a GET meanwhile."""
    sandbox.fault("slow-operation", seconds=300, times=1)
    answer = arm.call("PUT", WORKSPACE, BODY)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Accepted")
    assert "Azure-AsyncOperation" in answer.headers
    for body in (answer.json(), arm.get(WORKSPACE)):
        assert not {"workspaceUrl", "workspaceId", "parameters"} & body["properties"].keys()
    sandbox.advance("PT6M")
    done = arm.get(WORKSPACE)["properties"]
    assert done["provisioningState"] == "Succeeded"
    assert re.fullmatch(rf"adb-{done['workspaceId']}\.\d{{1,2}}\.azuredatabricks\.net", done["workspaceUrl"])


def test_every_parameter_gains_a_type_and_some_arrive_by_default(arm: Arm) -> None:
    """What was sent keeps its value."""
    parameters = arm.put(WORKSPACE, BODY)["properties"]["parameters"]
    assert parameters["enableNoPublicIp"] == {"type": "Bool", "value": False}
    assert parameters["vnetAddressPrefix"] == {"type": "String", "value": "10.139"}
    assert parameters["resourceTags"]["type"] == "Object"
    assert parameters["storageAccountName"]["value"].startswith("dbstorage")


def test_an_update_keeps_what_the_service_made(arm: Arm) -> None:
    """Address, id and storage account stay; tags are replaced."""
    made = arm.put(WORKSPACE, {**BODY, "tags": {"team": "data"}})
    again = arm.put(WORKSPACE, BODY)
    assert "tags" not in again
    for key in ("workspaceUrl", "workspaceId", "createdDateTime"):
        assert again["properties"][key] == made["properties"][key]
    name = made["properties"]["parameters"]["storageAccountName"]
    assert again["properties"]["parameters"]["storageAccountName"] == name


def test_a_default_key_source_drops_the_key(arm: Arm) -> None:
    """Recorded: with `keySource: Default` the key fields vanish."""
    key = {
        "keySource": "Default",
        "keyvaulturi": "https://x.vault.azure.net/",
        "KeyName": "k",
        "keyversion": "1",
    }
    made = arm.put(WORKSPACE, changed(parameters={"encryption": {"value": key}}))
    assert made["properties"]["parameters"]["encryption"]["value"] == {"keySource": "Default"}


def test_the_managed_group_lives_and_dies_with_the_workspace(arm: Arm) -> None:
    """It says by whom it is managed; a group that exists already cannot become one."""
    arm.put(WORKSPACE, BODY)
    group = arm.sdk.resource_groups.get("bikes-managed")
    assert group.managed_by is not None
    assert group.managed_by.endswith(WORKSPACE)
    answer = arm.call("DELETE", WORKSPACE)
    assert (answer.status_code, "Location" in answer.headers) == (202, True)
    assert arm.refused("GET", WORKSPACE) == (404, "ResourceNotFound")
    with pytest.raises(ResourceNotFoundError):
        arm.sdk.resource_groups.get("bikes-managed")
    taken = changed(managedResourceGroupId=GROUP)
    assert arm.refused("PUT", WORKSPACE, taken) == (409, "ApplianceProvisioningFailed")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"properties": {}}, (400, "InvalidRequestContent")),
        ({"properties": {"managedResourceGroupId": "bikes-managed"}}, (400, "InvalidRequestContent")),
        ({"sku": {"name": "gold"}}, (400, "InvalidSku")),
        ({"location": None}, (400, "LocationRequired")),
    ],
)
def test_what_the_service_refuses(arm: Arm, change: dict[str, Any], expected: tuple[int, str]) -> None:
    """A workspace without a managed group does not come into being."""
    body = {key: value for key, value in {**BODY, **change}.items() if value is not None}
    assert arm.refused("PUT", WORKSPACE, body) == expected


def test_the_managed_group_cannot_change(arm: Arm) -> None:
    """ApplianceManagedResourceGroupMismatch, in Azure's words."""
    arm.put(WORKSPACE, BODY)
    other = changed(managedResourceGroupId=f"{MANAGED}-2")
    assert arm.refused("PUT", WORKSPACE, other) == (400, "ApplianceManagedResourceGroupMismatch")


def test_a_failed_creation_shows_failed(arm: Arm, sandbox: Sandbox) -> None:
    """What a client polls and what a later GET says agree."""
    sandbox.fault("fail-operation", times=1)
    answer = arm.call("PUT", WORKSPACE, BODY)
    poll = answer.headers["Azure-AsyncOperation"].removeprefix("https://management.azure.com").split("?")[0]
    assert arm.call("GET", poll).json()["status"] == "Failed"
    assert arm.get(WORKSPACE)["properties"]["provisioningState"] == "Failed"


def test_a_connector_takes_identities_of_both_kinds(arm: Arm) -> None:
    """One that does not exist is refused; ids of the assigned ones are filled in; None takes them away."""
    assigned = {"type": "UserAssigned", "userAssignedIdentities": {f"{GROUP}/providers/{IDENTITY}": {}}}
    body = {"location": "westeurope", "identity": assigned}
    assert arm.refused("PUT", CONNECTOR, body) == (400, "FailedIdentityOperation")
    # Not through the SDK: it follows the recorded Location, which has no api-version.
    own = arm.call("PUT", IDENTITY, {"location": "westeurope"}, "2023-01-31").json()["properties"]
    made = arm.put(CONNECTOR, {**body, "identity": {**assigned, "type": "SystemAssigned,UserAssigned"}})[
        "identity"
    ]
    assert made["type"] == "SystemAssigned, UserAssigned"
    filled = next(iter(made["userAssignedIdentities"].values()))
    assert filled == {"principalId": own["principalId"], "clientId": own["clientId"]}
    assert made["principalId"] != own["principalId"]
    gone = arm.put(CONNECTOR, {"location": "westeurope", "identity": {"type": "None"}})["identity"]
    assert gone == {"type": "None"}
