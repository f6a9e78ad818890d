"""Two clients, one truth: the unmodified `az` deploys the sample, and our plan for the same has nothing to say."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, sample
from support.sandbox import ROOT, Sandbox

AZ = ROOT / ".venv-az" / "bin" / "az"
IDENTITY = "00000000-0000-0000-0000-0000000000f1"


def az_command() -> str:
    found = str(AZ) if AZ.exists() else shutil.which("az")
    if not found:
        pytest.skip("the Azure CLI is not there: `make test` installs it into .venv-az")
    return found


class Az:
    """The Azure CLI with nothing but the sandbox's environment variables."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.command, self.env = az_command(), sandbox.env

    def __call__(self, *words: str) -> Any:
        done = subprocess.run(
            [self.command, *words, "--output", "json"], env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"az {' '.join(words)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None


def test_az_deploys_and_the_plan_is_empty(tmp_path: Path, sandbox: Sandbox) -> None:
    project: Project = sample(tmp_path, sandbox)
    az = Az(sandbox)
    [account] = az("login", "--identity")[:1]
    assert account["user"]["type"] == "servicePrincipal"
    assert (
        az("group", "create", "-n", "bikeshare-dev", "-l", "westeurope")["properties"]["provisioningState"]
        == "Succeeded"
    )
    me = IDENTITY
    parameters = {
        "storageAccountName": "bikesharedev",
        "keyVaultName": "bikeshare-dev-kv",
        "dataFactoryName": "bikeshare-dev-adf",
        "deployDatabricks": "true",
        "reconcilerObjectId": me,
    }
    given = [f"{name}={value}" for name, value in parameters.items()]
    template = str(ROOT / "arm" / "azuredeploy.json")
    deployed = az(
        "deployment", "group", "create", "-g", "bikeshare-dev", "-n", "first", "--template-file", template,
        "--parameters", *given,
    )  # fmt: skip
    assert deployed["properties"]["provisioningState"] == "Succeeded"
    outputs = az("deployment", "group", "show", "-g", "bikeshare-dev", "-n", "first")["properties"]["outputs"]
    assert outputs["keyVaultUri"]["value"] == "https://bikeshare-dev-kv.vault.azure.net/"
    shown = az("storage", "account", "show", "-g", "bikeshare-dev", "-n", "bikesharedev")
    assert (shown["isHnsEnabled"], shown["minimumTlsVersion"]) == (True, "TLS1_2")
    keys = az("storage", "account", "keys", "list", "-g", "bikeshare-dev", "-n", "bikesharedev")
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    az("keyvault", "secret", "set", "--vault-name", "bikeshare-dev-kv", "-n", "hello", "--value", "world")
    got = az("keyvault", "secret", "show", "--vault-name", "bikeshare-dev-kv", "-n", "hello")
    assert got["value"] == "world"
    whatif = az(
        "deployment", "group", "what-if", "-g", "bikeshare-dev", "--no-pretty-print", "--template-file", template,
        "--parameters", *given,
    )  # fmt: skip
    assert {change["changeType"] for change in whatif["changes"]} <= {"NoChange", "Ignore"}, whatif
    planned = project.run("plan", "dev")
    assert planned.code == 0, planned.text
    assert planned.json["blocked"] == []
    assert {change["action"] for change in planned.json["changes"]} == {"adopt"}
    ticked = project.run("tick", "dev")
    assert (ticked.code, ticked.json["calls"]["write"]) == (0, 0)
    planned = project.run("plan", "dev")
    assert (planned.code, planned.json["changes"]) == (0, [])
