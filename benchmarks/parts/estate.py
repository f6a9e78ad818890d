"""The files of an environment of so many resources, in a mix that a data platform has.

Of 1,000 resources 20 are ARM resources (the group, a factory, a workspace, a vault with the role on it,
storage accounts, identities), 10 are secrets of the vault and 10 a secret scope with what is in it, 80 are
notebooks with their folders, and 880 are objects of the factory: linked services, datasets, pipelines,
triggers. A factory holds 5,000 objects and no more: of 10,000 resources the rest are notebooks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from support.project import SUBSCRIPTION, identity, storage, template
from support.workspaces import HEADER, RESOURCE

FACTORY = 4_800
"""Objects of the factory, at most."""
IN_FOLDER = 20
"""Notebooks in one folder."""
OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"


@dataclass(frozen=True)
class Estate:
    """How many resources of each kind an environment has."""

    name: str
    arm: int
    secrets: int
    scoped: int
    folders: int
    notebooks: int
    linked: int
    datasets: int
    triggers: int
    pipelines: int

    @classmethod
    def of(cls, name: str, count: int) -> Estate:
        """An environment of `count` resources (50 at least)."""
        arm, secrets, scoped = max(6, count // 50), max(2, count // 100), max(2, count // 100)
        noted = max(3, count * 8 // 100, count - arm - secrets - scoped - FACTORY)
        folders = 1 + max(1, noted // IN_FOLDER)
        factory = count - arm - secrets - scoped - noted
        linked, triggers = max(1, factory // 100), max(1, factory // 100)
        datasets = factory // 4
        return cls(
            name, arm, secrets, scoped, folders, noted - folders,
            linked, datasets, triggers, factory - linked - triggers - datasets,
        )  # fmt: skip

    @property
    def count(self) -> int:
        return sum(getattr(self, name) for name in self.__dataclass_fields__ if name != "name")

    def files(self) -> dict[str, str | bytes]:
        """The environment file, its template, the factory's folder and the notebooks."""
        return {
            f"environments/{self.name}.yaml": self._environment(),
            f"arm/{self.name}.json": json.dumps(self.template(), indent=2),
            **{f"datafactory/{self.name}/{path}": text for path, text in self._definitions()},
            **{f"notebooks/{self.name}/{path}": text for path, text in self.sources()},
        }

    def _environment(self) -> str:
        name = self.name
        secrets = "".join(f"    s{n}: {{generate: {{length: 32}}}}\n" for n in range(self.secrets))
        scoped = "".join(f"        s{n}: ${{storageKey:{name}data0}}\n" for n in range(self.scoped - 1))
        return (
            f"apiVersion: reconciler/v1\nname: {name}\nazure:\n"
            f"  subscription: {SUBSCRIPTION}\n  resourceGroup: {name}\n  location: westeurope\n"
            f"  deployments:\n    - name: main\n      template: arm/{name}.json\n"
            '      parameters: {me: "${identity.objectId}"}\n'
            f"dataFactory: {{factory: {name}-adf, definitions: datafactory/{name}}}\n"
            f"keyVault:\n  vault: {name}-kv\n  secrets:\n{secrets}"
            f"databricks:\n  workspace: ${{azure.main.url}}\n  resourceId: ${{azure.main.id}}\n"
            f"  notebooks: [{{from: notebooks/{name}, to: /Shared/{name}}}]\n"
            f"  secretScopes:\n    {name}:\n      secrets:\n{scoped}"
        )

    def template(self) -> dict[str, Any]:
        """Six resources with the group; beyond them accounts and identities, one to three."""
        name = self.name
        vault_id = f"resourceId('Microsoft.KeyVault/vaults', '{name}-kv')"
        role = f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{OFFICER}')"
        workspace_id = f"resourceId('{RESOURCE}', '{name}-dbw')"
        managed = f"[subscriptionResourceId('Microsoft.Resources/resourceGroups', '{name}-dbw-rg')]"
        place = {"location": "westeurope"}
        resources: list[dict[str, Any]] = [
            {
                "type": "Microsoft.DataFactory/factories", "apiVersion": "2018-06-01", "name": f"{name}-adf",
                **place, "identity": {"type": "SystemAssigned"}, "properties": {},
            },
            {
                "type": RESOURCE, "apiVersion": "2024-05-01", "name": f"{name}-dbw", **place,
                "sku": {"name": "premium"}, "properties": {"managedResourceGroupId": managed},
            },
            {
                "type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01",
                "name": f"{name}-kv", **place,
                "properties": {
                    "tenantId": "[subscription().tenantId]", "sku": {"family": "A", "name": "standard"},
                    "enableRbacAuthorization": True,
                },
            },
            {
                "type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01",
                "scope": f"[{vault_id}]", "name": f"[guid({vault_id}, parameters('me'))]",
                "dependsOn": [f"[{vault_id}]"],
                "properties": {
                    "roleDefinitionId": f"[{role}]", "principalId": "[parameters('me')]",
                    "principalType": "ServicePrincipal",
                },
            },
        ]  # fmt: skip
        for n in range(self.arm - 5):
            resources.append(
                storage(f"{name}data{n}") if n % 4 == 0 else identity(f"{name}-id{n}", team="data")
            )
        outputs = {
            "url": {"type": "string", "value": f"[reference({workspace_id}, '2024-05-01').workspaceUrl]"},
            "id": {"type": "string", "value": f"[{workspace_id}]"},
        }
        return template(*resources, parameters={"me": {"type": "string"}}, outputs=outputs)

    def _definitions(self) -> Iterator[tuple[str, str]]:
        for kind, name, properties in self.objects():
            yield f"{kind}/{name}.json", json.dumps({"name": name, "properties": properties}, indent=4)

    def objects(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Kind, name and properties of what is in the factory."""
        for n in range(self.linked):
            place = {"url": f"https://{self.name}data0.dfs.core.windows.net"}
            yield "linkedService", f"Store{n}", {"type": "AzureBlobFS", "typeProperties": place}
        for n in range(self.datasets):
            yield "dataset", f"d{n}", dataset(f"Store{n % self.linked}", f"raw/{n}")
        for n in range(self.pipelines):
            yield "pipeline", f"p{n}", pipeline(f"d{n % self.datasets}", f"d{(n + 1) % self.datasets}")
        for n in range(self.triggers):
            yield "trigger", f"t{n}", trigger(f"p{n}")

    def sources(self) -> Iterator[tuple[str, str]]:
        """The notebooks: their files with what is in them."""
        for n in range(self.notebooks):
            yield f"f{n % (self.folders - 1)}/n{n}.py", f"{HEADER}print({n})\n"


def _reference(name: str, kind: str) -> dict[str, str]:
    return {"referenceName": name, "type": f"{kind}Reference"}


def dataset(store: str, folder: str) -> dict[str, Any]:
    location = {"type": "AzureBlobFSLocation", "fileSystem": "data", "folderPath": folder}
    columns = [{"name": f"c{n}", "type": "string"} for n in range(8)]
    return {
        "linkedServiceName": _reference(store, "LinkedService"),
        "annotations": [],
        "type": "DelimitedText",
        "typeProperties": {"location": location, "columnDelimiter": ",", "firstRowAsHeader": True},
        "schema": columns,
    }


def pipeline(source: str, sink: str, default: int = 1) -> dict[str, Any]:
    """A lookup, and a copy after it."""
    policy = {"timeout": "0.12:00:00", "retry": 1, "retryIntervalInSeconds": 30}
    store = {"type": "AzureBlobFSReadSettings", "recursive": True, "enablePartitionDiscovery": False}
    look: Mapping[str, Any] = {
        "name": "Look",
        "type": "Lookup",
        "dependsOn": [],
        "policy": policy,
        "userProperties": [],
        "typeProperties": {
            "source": {"type": "DelimitedTextSource", "storeSettings": store},
            "dataset": _reference(source, "Dataset"),
            "firstRowOnly": False,
        },
    }
    copy: Mapping[str, Any] = {
        "name": "Copy",
        "type": "Copy",
        "dependsOn": [{"activity": "Look", "dependencyConditions": ["Succeeded"]}],
        "policy": policy,
        "userProperties": [],
        "typeProperties": {
            "source": {"type": "DelimitedTextSource", "storeSettings": store},
            "sink": {
                "type": "DelimitedTextSink",
                "storeSettings": {"type": "AzureBlobFSWriteSettings"},
                "formatSettings": {"type": "DelimitedTextWriteSettings", "quoteAllText": True},
            },
            "enableStaging": False,
        },
        "inputs": [_reference(source, "Dataset")],
        "outputs": [_reference(sink, "Dataset")],
    }
    return {
        "activities": [look, copy],
        "parameters": {"rows": {"type": "int", "defaultValue": default}},
        "annotations": [],
    }


def trigger(pipeline: str) -> dict[str, Any]:
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    return {
        "type": "ScheduleTrigger",
        "runtimeState": "Started",
        "pipelines": [{"pipelineReference": _reference(pipeline, "Pipeline")}],
        "typeProperties": {"recurrence": recurrence},
    }
