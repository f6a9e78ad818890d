"""arm/reconciler.json, the app's own template: evaluated here, deployed by our own reconciler, and kept."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.project import Azure, empty, environment, group
from support.sandbox import ROOT, Sandbox

TEMPLATE = (ROOT / "arm" / "reconciler.json").read_text("utf-8")
SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/f"
PARAMETERS = """        repository: https://github.com/contoso/platform.git
        name: contoso-reconciler
        networkAddressPrefix: 10.20.0.0/24
        authClientId: 11111111-0000-0000-0000-000000000000
        alertEmail: platform-team@example.org
        alwaysReadyHttp: 1
        gitSignIn: token
        writeSecrets: [webhook-secrets]
        webhookSecret: ${env:HOOK}
"""


def _evaluated(folder: Path, **parameters: Any) -> dict[str, Any]:
    """The resources of the template by type, each a list."""
    file = folder / "parameters.json"
    given = {"repository": "https://github.com/contoso/platform.git", **parameters}
    file.write_text(
        json.dumps({"parameters": {name: {"value": value} for name, value in given.items()}}), "utf-8"
    )
    done = _template(str(ROOT / "arm" / "reconciler.json"), "--parameters", str(file))
    found: dict[str, Any] = {}
    for resource in done["resources"]:
        found.setdefault(resource["type"].removeprefix("Microsoft."), []).append(resource)
    return found


def _template(*words: str) -> Any:
    from typer.testing import CliRunner

    from reconciler.cli import app

    done = CliRunner().invoke(app, ["template", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_what_is_optional_is_left_out(tmp_path: Path) -> None:
    """By its defaults: no network, no sign-in, no instance kept ready, no secret written, nobody told."""
    found = _evaluated(tmp_path)
    for absent in (
        "Network/virtualNetworks",
        "Web/sites/config",
        "Insights/actionGroups",
        "KeyVault/vaults/secrets",
    ):
        assert absent not in found
    [site] = found["Web/sites"]
    config = site["properties"]["functionAppConfig"]
    assert config["scaleAndConcurrency"] == {
        "maximumInstanceCount": 40,
        "instanceMemoryMB": 2048,
        "alwaysReady": [],
    }
    assert site["properties"]["virtualNetworkSubnetId"] is None
    assert site["properties"]["outboundVnetRouting"] == {"allTraffic": False}
    assert len(found["Insights/scheduledQueryRules"]) == 3
    given = _evaluated(tmp_path, subnetId=SUBNET)
    assert given["Web/sites"][0]["properties"]["virtualNetworkSubnetId"] == SUBNET


def test_no_key_opens_anything(tmp_path: Path) -> None:
    """Storage, vault, telemetry and publishing know identities alone; each role is on one resource of the app's."""
    found = _evaluated(tmp_path)
    assert found["Storage/storageAccounts"][0]["properties"]["allowSharedKeyAccess"] is False
    assert found["KeyVault/vaults"][0]["properties"]["enableRbacAuthorization"] is True
    assert found["Insights/components"][0]["properties"]["DisableLocalAuth"] is True
    policies = found["Web/sites/basicPublishingCredentialsPolicies"]
    assert [one["properties"] for one in policies] == [{"allow": False}, {"allow": False}]
    scopes = Counter(one["scope"].rsplit("/", 2)[-2] for one in found["Authorization/roleAssignments"])
    assert scopes == {"storageAccounts": 3, "vaults": 1, "components": 1}
    settings = {one["name"] for one in found["Web/sites"][0]["properties"]["siteConfig"]["appSettings"]}
    assert "AzureWebJobsStorage__accountName" in settings
    assert "AzureWebJobsStorage" not in settings, "a connection string would hold a key"


def test_every_setting_of_the_template_is_one_that_something_reads(tmp_path: Path) -> None:
    """A misspelt name would be read by nobody, and nobody would notice."""
    from reconciler.settings import NAMES

    host = {
        "AzureWebJobsStorage__credential", "AZURE_CLIENT_ID", "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "RECONCILE_SCHEDULE",
    }  # fmt: skip
    settings = _evaluated(tmp_path)["Web/sites"][0]["properties"]["siteConfig"]["appSettings"]
    names = [one["name"] for one in settings]
    assert len(names) == len(set(names))
    assert set(names) <= set(NAMES) | host


def test_our_own_reconciler_deploys_it_and_keeps_it(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is optional is on. A second plan has nothing to say, and what is changed by hand is put back."""
    monkeypatch.setenv("HOOK", "a webhook's secret")
    monkeypatch.setenv("RECONCILER_SECRETS", "HOOK")
    project = empty(tmp_path, sandbox)
    text = environment("hosted", template="arm/reconciler.json")
    text = text.replace(
        "    - {name: main, template: arm/reconciler.json}\n",
        f"    - name: main\n      template: arm/reconciler.json\n      parameters:\n{PARAMETERS}",
    )
    project.repository.commit({"environments/hosted.yaml": text, "arm/reconciler.json": TEMPLATE})
    done = project.run("apply", "hosted", "--yes")
    assert done.code == 0, done.text
    assert {outcome["result"] for outcome in done.json["outcomes"]} == {"done"}
    planned = project.run("plan", "hosted")
    assert (planned.code, planned.json["changes"]) == (0, []), planned.text
    assert planned.json["calls"]["read"] == 1 + planned.json["summary"]["unchanged"], (
        "as docs/cost.md reckons"
    )
    azure, site = Azure(), group("hosted", "Microsoft.Web/sites/contoso-reconciler")
    live = azure.get(site, "2025-05-01")
    assert live["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"] == [
        {"name": "http", "instanceCount": 1}
    ]
    before = azure.call("POST", f"{site}/config/appsettings/list", "2025-05-01")["properties"]
    live["properties"]["functionAppConfig"]["scaleAndConcurrency"]["maximumInstanceCount"] = 900
    azure.call("PUT", site, "2025-05-01", live)
    [change] = project.run("plan", "hosted").json["changes"]
    path = "properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount"
    assert [(field["path"], field["cause"]) for field in change["fields"]] == [(path, "drift")]
    assert project.run("tick", "hosted").code == 0
    scale = azure.get(site, "2025-05-01")["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert scale["maximumInstanceCount"] == 40
    after = azure.call("POST", f"{site}/config/appsettings/list", "2025-05-01")["properties"]
    assert after == before
    assert after["RECONCILER_AUTH"] == "easyauth"
    assert "a webhook's secret" not in json.dumps([done.json, planned.json, after])
