"""The right of a run to a storage account: by key or by Entra sign-in, from the settings of its cluster.

`dbutils.fs` asks for it as Spark does, and needs no Spark to start.
"""

from __future__ import annotations

import base64
import json
import time

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.workspace import ImportFormat, Language
from support.arm import GROUP, TENANT, Arm
from support.databricks import Workspace
from support.sandbox import Sandbox

HOST = "lakeofruns.dfs.core.windows.net"
ACCOUNT = "Microsoft.Storage/storageAccounts/lakeofruns"
READER, CONTRIBUTOR = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
PATIENCE = 120
TRY = f"""# Databricks notebook source
import json
seen = {{}}
for name, step in {{
    "read": lambda: len(dbutils.fs.ls("abfss://data@{HOST}/")),
    "write": lambda: dbutils.fs.put("abfss://data@{HOST}/one.txt", "x", True),
    "elsewhere": lambda: dbutils.fs.ls("abfss://none@{HOST}/"),
}}.items():
    try:
        seen[name] = step()
    except Exception as fault:
        seen[name] = str(fault)
dbutils.notebook.exit(json.dumps(seen))
"""


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    made = Arm(sandbox, "2023-05-01")
    made.put(ACCOUNT, account())
    made.put(f"{ACCOUNT}/blobServices/default/containers/data", {})
    return made


@pytest.fixture
def client(sandbox: Sandbox) -> WorkspaceClient:
    found = Workspace.make(sandbox).admin
    found.workspace.import_(
        "/Shared/try",
        content=base64.b64encode(TRY.encode()).decode(),
        format=ImportFormat.SOURCE,
        language=Language.PYTHON,
    )
    return found


def account(**properties: bool) -> dict[str, object]:
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    return {**body, "properties": {"isHnsEnabled": True, **properties}}


def seen(client: WorkspaceClient, **settings: str) -> dict[str, object]:
    """What the notebook could do on a cluster with these settings."""
    cluster = ClusterSpec(
        spark_version="15.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=1, spark_conf=settings
    )
    notebook = jobs.NotebookTask(notebook_path="/Shared/try")
    one = jobs.SubmitTask(task_key="t", notebook_task=notebook, new_cluster=cluster)
    run_id = client.jobs.submit(run_name="r", tasks=[one]).response.run_id
    deadline = time.monotonic() + PATIENCE
    while not (run := client.jobs.get_run(run_id)).end_time:
        assert time.monotonic() < deadline, run.state
        time.sleep(0.2)
    told = client.jobs.get_run_output((run.tasks or ())[0].run_id)
    assert told.notebook_output, told.error
    found: dict[str, object] = json.loads(told.notebook_output.result or "")
    return found


def test_a_key_from_a_secret_opens_the_account(arm: Arm, client: WorkspaceClient, sandbox: Sandbox) -> None:
    """Not without it, not after it was renewed, and not where keys are switched off."""
    assert "Invalid configuration value detected for fs.azure.account.key" in str(seen(client)["read"])
    key = arm.call("POST", f"{ACCOUNT}/listKeys").json()["keys"][0]["value"]
    client.secrets.create_scope("lake")
    client.secrets.put_secret("lake", "key", string_value=key)
    with_key = {f"spark.hadoop.fs.azure.account.key.{HOST}": "{{secrets/lake/key}}"}
    found = seen(client, **with_key)
    assert (found["read"], found["write"]) == (0, True)
    assert "FilesystemNotFound" in str(found["elsewhere"])
    assert key not in json.dumps(sandbox.control("GET", "state")["databricks.runs"])
    assert arm.call("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key1"}).status_code == 200
    assert "AuthenticationFailed" in str(seen(client, **with_key)["read"])
    arm.put(ACCOUNT, account(allowSharedKeyAccess=False))
    assert "KeyBasedAuthenticationNotPermitted" in str(seen(client, **with_key)["write"])


def test_a_service_principal_needs_a_role_for_what_it_does(
    arm: Arm, client: WorkspaceClient, sandbox: Sandbox
) -> None:
    """Who may only read cannot write; a wrong secret signs nobody in."""
    made = sandbox.control("POST", "identities", {"name": "spark", "secret": "open sesame"})
    oauth = {
        f"fs.azure.account.auth.type.{HOST}": "OAuth",
        f"fs.azure.account.oauth.provider.type.{HOST}": "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider",
        f"fs.azure.account.oauth2.client.id.{HOST}": made["clientId"],
        f"fs.azure.account.oauth2.client.secret.{HOST}": "open sesame",
        f"fs.azure.account.oauth2.client.endpoint.{HOST}": f"https://login.microsoftonline.com/{TENANT}/oauth2/token",
    }
    assert "AuthorizationPermissionMismatch" in str(seen(client, **oauth)["read"])
    scope = f"{GROUP}/providers/{ACCOUNT}"
    arm.assign(made["objectId"], READER, scope)
    found = seen(client, **oauth)
    assert found["read"] == 0 and "AuthorizationPermissionMismatch" in str(found["write"])
    arm.assign(made["objectId"], CONTRIBUTOR, scope)
    assert seen(client, **oauth)["write"] is True
    wrong = {**oauth, f"fs.azure.account.oauth2.client.secret.{HOST}": "open"}
    assert "AADSTS7000215" in str(seen(client, **wrong)["read"])


def test_a_cluster_whose_secret_is_missing_does_not_start(arm: Arm, client: WorkspaceClient) -> None:
    cluster = ClusterSpec(
        spark_version="15.4.x-scala2.12",
        node_type_id="Standard_DS3_v2",
        num_workers=1,
        spark_conf={"spark.one": "{{secrets/none/key}}"},
    )
    notebook = jobs.NotebookTask(notebook_path="/Shared/try")
    one = jobs.SubmitTask(task_key="t", notebook_task=notebook, new_cluster=cluster)
    run = client.jobs.get_run(client.jobs.submit(run_name="r", tasks=[one]).response.run_id)
    assert run.state and run.state.life_cycle_state == jobs.RunLifeCycleState.INTERNAL_ERROR
    assert "spark.one" in str(run.state.state_message)
