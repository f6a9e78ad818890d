"""The installation guide, followed word for word on the sandbox: it ends with an app that works."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.guide import Guide
from support.project import Azure, group
from support.repositories import IDENTITY, make
from support.sandbox import ROOT, Sandbox, foreign_names

PAGE = ROOT / "docs" / "install.md"
PLAYED = (
    ".azure.com",
    ".azure.net",
    ".windows.net",
    ".azurewebsites.net",
    ".github.com",
    ".microsoftonline.com",
)
LOADED = """
import json, sys
from pathlib import Path
import reconciler
from support.functions import Worker
worker = Worker(Path.cwd())
print(json.dumps({"package": reconciler.__file__, "functions": sorted(worker.ids)}))
worker.close()
"""


@dataclass(frozen=True)
class Installed:
    """What the guide leaves behind, before its last chapters."""

    guide: Guide
    sandbox: Sandbox
    bare: Path

    def stored(self, collection: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.control("GET", "state")[collection]
        return found

    def resource(self, type_: str) -> dict[str, Any]:
        """The one resource of a type in the app's group."""
        every = self.stored("arm.resources").values()
        [found] = [r for r in every if r["type"] == type_ and "/resourceGroups/reconciler/" in r["id"]]
        return dict(found)

    def secret(self, name: str) -> str:
        """Read by the app's own identity, as App Service resolves references."""
        from azure.identity import ManagedIdentityCredential
        from azure.keyvault.secrets import SecretClient

        who = self.resource("Microsoft.ManagedIdentity/userAssignedIdentities")["properties"]["clientId"]
        vault = f"https://{self.guide.variables()['VAULT']}.vault.azure.net"
        return SecretClient(vault, ManagedIdentityCredential(client_id=who)).get_secret(name).value or ""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Steps 1 to 6 for GitHub. `az login` is that of a managed identity, which needs no browser."""
    az = ROOT / ".venv-az" / "bin"
    if not (az / "az").exists():
        pytest.skip("the Azure CLI is not there: `make test` installs it into .venv-az")
    folder = tmp_path_factory.mktemp("install")
    running = Sandbox.start(folder / "sandbox")
    bare = folder / "platform.git"
    make(folder / "seed", {"readme.md": "platform\n"})
    subprocess.run(["git", "clone", "--quiet", "--bare", folder / "seed", bare], check=True)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder / "reconciler"], check=True)
    env = {
        **running.env,
        **IDENTITY,
        "PATH": os.pathsep.join([str(az), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{bare.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/contoso/platform.git",
    }
    guide = Guide(PAGE, folder / "reconciler", env, folder / "kept.sh")
    subprocess.run(["az", "login", "--identity", "--output", "none"], env=env, check=True)
    guide.run(guide.blocks(), typed="github_pat_reads\ngithub_pat_admin\n")
    subprocess.run(
        ["git", "push", "--quiet", bare, "first-environment:main"], cwd=folder / "platform", check=True
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in foreign_names(os.environ):
            patch.delenv(name)
        for name, value in running.variables.items():
            patch.setenv(name, value)
        yield Installed(guide, running, bare)
    running.stop()


def test_the_guide_ends_with_a_working_app_definition(installed: Installed, tmp_path: Path) -> None:
    """The package that the app's container holds, with the settings that the site has, in Functions' own library."""
    site = installed.resource("Microsoft.Web/sites")
    settings = _resolved(installed, site["_settings"])
    folder = tmp_path / "package"
    _unpack(_package(installed), folder)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RECONCIL", "AzureWebJobs"))
    }
    env = {**kept, **settings, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert Path(loaded["package"]).is_relative_to(folder), "the package's own code, not the checkout's"
    assert loaded["functions"] == [
        "command", "dashboard", "environments", "reconcile", "reconcile_poison", "reconcile_timer", "webhook",
    ]  # fmt: skip


def test_what_the_app_is_told_is_what_was_typed(installed: Installed) -> None:
    """Secrets reach the app through its vault, and stand neither in its settings nor in the deployment."""
    from reconciler import settings

    site = installed.resource("Microsoft.Web/sites")
    said = settings.read(_resolved(installed, site["_settings"]))
    kept = installed.guide.variables()
    assert said.webhook_secrets == (kept["WEBHOOK_SECRET"],)
    assert (said.repository, said.token) == (kept["REPOSITORY"], "github_pat_reads")
    assert said.storage.queues == f"https://{said.storage.queues[8:].split('.')[0]}.queue.core.windows.net"
    assert said.storage.client_id == said.environ["AZURE_CLIENT_ID"]
    deployment = group("reconciler", "Microsoft.Resources/deployments/reconciler")
    told = json.dumps([site["_settings"], Azure().get(deployment, "2025-04-01")])
    assert kept["WEBHOOK_SECRET"] not in told and "github_pat_reads" not in told
    [hook] = installed.stored("github.hooks").values()
    assert hook["config"]["url"] == f"{kept['URL']}/api/webhook/github"
    assert hook["config"]["secret"] == kept["WEBHOOK_SECRET"]


def test_nothing_was_asked_of_a_host_that_is_not_played(installed: Installed) -> None:
    """A step that quietly failed, or left the sandbox, would show here."""
    # The CLI itself looks there for hints and news, whatever command it runs.
    seen = [entry for entry in installed.sandbox.journal() if not entry["host"].startswith("azcliprod.")]
    assert [entry for entry in seen if entry["status"] in (501, 502)] == []
    assert all(entry["host"].endswith(PLAYED) or entry["host"] == "127.0.0.1" for entry in seen)


def test_the_merged_pull_request_is_released_by_the_app_s_own_identity(
    installed: Installed, tmp_path: Path
) -> None:
    """The rights that the guide grants are enough, for the environment and for the key of the fingerprints."""
    site = installed.resource("Microsoft.Web/sites")
    settings = _resolved(installed, site["_settings"])
    env = {**installed.guide.env, "AZURE_CLIENT_ID": settings["AZURE_CLIENT_ID"]}
    place = ["--repo", str(installed.bare), "--state", str(tmp_path / "state"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "tick", "dev", *place], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [o["result"] for o in json.loads(done.stdout)["outcomes"]] == ["done", "done"]
    account = next(
        r for key, r in installed.stored("arm.resources").items() if "/resourcegroups/first-dev/" in key
    )
    assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
    doctor = [sys.executable, "-m", "reconciler", "doctor", "dev", *place]
    checked = subprocess.run(doctor, env=env, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_last_chapters_change_how_the_repository_is_read_and_remove_the_app(installed: Installed) -> None:
    """Runs last: the app is deployed anew for Azure Repos, then for a GitHub App, and removed."""
    guide, key = installed.guide, "-----BEGIN RSA PRIVATE KEY-----\nnone\n"
    (guide.folder / "github-app.pem").write_text(key, "utf-8")
    kept = guide.kept.read_text("utf-8").rsplit("cd ", 1)[0]
    guide.kept.write_text(f"{kept}cd {guide.folder}\n", "utf-8")
    guide.run(guide.blocks(test="azure-repos"))
    before = installed.resource("Microsoft.Web/sites")
    assert before["_settings"]["RECONCILER_GIT_TOKEN"] == ""
    guide.run(guide.blocks(test="github-app"))
    settings = installed.resource("Microsoft.Web/sites")["_settings"]
    assert (settings["RECONCILER_GITHUB_APP"], settings["RECONCILER_GIT_TOKEN"]) == ("123456", "")
    assert settings["RECONCILER_GITHUB_KEY"].endswith("/secrets/github-app-key")
    assert installed.secret("github-app-key").strip() == key.strip()
    secret = guide.variables()["WEBHOOK_SECRET"]
    assert installed.secret("webhook-secrets") == secret, "who begins with this chapter has a webhook, too"
    guide.run(guide.blocks(test="last"))
    left = [key for key in installed.stored("arm.resources") if "/resourcegroups/reconciler/" in key]
    assert left == []


def _resolved(installed: Installed, settings: Mapping[str, str]) -> dict[str, str]:
    """As App Service hands them on: a reference to a secret is its value."""
    start, end = "SecretName=", ")"
    return {
        name: installed.secret(value.split(start)[1].removesuffix(end)) if start in value else value
        for name, value in settings.items()
    }


def _package(installed: Installed) -> bytes:
    [path] = (installed.sandbox.state / "storage").glob("*/deploymentpackage/released-package.zip")
    return path.read_bytes()


def _unpack(package: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extractall(folder)
        assert {name.split("/")[0] for name in archive.namelist()} == {
            "function_app.py", "host.json", "requirements.txt", "reconciler",
        }  # fmt: skip
