"""Integration runtimes: managed, self-hosted, linked."""

from __future__ import annotations

import pytest
from azure.identity import DefaultAzureCredential
from azure.mgmt.datafactory import DataFactoryManagementClient
from support.adf import LINKED_SERVICE, NAME, Factory, reference
from support.arm import GROUP, SUBSCRIPTION, Arm
from support.sandbox import Sandbox

SSIS = {
    "type": "Managed",
    "typeProperties": {
        "computeProperties": {"location": "West Europe"},
        "ssisProperties": {"edition": "Standard"},
    },
}
SHARED = "Microsoft.DataFactory/factories/shared-adf"
READER = (
    "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"  # Contributor
)


@pytest.fixture
def factory(sandbox: Sandbox) -> Factory:
    return Factory(Arm(sandbox, "2018-06-01"))


def test_a_runtime_keeps_its_type(factory: Factory) -> None:
    """Stages of a factory that differ in it cannot be deployed over one another."""
    factory.put("integrationRuntimes/runtime", {"type": "SelfHosted"})
    words = "Updating property type is not supported."
    found = factory.refused("integrationRuntimes/runtime", {"type": "Managed"})
    assert found == (400, "DataFactoryPropertyUpdateNotSupported", words)


def test_a_self_hosted_one_has_keys_and_waits_for_a_node(factory: Factory) -> None:
    """Two keys, each renewed alone; the status is that of one without nodes."""
    client = DataFactoryManagementClient(DefaultAzureCredential(), SUBSCRIPTION).integration_runtimes
    factory.put("integrationRuntimes/runtime", {"type": "SelfHosted"})
    before = client.list_auth_keys("bikes", NAME, "runtime")
    assert before.auth_key1 is not None
    assert before.auth_key1.startswith("IR@")
    client.regenerate_auth_key("bikes", NAME, "runtime", {"keyName": "authKey2"})
    after = client.list_auth_keys("bikes", NAME, "runtime")
    assert (after.auth_key1 == before.auth_key1, after.auth_key2 == before.auth_key2) == (True, False)
    status = client.get_status("bikes", NAME, "runtime")
    assert status.properties is not None
    assert status.properties.state == "NeedRegistration"
    changed = client.update("bikes", NAME, "runtime", {"autoUpdate": "Off"})
    assert changed.name == "runtime"
    shown = factory.post("integrationRuntimes/runtime/getStatus")["properties"]["typeProperties"]
    assert shown["autoUpdate"] == "Off"


def test_only_a_runtime_with_nodes_starts(factory: Factory) -> None:
    """Long operations with two addresses to ask at, as recorded."""
    client = DataFactoryManagementClient(DefaultAzureCredential(), SUBSCRIPTION).integration_runtimes
    assert factory.put("integrationRuntimes/plain", {"type": "Managed"})["properties"]["state"] == "Online"
    assert factory.refusal("POST", "integrationRuntimes/plain/start")[:2] == (400, "BadRequest")
    assert factory.refusal("POST", "integrationRuntimes/plain/listAuthKeys")[0] == 400
    assert factory.put("integrationRuntimes/ssis", SSIS)["properties"]["state"] == "Initial"
    factory.arm.sandbox.fault("slow-operation", match={"path": "*/start"}, seconds=60)
    poller = client.begin_start("bikes", NAME, "ssis", polling_interval=0)
    assert factory.get("integrationRuntimes/ssis")["properties"]["state"] == "Starting"
    factory.arm.sandbox.advance("PT61S")
    assert poller.result().properties.state == "Started"
    assert factory.refusal("DELETE", "integrationRuntimes/ssis")[0] == 400
    client.begin_stop("bikes", NAME, "ssis", polling_interval=0).result()
    assert factory.get("integrationRuntimes/ssis")["properties"]["state"] == "Stopped"
    assert factory.call("DELETE", "integrationRuntimes/ssis").status_code == 200


def test_a_runtime_in_use_cannot_be_deleted(factory: Factory) -> None:
    """By a linked service that connects via it."""
    factory.put("integrationRuntimes/runtime", {"type": "SelfHosted"})
    via = {**LINKED_SERVICE, "connectVia": reference("IntegrationRuntime", "runtime")}
    factory.put("linkedservices/store", via)
    assert "referenced by store." in factory.refusal("DELETE", "integrationRuntimes/runtime")[2]


def test_a_shared_runtime_must_be_there_and_shared(factory: Factory) -> None:
    """Linking takes a role of the factory's identity on the runtime of the other factory."""
    arm = factory.arm
    identified = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    principal = factory.call("PUT", "", identified).json()["identity"]["principalId"]
    shared = f"{GROUP}/providers/{SHARED}/integrationRuntimes/shared"
    linked = {
        "type": "SelfHosted",
        "typeProperties": {"linkedInfo": {"authorizationType": "RBAC", "resourceId": shared}},
    }
    denied = (403, "AccessDeniedToSharedIntegrationRuntime")
    assert factory.refused("integrationRuntimes/linked", linked)[:2] == denied
    arm.call("PUT", SHARED, {"location": "westeurope"})
    arm.call("PUT", f"{SHARED}/integrationRuntimes/shared", {"properties": {"type": "SelfHosted"}})
    assert factory.refused("integrationRuntimes/linked", linked)[:2] == denied
    name = "00000000-0000-0000-0000-0000000000aa"
    assignment = {
        "properties": {
            "roleDefinitionId": READER,
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }
    }
    place = f"{shared}/providers/Microsoft.Authorization/roleAssignments/{name}"
    assert arm.call("PUT", place, assignment, "2022-04-01").status_code == 201
    factory.put("integrationRuntimes/linked", linked)
    assert factory.refusal("POST", "integrationRuntimes/linked/listAuthKeys")[0] == 400
    half = {"type": "SelfHosted", "typeProperties": {"linkedInfo": {"authorizationType": "RBAC"}}}
    assert factory.refused("integrationRuntimes/other", half)[:2] == (400, "BadRequest")


def test_a_shared_runtime_elsewhere_is_taken_as_there(factory: Factory) -> None:
    """In a subscription that the sandbox does not play."""
    foreign = (
        "/subscriptions/11111111-0000-0000-0000-000000000000/resourcegroups/g/providers/"
        "Microsoft.DataFactory/factories/f/integrationruntimes/shared"
    )
    link = {"authorizationType": "Rbac", "resourceId": foreign}
    factory.put("integrationRuntimes/linked", {"type": "SelfHosted", "typeProperties": {"linkedInfo": link}})
