"""The objects of a factory: what is refused, what comes back, lists by pages, conditions on etags."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotModifiedError
from azure.identity import DefaultAzureCredential
from azure.mgmt.datafactory import DataFactoryManagementClient
from support.adf import LINKED_SERVICE, NAME, Factory, dataset, reference, wait
from support.arm import ARM, GROUP, SUBSCRIPTION, Arm
from support.sandbox import Sandbox

SECRET = {"type": "SecureString", "value": "t0p"}


@pytest.fixture
def factory(sandbox: Sandbox) -> Factory:
    return Factory(Arm(sandbox, "2018-06-01"))


@pytest.fixture
def client(factory: Factory) -> DataFactoryManagementClient:
    return DataFactoryManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


# References ------------------------------------------------------------------------------------------

DANGLING: dict[str, dict[str, Any]] = {
    "datasets/d": dataset("absent"),
    "linkedservices/l": {**LINKED_SERVICE, "connectVia": reference("IntegrationRuntime", "absent")},
    "pipelines/p": {
        "activities": [
            {
                "name": "if",
                "type": "IfCondition",
                "typeProperties": {
                    "ifTrueActivities": [
                        {
                            "name": "inner",
                            "type": "ExecutePipeline",
                            "typeProperties": {"pipeline": reference("Pipeline", "absent")},
                        }
                    ]
                },
            }
        ]
    },
    "dataflows/f": {
        "type": "MappingDataFlow",
        "typeProperties": {"sources": [{"name": "s", "flowlet": reference("DataFlow", "absent")}]},
    },
    "triggers/t": {
        "type": "ScheduleTrigger",
        "pipelines": [{"pipelineReference": reference("Pipeline", "absent")}],
    },
    "linkedservices/c": {
        **LINKED_SERVICE,
        "typeProperties": {"credential": reference("Credential", "absent")},
    },
    "integrationRuntimes/runtime": {
        "type": "Managed",
        "managedVirtualNetwork": reference("ManagedVirtualNetwork", "absent"),
    },
}


@pytest.mark.parametrize("path", DANGLING)
def test_a_reference_to_something_absent_is_refused(factory: Factory, path: str) -> None:
    """An order of deployment that is wrong must fail here as it does in Azure."""
    found = factory.refused(path, DANGLING[path])
    words = "The document creation or update failed because of invalid reference 'absent'."
    assert found == (400, "BadRequest", words)
    assert factory.call("GET", path).status_code == 404


def test_references_disregard_case_and_know_the_built_in_runtime(factory: Factory) -> None:
    """Names are unique without regard to case; AutoResolveIntegrationRuntime is never made."""
    runtime = reference("IntegrationRuntime", "AutoResolveIntegrationRuntime")
    factory.put("linkedservices/Store", {**LINKED_SERVICE, "connectVia": runtime})
    factory.put("datasets/d", dataset("STORE"))
    assert factory.refusal("DELETE", "linkedservices/store")[:2] == (400, "BadRequest")


def test_what_others_refer_to_cannot_be_deleted(factory: Factory) -> None:
    """Deletions go against the references; the last holder gone, it can go."""
    factory.put("linkedservices/store", LINKED_SERVICE)
    factory.put("datasets/files", dataset("store"))
    found = factory.refusal("DELETE", "linkedservices/store")
    words = "The document cannot be deleted since it is referenced by files."
    assert found == (400, "BadRequest", words)
    factory.put("linkedservices/other", LINKED_SERVICE)
    factory.put("datasets/files", dataset("other"))
    assert factory.call("DELETE", "linkedservices/store").status_code == 200
    assert factory.call("DELETE", "datasets/files").status_code == 200
    assert factory.call("DELETE", "linkedservices/other").status_code == 200
    assert factory.call("DELETE", "linkedservices/other").status_code == 204


def test_an_error_names_the_object_as_the_service_does(factory: Factory) -> None:
    """`target` is the id, with `details: null` beside it (recorded)."""
    error = factory.call("PUT", "datasets/d", {"properties": dataset("absent")}).json()["error"]
    target = f"{GROUP}/providers/Microsoft.DataFactory/factories/{NAME}/datasets/d"
    assert (error["target"], error["details"]) == (target, None)


def test_a_deployment_meets_the_same_rules(factory: Factory) -> None:
    """What a template makes itself is not missed in preflight; what nobody makes fails the deployment."""

    def template(types: dict[str, Any], *waits_for: str) -> dict[str, Any]:
        resources = [
            {
                "type": f"Microsoft.DataFactory/factories/{path.split('/')[0]}",
                "apiVersion": "2018-06-01",
                "name": f"{NAME}/{path.split('/')[1]}",
                "properties": properties,
                "dependsOn": list(waits_for) if path.startswith("datasets") else [],
            }
            for path, properties in types.items()
        ]
        schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
        content = {"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources}
        return {"properties": {"mode": "Incremental", "template": content}}

    place = f"{GROUP}/providers/Microsoft.Resources/deployments/adf"
    types = {"linkedservices/store": LINKED_SERVICE, "datasets/files": dataset("store")}

    def deployed() -> dict[str, Any]:
        found: dict[str, Any] = factory.arm.call("GET", place, version="2021-04-01").json()["properties"]
        return found

    waits_for = f"[resourceId('Microsoft.DataFactory/factories/linkedservices', '{NAME}', 'store')]"
    answer = factory.arm.call("PUT", place, template(types, waits_for), "2021-04-01")
    assert answer.status_code in (200, 201), answer.text
    assert deployed()["provisioningState"] == "Succeeded"
    assert factory.get("datasets/files")["properties"]["type"] == "Binary"
    factory.arm.call("PUT", place, template({"datasets/more": dataset("absent")}), "2021-04-01")
    failed = deployed()
    assert (failed["provisioningState"], failed["error"]["code"]) == ("Failed", "DeploymentFailed")
    assert "invalid reference 'absent'" in str(failed["error"]["details"])


# Names, sizes, required fields -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["pipelines/a.b", "pipelines/-a", "datasets/" + "d" * 261, "integrationRuntimes/ir", "credentials/a b"],
)
def test_a_bad_name_is_refused(factory: Factory, path: str) -> None:
    """The patterns of the REST specification."""
    assert factory.refused(path, {"type": "Managed", "activities": []})[:2] == (400, "BadRequest")


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("linkedservices/l", {"typeProperties": {}}),
        ("datasets/d", {"type": "Binary"}),
        ("triggers/t", {"type": "NoSuchTrigger"}),
        ("integrationRuntimes/runtime", {"type": "Linked"}),
        ("pipelines/p", {"activities": [{"type": "Wait"}]}),
        ("pipelines/p", {"activities": [wait(f"w{n}", 1) for n in range(121)]}),
        ("pipelines/p", {"description": "x" * 205_000, "activities": []}),
        ("linkedservices/l", {**LINKED_SERVICE, "description": "x" * 103_000}),
        ("pipelines/p", None),
    ],
)
def test_a_body_that_lacks_or_exceeds_something_is_refused(
    factory: Factory, path: str, properties: Any
) -> None:
    """What is required, 120 activities, 200 KB a pipeline, 100 KB a linked service."""
    assert factory.refused(path, properties)[:2] == (400, "BadRequest")


def test_activities_inside_of_others_count(factory: Factory) -> None:
    """The limit of 120 includes the inner ones, at any depth."""
    inner = {"activities": [wait(f"w{n}", 1) for n in range(119)]}
    loop = {"name": "loop", "type": "ForEach", "typeProperties": inner}
    case = {"name": "if", "type": "IfCondition", "typeProperties": {"ifFalseActivities": [loop]}}
    assert "121 activities" in factory.refused("pipelines/p", {"activities": [case]})[2]


def test_only_factories_and_runtimes_take_a_patch(factory: Factory) -> None:
    """The REST API has no PATCH of other objects."""
    factory.put("linkedservices/l", LINKED_SERVICE)
    assert factory.refusal("PATCH", "linkedservices/l", {"properties": {}})[0] == 405


def test_what_has_no_rules_is_not_kept(factory: Factory) -> None:
    """Change data capture, debug sessions, GitHub tokens: 501, never an empty success."""
    assert factory.refused("adfcdcs/c", {})[0] == 501
    for action in ("getGitHubAccessToken", "createDataFlowDebugSession", "queryTriggerRuns"):
        assert factory.refusal("POST", action, {})[:2] == (501, "NotImplemented")


# What comes back -------------------------------------------------------------------------------------


def test_secrets_come_back_in_three_ways(factory: Factory) -> None:
    """Stars; not at all beside an encryptedCredential; a plain connection string without its key."""
    stars = factory.put(
        "linkedservices/a", {"type": "AzureSqlDatabase", "typeProperties": {"password": SECRET}}
    )
    own = stars["properties"]["typeProperties"]
    assert (own["password"]["value"], bool(own["encryptedCredential"])) == ("**********", True)
    typed = {"url": "https://a", "servicePrincipalKey": SECRET}
    gone = factory.put("linkedservices/b", {"type": "AzureBlobFS", "typeProperties": typed})
    assert set(gone["properties"]["typeProperties"]) == {"url", "encryptedCredential"}
    text = {"connectionString": "AccountName=a;AccountKey=t0p==;EndpointSuffix=b"}
    plain = factory.put("linkedservices/c", {"type": "AzureBlobStorage", "typeProperties": text})
    assert plain["properties"]["typeProperties"]["connectionString"] == "AccountName=a;EndpointSuffix=b"
    assert "t0p" not in str([one.json() for one in [factory.call("GET", "linkedservices")]])


def test_an_encrypted_credential_that_is_sent_back_stays(factory: Factory) -> None:
    """Recorded: a linked service that is read, changed and written keeps its secret."""
    sent = {"type": "AzureStorage", "typeProperties": {"connectionString": SECRET}}
    first = factory.put("linkedservices/a", sent)["properties"]
    again = factory.put("linkedservices/a", {**first, "description": "x"})["properties"]
    assert again["typeProperties"] == first["typeProperties"]
    renewed = factory.put("linkedservices/a", sent)["properties"]
    assert renewed["typeProperties"]["encryptedCredential"] != first["typeProperties"]["encryptedCredential"]


def test_a_parameter_of_type_secure_string_is_no_secret(factory: Factory) -> None:
    """A pipeline's parameter declares its type and has no value."""
    parameters = {"token": {"type": "SecureString", "defaultValue": "x"}}
    kept = factory.put("pipelines/p", {"activities": [], "parameters": parameters})
    assert kept["properties"]["parameters"] == parameters


def test_ids_of_runtimes_networks_and_endpoints_are_lower_case(factory: Factory) -> None:
    """Recorded; other types keep theirs."""
    factory.put("integrationRuntimes/Shared-IR", {"type": "SelfHosted"})
    factory.put("managedVirtualNetworks/default", {})
    endpoint = {"privateLinkResourceId": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a"}
    path = "managedVirtualNetworks/default/managedPrivateEndpoints/blob"
    factory.put(path, {**endpoint, "groupId": "blob"})
    found = factory.get(path)
    assert found["id"].endswith("/managedvirtualnetworks/default/managedprivateendpoints/blob")
    assert found["type"] == "Microsoft.DataFactory/factories/managedvirtualnetworks/managedprivateendpoints"
    runtime = factory.get("integrationRuntimes/shared-ir")
    assert runtime["id"].endswith("/integrationruntimes/Shared-IR")
    assert runtime["type"] == "Microsoft.DataFactory/factories/integrationruntimes"
    factory.put("linkedservices/l", LINKED_SERVICE)
    assert factory.get("linkedservices/l")["type"] == "Microsoft.DataFactory/factories/linkedservices"


def test_lists_have_pages_of_fifty(factory: Factory, client: DataFactoryManagementClient) -> None:
    """A client that forgets `nextLink` misses what follows."""
    for number in range(120):
        factory.put(f"pipelines/p{number:03}", {"activities": []})
    first = factory.call("GET", "pipelines").json()
    assert (len(first["value"]), first["nextLink"].startswith(ARM)) == (50, True)
    found = [one.name for one in client.pipelines.list_by_factory("bikes", NAME)]
    assert found == [f"p{number:03}" for number in range(120)]
    assert len([one for one in factory.arm.sandbox.journal() if one["path"].endswith("/pipelines")]) == 4


def test_lists_are_late_and_rules_are_not(sandbox_lag: Sandbox) -> None:
    """With lag a list shows what was there a while ago; a reference is checked against what is there."""
    factory = Factory(Arm(sandbox_lag, "2018-06-01"))
    sandbox_lag.advance("PT1M")
    factory.put("linkedservices/store", LINKED_SERVICE)
    factory.put("datasets/files", dataset("store"))
    assert factory.call("GET", "datasets").json() == {"value": []}
    sandbox_lag.advance("PT1M")
    assert [one["name"] for one in factory.call("GET", "datasets").json()["value"]] == ["files"]


# Conditions ------------------------------------------------------------------------------------------


def test_a_write_with_an_old_etag_is_refused(factory: Factory, client: DataFactoryManagementClient) -> None:
    """If-Match guards against a change by others; `*` asks for any version, but for one."""
    factory.put("linkedservices/l", LINKED_SERVICE)
    tag = factory.get("linkedservices/l")["etag"]
    body = {"properties": LINKED_SERVICE}
    condition = MatchConditions.IfNotModified
    writer = client.linked_services.create_or_update
    changed = writer("bikes", NAME, "l", body, etag=tag, match_condition=condition)
    assert changed.etag != tag
    with pytest.raises(ResourceModifiedError) as caught:
        writer("bikes", NAME, "l", body, etag=tag, match_condition=condition)
    assert caught.value.status_code == 412
    with pytest.raises(HttpResponseError):
        writer("bikes", NAME, "none", body, match_condition=MatchConditions.IfPresent)
    with pytest.raises(HttpResponseError):
        writer("bikes", NAME, "l", body, match_condition=MatchConditions.IfMissing)


def test_a_read_with_the_current_etag_is_not_modified(
    factory: Factory, client: DataFactoryManagementClient
) -> None:
    """304, for a factory's quoted tag too."""
    factory.put("linkedservices/l", LINKED_SERVICE)
    changed = MatchConditions.IfModified
    reader = client.linked_services.get
    tag = factory.get("linkedservices/l")["etag"]
    try:
        assert reader("bikes", NAME, "l", etag=tag, match_condition=changed) is None
    except ResourceNotModifiedError as unchanged:
        assert unchanged.status_code == 304
    factory.put("linkedservices/l", LINKED_SERVICE)
    found = reader("bikes", NAME, "l", etag=tag, match_condition=changed)
    assert found is not None
    assert found.etag != tag


# Global parameters -----------------------------------------------------------------------------------


def test_global_parameters_are_one_thing_with_the_factory(factory: Factory) -> None:
    """Written as an object they show in the factory, and a PUT of the factory that omits them wipes them."""
    value = {"region": {"type": "String", "value": "north"}}
    refused = factory.refused("globalParameters/other", value)
    assert refused[:2] == (400, "GlobalParameterNameNotAllowed")
    factory.put("globalParameters/default", value)
    assert factory.get("")["properties"]["globalParameters"] == value
    factory.arm.call("PUT", f"Microsoft.DataFactory/factories/{NAME}", {"location": "westeurope"})
    assert "globalParameters" not in factory.get("")["properties"]
    missing = factory.refusal("GET", "globalParameters/default")
    assert missing == (404, "NotFound", "EntityGetFailedOnNotFound")
    whole = {"location": "westeurope", "properties": {"globalParameters": value}}
    factory.call("PUT", "", whole)
    assert factory.get("globalParameters/default")["properties"] == value
    assert factory.call("DELETE", "globalParameters/default").status_code == 200
    assert "globalParameters" not in factory.get("")["properties"]


# Managed networks ------------------------------------------------------------------------------------


def test_a_managed_private_endpoint_cannot_be_changed(factory: Factory) -> None:
    """The same again is taken, another target is not, nor a second endpoint to the same one."""
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a"
    path = "managedVirtualNetworks/default/managedPrivateEndpoints/blob"
    properties = {"privateLinkResourceId": account, "groupId": "blob"}
    assert factory.refusal("PUT", path, {"properties": properties})[:2] == (404, "ParentResourceNotFound")
    factory.put("managedVirtualNetworks/default", {})
    made = factory.put(path, properties)
    assert made["properties"]["provisioningState"] == "Provisioning"
    ready = factory.get(path)["properties"]
    assert (ready["provisioningState"], ready["connectionState"]["status"]) == ("Succeeded", "Pending")
    factory.put(path, properties)
    status, code, message = factory.refused(path, {**properties, "groupId": "dfs"})
    assert (status, code, "Invalid payload" in message) == (400, "InvalidResourceRequest", True)
    status, code, message = factory.refused(f"{path}2", properties)
    assert (code, "already exist" in message) == ("InvalidResourceRequest", True)
    assert factory.call("DELETE", path).status_code == 200
    assert factory.refusal("GET", path)[0] == 400, "an endpoint that is missing is a bad request"
    assert factory.refusal("DELETE", "managedVirtualNetworks/default")[0] == 405
    assert factory.refusal("PUT", "managedVirtualNetworks/other", {})[:2] == (400, "InvalidResourceRequest")
