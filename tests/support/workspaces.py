"""A project with a Databricks workspace of its own, and a person who works in it with the SDK."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from support.project import SUBSCRIPTION, Project, empty, environment, group, template
from support.sandbox import Sandbox

RESOURCE = "Microsoft.Databricks/workspaces"
HEADER = "# Databricks notebook source\n"
FOLDER = "/Shared/team"


def workspace_template(name: str = "team-dbw") -> dict[str, Any]:
    """A workspace whose outputs are its address and its id."""
    workspace = {
        "type": RESOURCE,
        "apiVersion": "2024-05-01",
        "name": name,
        "location": "westeurope",
        "sku": {"name": "premium"},
        "properties": {
            "managedResourceGroupId": f"[subscriptionResourceId('Microsoft.Resources/resourceGroups', '{name}-rg')]"
        },
    }
    id_ = f"resourceId('{RESOURCE}', '{name}')"
    outputs = {
        "url": {"type": "string", "value": f"[reference({id_}, '2024-05-01').workspaceUrl]"},
        "id": {"type": "string", "value": f"[{id_}]"},
    }
    return template(workspace, outputs=outputs)


def section(*lines: str) -> str:
    """The section `databricks` with these lines, each at its first level."""
    head = ["databricks:", "  workspace: ${azure.main.url}", "  resourceId: ${azure.main.id}"]
    return "\n".join([*head, *(f"  {line}" for line in lines)]) + "\n"


NOTEBOOKS = "notebooks: [{from: notebooks/, to: " + FOLDER + "}]"


def project(folder: Path, sandbox: Sandbox, *lines: str, name: str = "one", more: str = "") -> Project:
    """A project whose environment deploys the workspace, and says these lines of it. Not committed yet."""
    made = empty(folder, sandbox)
    made.write("arm/main.json", workspace_template())
    made.write(f"environments/{name}.yaml", environment(name, more=section(*(lines or (NOTEBOOKS,))) + more))
    return made


def guest(name: str, host: str, *lines: str) -> str:
    """An environment that deploys nothing, and lives in the workspace that `one` has made."""
    place = group("one", f"{RESOURCE}/team-dbw")
    said = "\n".join(f"  {line}" for line in (f"workspace: {host}", f"resourceId: {place}", *lines))
    return (
        f"apiVersion: reconciler/v1\nname: {name}\nazure:\n  subscription: {SUBSCRIPTION}\n"
        f"  resourceGroup: {name}\n  location: westeurope\ndatabricks:\n{said}\n"
    )


def notebook(text: str = "print(1)") -> str:
    return f"{HEADER}{text}\n"


def person(sandbox: Sandbox, group: str = "one", name: str = "team-dbw") -> Any:
    """A `WorkspaceClient` of somebody the workspace lets in, by Azure identity."""
    from azure.identity import ManagedIdentityCredential
    from databricks.sdk import WorkspaceClient
    from support.project import Azure

    id_ = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{RESOURCE}/{name}"
    url = Azure().get(id_, "2024-05-01")["properties"]["workspaceUrl"]
    token = ManagedIdentityCredential().get_token("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default").token
    return WorkspaceClient(host=f"https://{url}", token=token)


def write(client: Any, path: str, text: str) -> None:
    """Save a Python notebook, as the browser does."""
    from databricks.sdk.service.workspace import ImportFormat, Language

    content = base64.b64encode(notebook(text).encode()).decode()
    client.workspace.import_(
        path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )


def text_of(client: Any, path: str) -> str:
    return base64.b64decode(client.workspace.export(path).content or "").decode()
