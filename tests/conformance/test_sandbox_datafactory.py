"""Data factories through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory.models import (
    AzureBlobStorageLinkedService,
    Factory,
    FactoryIdentity,
    FactoryRepoUpdate,
    FactoryVSTSConfiguration,
    GlobalParameterSpecification,
)
from support.arm import GROUP, SUBSCRIPTION, TENANT, Arm
from support.sandbox import Sandbox

FACTORY = "Microsoft.DataFactory/factories/bikes-adf"
REPO: dict[str, Any] = {
    "account_name": "contoso",
    "repository_name": "bikes",
    "project_name": "bikes",
    "collaboration_branch": "main",
    "root_folder": "/",
}


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    return Arm(sandbox, "2018-06-01")


@pytest.fixture
def client(arm: Arm) -> DataFactoryManagementClient:
    return DataFactoryManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


def factory(**fields: Any) -> Factory:
    return Factory(location="West Europe", identity=FactoryIdentity(type="SystemAssigned"), **fields)


def test_a_factory_gains_an_identity_and_a_quoted_etag(client: DataFactoryManagementClient) -> None:
    """Its tag has quotes inside, its location comes back as it was sent, its principal stays."""
    made = client.factories.create_or_update("bikes", "bikes-adf", factory())
    assert made.identity is not None
    assert made.identity.tenant_id == TENANT
    assert made.e_tag is not None
    assert made.e_tag.startswith('"')
    assert (made.location, made.provisioning_state) == ("West Europe", "Succeeded")
    again = client.factories.create_or_update("bikes", "bikes-adf", factory(tags={"team": "data"}))
    assert again.identity is not None
    assert again.identity.principal_id == made.identity.principal_id
    assert (again.create_time, again.e_tag != made.e_tag) == (made.create_time, True)


def test_only_a_get_answers_statistics(arm: Arm) -> None:
    """The PUT's own answer differs from the next GET: a baseline must be read, not taken from the answer."""
    put = arm.call("PUT", FACTORY, {"location": "westeurope"}).json()
    assert "factoryStatistics" not in put["properties"]
    assert arm.get(FACTORY)["properties"]["factoryStatistics"]["totalResourceCount"] == 0
    listed = arm.call("GET", "Microsoft.DataFactory/factories").json()["value"]
    assert "factoryStatistics" not in listed[0]["properties"]


def test_a_put_wipes_git_link_and_global_parameters(client: DataFactoryManagementClient) -> None:
    """What ADF Studio set is lost to a template that does not name it."""
    parameter = GlobalParameterSpecification(type="String", value="north")
    client.factories.create_or_update("bikes", "bikes-adf", factory(global_parameters={"region": parameter}))
    update = FactoryRepoUpdate(
        factory_resource_id=f"{GROUP}/providers/{FACTORY}",
        repo_configuration=FactoryVSTSConfiguration(**REPO),
    )
    linked = client.factories.configure_factory_repo("westeurope", update)
    assert linked.repo_configuration is not None
    assert linked.repo_configuration.repository_name == "bikes"
    assert linked.global_parameters, "linking to Git leaves the rest"
    wiped = client.factories.create_or_update("bikes", "bikes-adf", factory())
    assert (wiped.repo_configuration, wiped.global_parameters) == (None, None)


def test_a_patch_leaves_what_it_does_not_name(arm: Arm) -> None:
    """PATCH takes tags and identity."""
    arm.call("PUT", FACTORY, {"location": "westeurope", "properties": {"publicNetworkAccess": "Disabled"}})
    patched = arm.call("PATCH", FACTORY, {"tags": {"team": "data"}}).json()
    assert (patched["tags"], patched["properties"]["publicNetworkAccess"]) == ({"team": "data"}, "Disabled")


@pytest.mark.parametrize("name", ["-adf", "adf--one", "ad", "adf_one", "a" * 64])
def test_a_bad_name_is_refused(arm: Arm, name: str) -> None:
    """3 to 63 letters, digits and single hyphens."""
    path = f"Microsoft.DataFactory/factories/{name}"
    assert arm.refused("PUT", path, {"location": "westeurope"}) == (400, "InvalidResourceName")


def test_names_are_unique_in_all_azure(arm: Arm) -> None:
    """A factory's name is part of its address."""
    arm.call("PUT", FACTORY, {"location": "westeurope"})
    other = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other"
    arm.call("PUT", other, {"location": "westeurope"}, "2024-07-01")
    refused = arm.refused("PUT", f"{other}/providers/{FACTORY}", {"location": "westeurope"})
    assert refused == (409, "DataFactoryNameInUse")


def test_secrets_of_linked_services_come_back_masked(client: DataFactoryManagementClient) -> None:
    """A SecureString as stars, with an encrypted credential beside it."""
    client.factories.create_or_update("bikes", "bikes-adf", factory())
    secret = {
        "type": "SecureString",
        "value": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=t0p==",
    }
    sent = {"properties": {"type": "AzureBlobStorage", "typeProperties": {"connectionString": secret}}}
    client.linked_services.create_or_update("bikes", "bikes-adf", "blob", sent)
    found = client.linked_services.get("bikes", "bikes-adf", "blob")
    assert found is not None
    assert isinstance(found.properties, AzureBlobStorageLinkedService)
    assert found.properties.connection_string == {"type": "SecureString", "value": "**********"}
    assert found.properties.encrypted_credential
    assert found.etag is not None
    assert not found.etag.startswith('"')


def test_a_plain_connection_string_loses_its_key_alone(arm: Arm) -> None:
    """The third way in which a secret comes back."""
    arm.call("PUT", FACTORY, {"location": "westeurope"})
    text = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=t0p==;EndpointSuffix=core.windows.net"
    body = {"properties": {"type": "AzureBlobStorage", "typeProperties": {"connectionString": text}}}
    arm.call("PUT", f"{FACTORY}/linkedservices/blob", body)
    found = arm.get(f"{FACTORY}/linkedservices/blob")["properties"]["typeProperties"]["connectionString"]
    assert found == "DefaultEndpointsProtocol=https;AccountName=a;EndpointSuffix=core.windows.net"


def test_objects_need_a_factory_and_are_missed_in_its_own_words(arm: Arm) -> None:
    """404 of a child is the factory's, with a target; without a factory it is ARM's."""
    pipeline = f"{FACTORY}/pipelines/score"
    body = {"properties": {"activities": []}}
    assert arm.refused("PUT", pipeline, body) == (404, "ParentResourceNotFound")
    arm.call("PUT", FACTORY, {"location": "westeurope"})
    untyped = {"properties": {"typeProperties": {}}}
    assert arm.refused("PUT", f"{FACTORY}/linkedservices/blob", untyped) == (400, "BadRequest")
    answer = arm.call("GET", pipeline)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")
    assert answer.json()["error"]["target"].endswith("/pipelines/score")
    arm.call("PUT", pipeline, body)
    assert "lastPublishTime" in arm.get(pipeline)["properties"]


def test_a_started_trigger_is_neither_changed_nor_deleted(
    client: DataFactoryManagementClient, arm: Arm
) -> None:
    """It must be stopped first."""
    client.factories.create_or_update("bikes", "bikes-adf", factory())
    place = f"{FACTORY}/triggers/hourly"
    arm.call("PUT", f"{FACTORY}/pipelines/score", {"properties": {"activities": []}})
    started = {"pipelineReference": {"type": "PipelineReference", "referenceName": "score"}}
    body = {
        "properties": {
            "type": "ScheduleTrigger",
            "pipelines": [started],
            "typeProperties": {"recurrence": {"frequency": "Hour"}},
        }
    }
    assert arm.call("PUT", place, body).json()["properties"]["runtimeState"] == "Stopped"
    client.triggers.begin_start("bikes", "bikes-adf", "hourly", polling_interval=0).result()
    assert arm.get(place)["properties"]["runtimeState"] == "Started"
    assert arm.refused("PUT", place, body) == (400, "TriggerEnabledCannotUpdate")
    with pytest.raises(HttpResponseError):
        client.triggers.delete("bikes", "bikes-adf", "hourly")
    client.triggers.begin_stop("bikes", "bikes-adf", "hourly", polling_interval=0).result()
    client.triggers.delete("bikes", "bikes-adf", "hourly")


def test_a_deleted_factory_is_gone_with_its_objects(client: DataFactoryManagementClient, arm: Arm) -> None:
    """A new one of the same name is empty and has another principal."""
    first = client.factories.create_or_update("bikes", "bikes-adf", factory())
    arm.call("PUT", f"{FACTORY}/pipelines/score", {"properties": {"activities": []}})
    client.factories.delete("bikes", "bikes-adf")
    arm.sandbox.advance("PT1S")
    second = client.factories.create_or_update("bikes", "bikes-adf", factory())
    assert list(client.pipelines.list_by_factory("bikes", "bikes-adf")) == []
    assert first.identity is not None
    assert second.identity is not None
    assert first.identity.principal_id != second.identity.principal_id
