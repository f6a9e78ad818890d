"""An environment that needs every right of the doctor's table, and an identity whose rights a test takes away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.project import SUBSCRIPTION, Azure, Project, empty, group
from support.sandbox import ROOT, Sandbox

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
AUTHORIZATION = "Microsoft.Authorization"
WORKSPACE = "Microsoft.Databricks/workspaces/lake"
VAULT = "Microsoft.KeyVault/vaults/doc-kv"
SECRETS = "Microsoft.KeyVault/vaults/secrets"
ENVIRONMENT = """
apiVersion: reconciler/v1
name: doc
azure:
  subscription: {subscription}
  resourceGroup: doc
  location: westeurope
  identity: {client}
  storageKeys: {{docstore: {{rotate: {{every: 90d}}}}}}
  deployments:
    - name: platform
      template: arm/azuredeploy.json
      parameters:
        storageAccountName: docstore
        keyVaultName: doc-kv
        dataFactoryName: doc-adf
        databricksResourceId: {workspace}
dataFactory: {{factory: doc-adf, definitions: datafactory/}}
databricks:
  workspace: ${{azure.platform.databricksUrl}}
  resourceId: ${{azure.platform.databricksId}}
  secretScopes: {{doc: {{secrets: {{key: "${{storageKey:docstore}}"}}}}}}
keyVault: {{vault: doc-kv, secrets: {{made: {{generate: {{length: 40}}}}}}}}
checks: [{{name: runs, dataFactoryPipeline: waits}}]
"""
PIPELINE = {
    "name": "waits",
    "properties": {"activities": [{"name": "w", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}]},
}
TRIGGER = {
    "name": "arrives",
    "properties": {
        "type": "BlobEventsTrigger",
        "runtimeState": "Started",
        "typeProperties": {
            "events": ["Microsoft.Storage.BlobCreated"],
            "scope": group("doc", "Microsoft.Storage/storageAccounts/docstore"),
            "blobPathBeginsWith": "/data/blobs/in",
        },
        "pipelines": [{"pipelineReference": {"referenceName": "waits", "type": "PipelineReference"}}],
    },
}


@dataclass(frozen=True)
class Ward:
    """A project with that environment, and the identity that reconciles it. `role`: the id of its own role."""

    project: Project
    azure: Azure
    client: str
    object: str
    role: str

    def missing(self) -> list[str]:
        """What the doctor says is missing."""
        done = self.project.run("doctor", "doc")
        found = [f for e in done.json["environments"] for f in e["findings"]]
        assert (done.code == 0) is all(f["verdict"] == "ok" for f in found)
        return sorted(f["what"] for f in found if f["verdict"] == "missing")

    def finding(self, what: str) -> dict[str, Any]:
        done = self.project.run("doctor", "doc")
        (found,) = [f for e in done.json["environments"] for f in e["findings"] if f["what"] == what]
        return dict(found)

    def strip(self, *actions: str, data: tuple[str, ...] = ()) -> None:
        """Leave all its rights to the identity but these."""
        body = self.azure.get(self.role, "2022-04-01")
        [permission] = body["properties"]["permissions"]
        taken = {"notActions": list(actions), "dataActions": [f"{SECRETS}/*"], "notDataActions": list(data)}
        body["properties"]["permissions"] = [{**permission, **taken}]
        self.azure.call("PUT", self.role, "2022-04-01", {"properties": body["properties"]})


def ward(folder: Path, sandbox: Sandbox, *, rbac: bool = True) -> Ward:
    """The group with its vault, and a workspace in another group, are there. The role is the project's own."""
    me = sandbox.control("POST", "identities", {"name": "the-reconciler"})
    azure = Azure()
    azure.call("PUT", group("doc"), "2021-04-01", {"location": "westeurope"})
    azure.call("PUT", group("lake"), "2021-04-01", {"location": "westeurope"})
    vault = {"tenantId": "00000000-0000-0000-0000-00000000000a", "sku": {"family": "A", "name": "standard"}}
    policies = {"accessPolicies": [], "enableRbacAuthorization": rbac}
    body = {"location": "westeurope", "properties": {**vault, **policies}}
    azure.call("PUT", group("doc", VAULT), "2023-07-01", body)
    managed = {"managedResourceGroupId": f"{SCOPE}/resourceGroups/lake-managed"}
    body = {"location": "westeurope", "sku": {"name": "premium"}, "properties": managed}
    azure.call("PUT", group("lake", WORKSPACE), "2024-05-01", body)
    role = deploy_role(azure, me["objectId"])
    project = empty(folder, sandbox)
    text = ENVIRONMENT.format(
        subscription=SUBSCRIPTION, client=me["clientId"], workspace=group("lake", WORKSPACE)
    )
    project.write("arm/azuredeploy.json", (ROOT / "arm/azuredeploy.json").read_text("utf-8"))
    project.write("datafactory/pipeline/waits.json", PIPELINE)
    project.write("datafactory/trigger/arrives.json", TRIGGER)
    project.repository.commit({"environments/doc.yaml": text})
    found = Ward(project, azure, me["clientId"], me["objectId"], role)
    found.strip()
    return found


def deploy_role(azure: Azure, object_id: str) -> str:
    """Deploy `arm/reconciler-role.json` for an identity; gives the id of the role."""
    template = json.loads((ROOT / "arm/reconciler-role.json").read_text("utf-8"))
    properties = {
        "mode": "Incremental",
        "template": template,
        "parameters": {"principalId": {"value": object_id}},
    }
    path = f"{SCOPE}/providers/Microsoft.Resources/deployments/rights"
    azure.call("PUT", path, "2022-09-01", {"location": "westeurope", "properties": properties})
    deployed = azure.get(path, "2022-09-01")["properties"]
    assert deployed["provisioningState"] == "Succeeded", deployed
    return str(deployed["outputs"]["roleDefinitionId"]["value"])
