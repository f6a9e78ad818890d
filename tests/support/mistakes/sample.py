"""The project in which the mistakes are made: a small one with a bit of everything."""

from __future__ import annotations

import json

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"

DEV = f"""\
apiVersion: reconciler/v1
name: dev
interval: 5m
azure:
  subscription: {SUBSCRIPTION}
  resourceGroup: bikes-dev
  location: westeurope
  deployments:
    - name: platform
      template: arm/platform.json
      parameters:
        accountName: bikesdev
        retentionDays: 7
"""

FACTORY = """\
dataFactory:
  factory: bikes-dev-adf
  definitions: datafactory/
"""

WORKSPACE = """\
databricks:
  workspace: ${azure.platform.url}
  resourceId: ${azure.platform.id}
  notebooks: [{from: notebooks/, to: /Shared/bikes}]
  jobs: [{file: jobs/score.yaml}]
"""

VAULT = """\
keyVault:
  vault: bikes-dev-kv
  secrets:
    api-key: ${env:API_KEY}
"""

TEMPLATE = """\
{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "accountName": {"type": "string"},
    "retentionDays": {"type": "int", "minValue": 1, "maxValue": 365}
  },
  "resources": [
    {
      "type": "Microsoft.Storage/storageAccounts",
      "apiVersion": "2023-05-01",
      "name": "[parameters('accountName')]",
      "location": "[resourceGroup().location]",
      "kind": "StorageV2",
      "sku": {"name": "Standard_LRS"},
      "properties": {"minimumTlsVersion": "TLS1_2"}
    }
  ],
  "outputs": {
    "url": {"type": "string", "value": "adb-1234567890123456.7.azuredatabricks.net"},
    "id": {
      "type": "string",
      "value": "[resourceId('Microsoft.Databricks/workspaces', 'bikes-dev-dbw')]"
    }
  }
}
"""

JOB = """\
resources:
  jobs:
    score:
      name: score
      tasks:
        - task_key: score
          notebook_task: {notebook_path: /Shared/bikes/score}
          new_cluster: {spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}
"""


def definition(name: str, **properties: object) -> str:
    return json.dumps({"name": name, "properties": properties}, indent=2) + "\n"


DATASET = {
    "linkedServiceName": {"referenceName": "Lake", "type": "LinkedServiceReference"},
    "type": "Json",
    "typeProperties": {"location": {"type": "AzureBlobFSLocation", "fileSystem": "data"}},
}

FILES: dict[str, str | bytes] = {
    ".gitignore": ".reconciler/\n",
    "environments/dev.yaml": DEV,
    "arm/platform.json": TEMPLATE,
    "datafactory/linkedService/Lake.json": definition(
        "Lake",
        type="AzureBlobFS",
        typeProperties={"url": "https://bikesdev.dfs.core.windows.net"},
    ),
    "datafactory/dataset/Rides.json": definition("Rides", **DATASET),
    "notebooks/score.py": "# Databricks notebook source\nprint('scores')\n",
    "jobs/score.yaml": JOB,
}

VAULT_RESOURCE = """\
    {
      "type": "Microsoft.KeyVault/vaults",
      "apiVersion": "2023-07-01",
      "name": "bikes-dev-kv",
      "location": "[resourceGroup().location]",
      "properties": {
        "tenantId": "[subscription().tenantId]",
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": []
      }
    },
"""
FACTORY_RESOURCE = """\
    {
      "type": "Microsoft.DataFactory/factories",
      "apiVersion": "2018-06-01",
      "name": "bikes-dev-adf",
      "location": "[resourceGroup().location]",
      "properties": {}
    },
"""


def template(*resources: str) -> str:
    """The template with these resources before its own."""
    return TEMPLATE.replace('"resources": [\n', '"resources": [\n' + "".join(resources), 1)
