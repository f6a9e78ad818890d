"""Data Factory's activities for Databricks and for files that must be there, on the sandbox."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import ContainerClient
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ImportFormat, Language
from support.adf import FACTORY, Factory, reference
from support.arm import ME, TENANT, Arm
from support.databricks import RESOURCE_ID, Workspace
from support.sandbox import Sandbox

ALWAYS = {"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
CLUSTER = {
    "newClusterVersion": "15.4.x-scala2.12",
    "newClusterNodeType": "Standard_DS3_v2",
    "newClusterNumOfWorker": "1",
}
LAKE = "https://validlake.dfs.core.windows.net/"
PATIENCE = 120


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    made = Workspace.make(sandbox)
    put(made.admin, "/Shared/echo", "dbutils.notebook.exit('{\"n\": ' + dbutils.widgets.get('n') + '}')")
    return made


@pytest.fixture
def factory(sandbox: Sandbox) -> Factory:
    """With a managed identity that has no role yet."""
    found = Factory(Arm(sandbox, "2018-06-01"))
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    assert found.arm.call("PUT", FACTORY, body).status_code == 200
    return found


def put(client: WorkspaceClient, path: str, source: str) -> None:
    content = base64.b64encode(f"# Databricks notebook source\n{source}".encode()).decode()
    client.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)


def principal(factory: Factory) -> str:
    return str(factory.get("")["identity"]["principalId"])


def allow(factory: Factory, scope: str, role: str) -> None:
    """Give the factory's identity a role."""
    factory.arm.assign(principal(factory), role, scope)


def link(factory: Factory, workspace: Workspace, **settings: Any) -> None:
    msi = {"authentication": "MSI", "workspaceResourceId": RESOURCE_ID}
    properties = {"domain": f"https://{workspace.host}", **CLUSTER, **(settings or msi)}
    factory.put("linkedservices/dbw", {"type": "AzureDatabricks", "typeProperties": properties})


def activity(
    path: str = "/Shared/echo", policy: dict[str, Any] | None = None, **parameters: Any
) -> dict[str, Any]:
    return {
        "name": "run it",
        "type": "DatabricksNotebook",
        "linkedServiceName": reference("LinkedService", "dbw"),
        "policy": policy or {},
        "typeProperties": {"notebookPath": path, "baseParameters": parameters},
    }


def ended(factory: Factory, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (found := factory.get(f"pipelineruns/{run}"))["status"] in ("Queued", "InProgress"):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def step(factory: Factory, run: str, name: str = "run it") -> dict[str, Any]:
    found = factory.post(f"pipelineruns/{run}/queryActivityruns", ALWAYS)["value"]
    return next(one for one in found if one["activityName"] == name)


def test_a_notebook_runs_as_the_factory_itself(factory: Factory, workspace: Workspace) -> None:
    """Its identity is Contributor of the workspace; the run is one of the workspace's own."""
    link(factory, workspace)
    allow(factory, RESOURCE_ID, CONTRIBUTOR)
    factory.put("pipelines/p", {"activities": [activity(n=7)]})
    run = factory.run("p")
    assert ended(factory, run)["status"] == "Succeeded"
    output = step(factory, run)["output"]
    assert output["runOutput"] == {"n": 7}
    assert output["runPageUrl"].startswith(f"https://{workspace.host}/?o=")
    assert output["effectiveIntegrationRuntime"].startswith("AutoResolveIntegrationRuntime")
    assert output["executionDuration"] >= 0
    (own,) = workspace.admin.jobs.list_runs()
    assert str(own.run_name).startswith("ADF_bikes-adf_p_run it_")
    assert output["runPageUrl"].endswith(f"/run/{own.run_id}")


def test_a_factory_without_a_role_does_not_get_in(factory: Factory, workspace: Workspace) -> None:
    link(factory, workspace)
    factory.put("pipelines/p", {"activities": [activity(n=7)]})
    run = factory.run("p")
    assert ended(factory, run)["status"] == "Failed"
    error = step(factory, run)["error"]
    assert error["errorCode"] == "3200" and "403" in error["message"]


def vault(factory: Factory) -> SecretClient:
    """A key vault whose secrets the factory may read, with its linked service `kv`."""
    made = {
        "location": "westeurope",
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [
                {"tenantId": TENANT, "objectId": ME, "permissions": {"secrets": ["all"]}},
                {"tenantId": TENANT, "objectId": principal(factory), "permissions": {"secrets": ["get"]}},
            ],
        },
    }
    Arm(factory.arm.sandbox, "2023-07-01").put("Microsoft.KeyVault/vaults/adf-vault", made)
    base = {"baseUrl": "https://adf-vault.vault.azure.net/"}
    factory.put("linkedservices/kv", {"type": "AzureKeyVault", "typeProperties": base})
    return SecretClient(base["baseUrl"], DefaultAzureCredential())


def in_vault(name: str) -> dict[str, Any]:
    return {"type": "AzureKeyVaultSecret", "store": reference("LinkedService", "kv"), "secretName": name}


def test_a_token_comes_from_the_key_vault(factory: Factory, workspace: Workspace) -> None:
    """The factory must be allowed to read it, and the workspace must know it."""
    secrets = vault(factory)
    secrets.set_secret("token", "dapi-wrong")
    link(factory, workspace, accessToken=in_vault("token"))
    factory.put("pipelines/p", {"activities": [activity(n=1)]})
    run = factory.run("p")
    assert ended(factory, run)["status"] == "Failed"
    assert "Invalid access token" in step(factory, run)["error"]["message"]
    made = workspace.admin.tokens.create(comment="adf")
    assert made.token_value
    secrets.set_secret("token", made.token_value)
    run = factory.run("p")
    assert ended(factory, run)["status"] == "Succeeded"


def test_a_notebook_that_fails_is_tried_again_as_its_policy_says(
    factory: Factory, workspace: Workspace
) -> None:
    """Each attempt is a run; the pause goes by the world's clock; the message has the run's page."""
    link(factory, workspace)
    allow(factory, RESOURCE_ID, CONTRIBUTOR)
    put(workspace.admin, "/Shared/bad", "1 / 0")
    policy = {"retry": 1, "retryIntervalInSeconds": 3600}
    factory.put("pipelines/p", {"activities": [activity("/Shared/bad", policy)]})
    run = factory.run("p")
    deadline = time.monotonic() + PATIENCE
    while not list(workspace.admin.jobs.list_runs(completed_only=True)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert factory.get(f"pipelineruns/{run}")["status"] == "InProgress"
    factory.arm.sandbox.advance("PT61M")
    assert ended(factory, run)["status"] == "Failed"
    assert len(list(workspace.admin.jobs.list_runs())) == 2
    error = step(factory, run)["error"]
    assert error["errorCode"] == "3204"
    assert "Databricks execution failed with error state Terminated" in error["message"]
    assert workspace.host in error["message"]


def test_an_activity_ends_with_its_time_and_with_its_pipeline(factory: Factory, workspace: Workspace) -> None:
    """The run in the workspace is cancelled with it."""
    link(factory, workspace)
    allow(factory, RESOURCE_ID, CONTRIBUTOR)
    put(workspace.admin, "/Shared/long", "import time; time.sleep(600)")
    factory.put("pipelines/p", {"activities": [activity("/Shared/long", {"timeout": "0.00:10:00"})]})
    late, stopped = factory.run("p"), factory.run("p")
    factory.post(f"pipelineruns/{stopped}/cancel")
    factory.arm.sandbox.advance("PT11M")
    assert ended(factory, late)["status"] == "Failed"
    states = [
        one.state and one.state.result_state and one.state.result_state.value
        for one in workspace.admin.jobs.list_runs()
    ]
    assert states == ["CANCELED", "CANCELED"]


def lake(factory: Factory) -> tuple[Arm, str, str]:
    """A data lake with the container `data`: its API, its path, its first key."""
    arm = Arm(factory.arm.sandbox, "2023-05-01")
    account = "Microsoft.Storage/storageAccounts/validlake"
    body = {
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"isHnsEnabled": True},
    }
    arm.put(account, body)
    arm.put(f"{account}/blobServices/default/containers/data", {})
    key = arm.call("POST", f"{account}/listKeys").json()["keys"][0]["value"]
    return arm, account, key


def test_a_validation_waits_for_what_is_not_there(factory: Factory) -> None:
    """It looks again as it is told, by the world's clock, and fails when its time is over."""
    arm, account, key = lake(factory)
    factory.put("linkedservices/lake", {"type": "AzureBlobFS", "typeProperties": {"url": LAKE}})
    location = {"type": "AzureBlobFSLocation", "fileSystem": "data", "folderPath": "made/here"}
    dataset = {
        "type": "Json",
        "linkedServiceName": reference("LinkedService", "lake"),
        "typeProperties": {"location": location},
    }
    factory.put("datasets/made", dataset)
    allow(factory, arm.get(account)["id"], BLOB_READER)
    settings = {
        "dataset": reference("Dataset", "made"),
        "timeout": "0.01:00:00",
        "sleep": 60,
        "childItems": True,
    }
    factory.put(
        "pipelines/p", {"activities": [{"name": "there", "type": "Validation", "typeProperties": settings}]}
    )
    run = factory.run("p")
    factory.arm.sandbox.advance("PT2M")
    assert factory.get(f"pipelineruns/{run}")["status"] == "InProgress"
    container = ContainerClient("https://validlake.blob.core.windows.net", "data", credential=key)
    container.upload_blob("made/here/one.json", b"{}")
    factory.arm.sandbox.advance("PT1M")
    assert factory.get(f"pipelineruns/{run}")["status"] == "Succeeded"
    output = step(factory, run, "there")["output"]
    assert (output["exists"], output["childItems"]) == (True, [{"name": "one.json", "type": "File"}])
    container.delete_blob("made/here/one.json")
    late = factory.run("p")
    factory.arm.sandbox.advance("PT61M")
    assert factory.get(f"pipelineruns/{late}")["status"] == "Failed"


def test_a_validation_with_a_key_and_a_folder_of_its_own(factory: Factory) -> None:
    """The key comes from the vault and must be one of the account's; the folder is a parameter of the dataset."""
    _, _, key = lake(factory)
    secrets = vault(factory)
    signed = {"url": LAKE, "accountKey": in_vault("lakekey")}
    factory.put("linkedservices/lake", {"type": "AzureBlobFS", "typeProperties": signed})
    folder = {"value": "@dataset().folder", "type": "Expression"}
    dataset = {
        "type": "Json",
        "linkedServiceName": reference("LinkedService", "lake"),
        "parameters": {"folder": {"type": "string", "defaultValue": "elsewhere"}},
        "typeProperties": {
            "location": {"type": "AzureBlobFSLocation", "fileSystem": "data", "folderPath": folder}
        },
    }
    factory.put("datasets/made", dataset)
    given = {"folder": {"value": "@pipeline().parameters.output", "type": "Expression"}}
    settings = {
        "dataset": {**reference("Dataset", "made"), "parameters": given},
        "timeout": "0.00:01:00",
        "childItems": True,
    }
    activities = [{"name": "there", "type": "Validation", "typeProperties": settings}]
    factory.put("pipelines/p", {"activities": activities, "parameters": {"output": {"type": "string"}}})
    container = ContainerClient("https://validlake.blob.core.windows.net", "data", credential=key)
    container.upload_blob("mine/one.json", b"{}")
    secrets.set_secret("lakekey", "bm90IHRoZSBrZXk=")
    refused = factory.post("pipelines/p/createRun", {"output": "mine"})["runId"]
    assert ended(factory, refused)["status"] == "Failed"
    assert "Forbidden" in step(factory, refused, "there")["error"]["message"]
    secrets.set_secret("lakekey", key)
    seen = factory.post("pipelines/p/createRun", {"output": "mine"})["runId"]
    assert ended(factory, seen)["status"] == "Succeeded"
    assert step(factory, seen, "there")["output"]["itemName"] == "mine"
    other = factory.post("pipelines/p/createRun", {"output": "others"})["runId"]
    factory.arm.sandbox.advance("PT2M")
    assert ended(factory, other)["status"] == "Failed"
