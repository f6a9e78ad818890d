"""`python -m sandbox.demo.person DEED JSON`: what people do by hand, with the SDKs of Azure and Databricks.

It runs in a process of its own, whose environment variables lead the SDKs to the sandbox. Each deed imports
the SDKs that it needs: they take longer to import than to use."""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from azure.core.rest import HttpRequest
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from sandbox.demo.stage import SUBSCRIPTION

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
STORAGE = "2024-01-01"


def portal(id: str, version: str, body: dict[str, Any], method: str = "update") -> None:
    """Write a resource: `update` or `create_or_update`."""
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    getattr(client.resources, f"begin_{method}_by_id")(id, body, api_version=version).result()


def regenerate(environment: str, key: str) -> None:
    """Make one key of the environment's storage account anew."""
    _azure("POST", f"{_account(environment)}/regenerateKey", STORAGE, {"keyName": key})


def folder(environment: str, path: str) -> list[str]:
    """What is in a folder of the environment's workspace, as `KIND path`."""
    found = _workspace(environment).workspace.list(path, recursive=True)
    return sorted(f"{one.object_type.value if one.object_type else ''} {one.path}" for one in found)


def edit(environment: str, path: str, text: str) -> None:
    """Save a Python notebook, as the browser does."""
    from databricks.sdk.service.workspace import ImportFormat, Language

    content = base64.b64encode(f"# Databricks notebook source\n{text}\n".encode()).decode()
    _workspace(environment).workspace.import_(
        path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )


def start(environment: str, job: str) -> int:
    """Start a job by its name; the run's id."""
    client = _workspace(environment)
    (found,) = client.jobs.list(name=job)
    assert found.job_id is not None
    return int(client.jobs.run_now(found.job_id).bind()["run_id"])


def ended(environment: str, run_id: int) -> dict[str, Any]:
    """What the notebook of each task exits with, once a run has ended. Raises RuntimeError if it failed."""
    from databricks.sdk.service.jobs import RunLifeCycleState as Life

    client = _workspace(environment)
    last = (Life.TERMINATED, Life.INTERNAL_ERROR, Life.SKIPPED)
    while (run := client.jobs.get_run(run_id)).state is None or run.state.life_cycle_state not in last:
        time.sleep(0.5)
    results: dict[str, Any] = {}
    for task in run.tasks or ():
        assert task.run_id is not None
        output = client.jobs.get_run_output(task.run_id)
        if output.error or output.notebook_output is None:
            raise RuntimeError(f"{task.task_key}: {output.error}")
        results[task.task_key] = json.loads(output.notebook_output.result or "{}")
    return results


def predictions(environment: str, container: str, path: str) -> list[dict[str, Any]]:
    """The JSON lines in a folder of the environment's storage account."""
    from azure.storage.blob import ContainerClient

    account = _account(environment)
    key = _azure("POST", f"{account}/listKeys", STORAGE)["keys"][0]["value"]
    url = f"https://{account.rpartition('/')[2]}.blob.core.windows.net"
    client = ContainerClient(url, container, credential=key)
    names = [blob.name for blob in client.list_blobs(name_starts_with=f"{path}/part-")]
    texts = [client.download_blob(name).readall().decode() for name in names]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def _group(environment: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikeshare-{environment}/providers"


def _account(environment: str) -> str:
    return f"{_group(environment)}/Microsoft.Storage/storageAccounts/bikeshare{environment}"


def _workspace(environment: str) -> WorkspaceClient:
    """Signed in by an Azure identity: its Entra token."""
    from databricks.sdk import WorkspaceClient

    place = f"{_group(environment)}/Microsoft.Databricks/workspaces/bikeshare-{environment}-adf-dbw"
    url = _azure("GET", place, "2024-05-01")["properties"]["workspaceUrl"]
    return WorkspaceClient(host=f"https://{url}", token=DefaultAzureCredential().get_token(DATABRICKS).token)


def _azure(method: str, path: str, version: str, body: Any = None) -> Any:
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    request = HttpRequest(method, f"https://management.azure.com{path}?api-version={version}", json=body)
    answer = client.send_request(request)
    answer.raise_for_status()
    return answer.json() if answer.text() else None


DEEDS = (portal, regenerate, folder, edit, start, ended, predictions)


if __name__ == "__main__":
    deed = next(deed for deed in DEEDS if deed.__name__ == sys.argv[1])
    print(json.dumps(deed(**json.loads(sys.argv[2]))))
