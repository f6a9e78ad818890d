"""A repository and a state in a folder of their own, with the verbs of the command line to use on them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.repositories import Repository
from support.sandbox import ROOT, Sandbox
from typer.testing import CliRunner

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


@dataclass(frozen=True)
class Ran:
    """How a verb ended: its exit code, its JSON document, and its text."""

    code: int
    json: Any
    text: str


@dataclass(frozen=True)
class Project:
    """What one user has: a repository, a state, and the command line."""

    repository: Repository
    state: Path
    sandbox: Sandbox

    def run(self, *words: str, json_: bool = True) -> Ran:
        """Run a verb in this process, with --json unless told otherwise."""
        from reconciler.cli import app

        line = [*words, "--repo", str(self.repository.path), "--state", str(self.state)]
        done = CliRunner().invoke(app, [*line, *(["--json"] if json_ else [])])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Ran(done.exit_code, json.loads(done.stdout) if json_ else None, done.output)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a verb in a process of its own."""
        command = [sys.executable, "-m", "reconciler", *words, "--json"]
        place = ["--repo", str(self.repository.path), "--state", str(self.state)]
        return subprocess.Popen(
            [*command, *place], cwd=ROOT, env=self.sandbox.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def write(self, path: str, content: Any) -> None:
        """Write a file of the repository: text as it is, anything else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2)
        self.repository.write({path: text})

    def edit(self, path: str, was: str, becomes: str) -> str:
        """Replace a text in a file and commit; gives the commit."""
        text = (self.repository.path / path).read_text("utf-8")
        assert was in text, f"{path} has no {was!r}"
        return self.repository.commit({path: text.replace(was, becomes, 1)})


PLATFORM = ("environments", "arm", "datafactory")
DATABRICKS = ("notebooks", "model", "jobs")
UPON_IT = ("databricks", "keyVault", "checks")
"""Sections of the sample that need what its templates make."""


def sample(folder: Path, sandbox: Sandbox, *, whole: bool = False) -> Project:
    """A project with this repository's own environments: the platform that their templates make, and the
    factory; with `whole` all of them, whose checks run for long."""
    project = empty(folder, sandbox)
    for name in (*PLATFORM, *(DATABRICKS if whole else ())):
        skipped = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
        shutil.copytree(ROOT / name, project.repository.path / name, ignore=skipped)
    for file in () if whole else (project.repository.path / "environments").glob("*.yaml"):
        file.write_text(_without(file.read_text("utf-8"), UPON_IT), "utf-8")
    project.repository.commit()
    return project


def _without(text: str, sections: tuple[str, ...]) -> str:
    """An environment file without these sections."""
    blocks = re.split(r"(?m)^(?=\S)", text)
    return "".join(block for block in blocks if not block.startswith(tuple(f"{name}:" for name in sections)))


def empty(folder: Path, sandbox: Sandbox) -> Project:
    """A project with nothing in its repository, and nobody signed in yet."""
    from reconciler import settings

    settings.credential.cache_clear()
    repository = Repository(folder / "repository")
    repository.path.mkdir()
    repository.git("init", "--quiet", "--initial-branch", "main")
    return Project(repository, folder / "state", sandbox)


def environment(name: str, *, template: str = "arm/main.json", policy: str = "", more: str = "") -> str:
    """An environment file that deploys one template into the group NAME."""
    return (
        f"apiVersion: reconciler/v1\nname: {name}\n{policy}azure:\n"
        f"  subscription: {SUBSCRIPTION}\n  resourceGroup: {name}\n  location: westeurope\n"
        f"  deployments:\n    - {{name: main, template: {template}}}\n{more}"
    )


def template(*resources: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **rest}


def storage(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-05-01",
        "name": name,
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"minimumTlsVersion": "TLS1_2", **properties},
    }


def identity(name: str, **tags: str) -> dict[str, Any]:
    """A user-assigned identity: the smallest resource that takes tags."""
    return {
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
        "apiVersion": "2023-01-31",
        "name": name,
        "location": "westeurope",
        **({"tags": tags} if tags else {}),
    }


class Azure:
    """A person at the portal: calls Azure Resource Manager with the SDK, behind the reconciler's back."""

    def __init__(self) -> None:
        from azure.identity import ManagedIdentityCredential
        from azure.mgmt.resource.resources import ResourceManagementClient

        self.client = ResourceManagementClient(ManagedIdentityCredential(), SUBSCRIPTION)

    def call(self, method: str, path: str, api_version: str, body: Any = None) -> Any:
        """One call; the answer's JSON. Raises AssertionError for an error status."""
        from azure.core.rest import HttpRequest

        url = f"https://management.azure.com{path}?api-version={api_version}"
        request = HttpRequest(method, url, json=body) if body is not None else HttpRequest(method, url)
        answer = self.client.send_request(request)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text()}"
        return answer.json() if answer.text() else None

    def call_query(self, method: str, path: str, api_version: str, filter_: str) -> list[Any]:
        """All pages of a filtered list."""
        from urllib.parse import quote

        from azure.core.rest import HttpRequest

        url = f"https://management.azure.com{path}?api-version={api_version}&$filter={quote(filter_)}"
        items: list[Any] = []
        while url:
            answer = self.client.send_request(HttpRequest(method, url))
            assert answer.status_code == 200, answer.text()
            items += answer.json()["value"]
            url = answer.json().get("nextLink")
        return items

    def get(self, path: str, api_version: str) -> Any:
        return self.call("GET", path, api_version)

    def there(self, path: str, api_version: str) -> bool:
        from azure.core.rest import HttpRequest

        request = HttpRequest("GET", f"https://management.azure.com{path}?api-version={api_version}")
        return bool(self.client.send_request(request).status_code == 200)


def group(name: str, resource: str = "") -> str:
    """A group's id, or that of a resource in it given as TYPE/NAME."""
    id_ = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}"
    return f"{id_}/providers/{resource}" if resource else id_
