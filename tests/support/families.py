"""Small environments of three families, whose parts come and go as a test says, in Git and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import secret_project as secrets
from support import workspaces
from support.project import Azure, empty, environment, group, identity, template
from support.rig import Rig
from support.sandbox import Sandbox

NAME = "one"
POLICY = "policy:\n  resets: allow\n  limits: {changes: 100%, deletes: 50}\n"
VALUES = {"FIRST_VALUE": "the-first-value-aB3", "SECOND_VALUE": "the-second-value-cD4"}
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
FACTORY = group(NAME, "Microsoft.DataFactory/factories/team-adf")
Parts = Mapping[str, int]
"""What is said of each part by its name: the number of a variant. What is not named is not there."""


@dataclass(frozen=True)
class Family:
    """parts: all that may be there. variants: how many ways to say each. lines: the environment file from the
    first section after `azure` on. put, drop: what a person does to a part; AssertionError where Azure refuses.
    theirs: makes what is nobody's but somebody else's."""

    parts: tuple[str, ...]
    base: Callable[[Parts], Mapping[str, Any]]
    lines: Callable[[Parts], str]
    files: Callable[[Parts], dict[str, str | bytes]]
    put: Callable[[Sandbox, str, int], None]
    drop: Callable[[Sandbox, str], None]
    theirs: Callable[[Sandbox], None]
    variants: int = 2

    def commit(self, rig: Rig, parts: Parts) -> None:
        """Let Git say these parts and no others."""
        folder = rig.project.repository.path
        for old in ("notebooks", "datafactory", "jobs"):
            for path in sorted((folder / old).rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
        text = environment(NAME, policy=POLICY).replace(
            "template: arm/main.json}", 'template: arm/main.json, parameters: {me: "${identity.objectId}"}}'
        )
        main = {"parameters": {"me": {"type": "string"}}, **self.base(parts)}
        files: dict[str, str | bytes] = {
            f"environments/{NAME}.yaml": text + self.lines(parts),
            "arm/main.json": json.dumps(main),
            **self.files(parts),
        }
        rig.project.repository.commit(files)


def made(family: Family, folder: Path, sandbox: Sandbox, patch: pytest.MonkeyPatch) -> Rig:
    """The family's environment without any part, beside what is theirs; kept as `base`."""
    folder.mkdir(parents=True, exist_ok=True)
    rig = Rig.of(empty(folder, sandbox), NAME, VALUES, patch)
    family.commit(rig, {})
    rig.converges()
    rig.keep("base", rig.made_by(lambda: family.theirs(sandbox)))
    assert len(rig.foreign["base"]) >= 1
    rig.project.repository.git("branch", "base")
    return rig


@contextmanager
def refusable() -> Iterator[None]:
    """What Azure refuses a person has not happened."""
    from azure.core.exceptions import AzureError
    from databricks.sdk.errors import DatabricksError

    try:
        yield
    except (AssertionError, AzureError, DatabricksError):
        return


# Resource Manager and Key Vault


def _arm_base(parts: Parts) -> Mapping[str, Any]:
    base = secrets._template(workspace=False)
    made = [identity(p.split("/")[1], v=str(parts[p])) for p in sorted(parts) if p.startswith("identity/")]
    return {**base, "resources": [*base["resources"], *made]}


def _arm_lines(parts: Parts) -> str:
    values = ("${env:FIRST_VALUE}", "${env:SECOND_VALUE}")
    said = [f'"{p.split("/")[1]}": "{values[parts[p]]}"' for p in sorted(parts) if p.startswith("secret/")]
    return f"keyVault:\n  vault: {secrets.VAULT}\n  secrets: {{{', '.join(said)}}}\n"


def _arm_put(sandbox: Sandbox, part: str, variant: int) -> None:
    kind, _, name = part.partition("/")
    if kind == "secret":
        secrets.vault().set_secret(name, f"a secret by hand {variant}")
        return
    body = {"location": "westeurope", "tags": {"v": f"by hand {variant}"}}
    Azure().call("PUT", group(NAME, f"{IDENTITY}/{name}"), "2023-01-31", body)


def _arm_drop(sandbox: Sandbox, part: str) -> None:
    kind, _, name = part.partition("/")
    if kind == "secret":
        secrets.vault().begin_delete_secret(name)
    else:
        Azure().call("DELETE", group(NAME, f"{IDENTITY}/{name}"), "2023-01-31")


def _arm_theirs(sandbox: Sandbox) -> None:
    _arm_put(sandbox, "identity/theirs", 0)
    _arm_put(sandbox, "secret/theirs", 0)


# Data Factory

_ADF = {"linkedService": "linkedservices", "dataset": "datasets", "pipeline": "pipelines"}


def _definition(part: str, variant: int) -> dict[str, Any]:
    if part.startswith("linkedService/"):
        return {
            "type": "AzureBlobFS",
            "typeProperties": {"url": f"https://lake{variant}.dfs.core.windows.net"},
        }
    if part.startswith("dataset/"):
        linked = {"referenceName": "lake", "type": "LinkedServiceReference"}
        place = {"type": "AzureBlobFSLocation", "fileSystem": f"data{variant}"}
        return {"type": "Json", "linkedServiceName": linked, "typeProperties": {"location": place}}
    wait = {"name": "w", "type": "Wait", "typeProperties": {"waitTimeInSeconds": variant + 1}}
    return {"activities": [wait]}


def _adf_base(parts: Parts) -> Mapping[str, Any]:
    factory = {
        "type": "Microsoft.DataFactory/factories", "apiVersion": "2018-06-01", "name": "team-adf",
        "location": "westeurope", "properties": {},
    }  # fmt: skip
    return template(factory)


def _adf_files(parts: Parts) -> dict[str, str | bytes]:
    said = {
        part: {"name": part.split("/")[1], "properties": _definition(part, parts[part])} for part in parts
    }
    said["pipeline/always"] = {"name": "always", "properties": _definition("pipeline/always", 0)}
    return {**{f"datafactory/{p}.json": json.dumps(said[p]) for p in said}}


def _adf_path(part: str) -> str:
    kind, _, name = part.partition("/")
    return f"{FACTORY}/{_ADF[kind]}/{name}"


def _adf_put(sandbox: Sandbox, part: str, variant: int) -> None:
    said = {**_definition(part, variant), "description": "by hand"}
    Azure().call("PUT", _adf_path(part), "2018-06-01", {"properties": said})


def _adf_drop(sandbox: Sandbox, part: str) -> None:
    Azure().call("DELETE", _adf_path(part), "2018-06-01")


# Databricks

_FOLDER = workspaces.FOLDER


def _dbx_lines(parts: Parts) -> str:
    scoped = [p for p in sorted(parts) if p.startswith("scoped/")]
    values = ("${env:FIRST_VALUE}", "${env:SECOND_VALUE}")
    said = ", ".join(f'{p.split("/")[1]}: "{values[parts[p]]}"' for p in scoped)
    lines = [
        workspaces.NOTEBOOKS,
        f"secretScopes: {{team: {{permissions: {{users: READ}}, secrets: {{{said}}}}}}}",
    ]
    if "job/nightly" in parts:
        lines.append("jobs: [{file: jobs/nightly.yaml}]")
    return workspaces.section(*lines)


def _dbx_files(parts: Parts) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        f"notebooks/{p.partition('/')[2]}.py": workspaces.notebook(f"print({parts[p]})")
        for p in parts
        if p.startswith("notebook/")
    }
    files["notebooks/always.py"] = workspaces.notebook("print('always')")
    if "job/nightly" in parts:
        task = {
            "task_key": "one", "notebook_task": {"notebook_path": f"{_FOLDER}/always"},
            "new_cluster": {"spark_version": "15.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1},
        }  # fmt: skip
        job = {"timeout_seconds": 600 * (parts["job/nightly"] + 1), "tasks": [task]}
        files["jobs/nightly.yaml"] = json.dumps({"resources": {"jobs": {"nightly": job}}})
    return files


def _dbx_put(sandbox: Sandbox, part: str, variant: int) -> None:
    client, (kind, _, name) = workspaces.person(sandbox, NAME), part.partition("/")
    if kind == "notebook":
        client.workspace.mkdirs(f"{_FOLDER}/{name}".rsplit("/", 1)[0])
        workspaces.write(client, f"{_FOLDER}/{name}", f"print('by hand {variant}')")
    elif kind == "scoped":
        client.secrets.put_secret("team", name, string_value=f"a secret by hand {variant}")
    else:
        for job in client.jobs.list():
            if job.settings.name == name:
                changed = job.settings
                changed.timeout_seconds = variant + 1
                client.jobs.update(job.job_id, new_settings=changed)


def _dbx_drop(sandbox: Sandbox, part: str) -> None:
    client, (kind, _, name) = workspaces.person(sandbox, NAME), part.partition("/")
    if kind == "notebook":
        client.workspace.delete(f"{_FOLDER}/{name}")
    elif kind == "scoped":
        client.secrets.delete_secret("team", name)
    else:
        for job in client.jobs.list():
            if job.settings.name == name:
                client.jobs.delete(job.job_id)


def _dbx_theirs(sandbox: Sandbox) -> None:
    client = workspaces.person(sandbox, NAME)
    workspaces.write(client, f"{_FOLDER}/theirs", "print('theirs')")
    client.secrets.put_secret("team", "theirs", string_value="a scoped secret of theirs")


FAMILIES: Mapping[str, Family] = {
    "arm": Family(
        ("identity/a", "identity/b", "secret/x", "secret/y"),
        _arm_base, _arm_lines, lambda _: {}, _arm_put, _arm_drop, _arm_theirs,
    ),
    "adf": Family(
        ("linkedService/lake", "dataset/one", "pipeline/a", "pipeline/b"),
        _adf_base, lambda _: "dataFactory: {factory: team-adf, definitions: datafactory/}\n", _adf_files,
        _adf_put, _adf_drop, lambda sandbox: _adf_put(sandbox, "pipeline/theirs", 0),
    ),
    "databricks": Family(
        ("notebook/a", "notebook/deep/b", "job/nightly", "scoped/k", "scoped/l"),
        lambda _: workspaces.workspace_template(), _dbx_lines, _dbx_files, _dbx_put, _dbx_drop, _dbx_theirs,
    ),
}  # fmt: skip


def whole(parts: Parts) -> Parts:
    """What is said, with what it needs."""
    needed = {"linkedService/lake": 0} if "dataset/one" in parts else {}
    return {**needed, **parts}
