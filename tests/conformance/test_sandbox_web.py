"""The played Function app refuses what Azure refuses, shows what Azure shows, and takes a package only as the
identity that the site names can keep it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import requests
from azure.core.rest import HttpRequest
from azure.identity import ManagedIdentityCredential
from support.project import SUBSCRIPTION, Azure, group, identity, storage
from support.sandbox import Sandbox

WEB = "2025-05-01"
PLAN = group("web", "Microsoft.Web/serverfarms/plan")
SITE = group("web", "Microsoft.Web/sites/contoso-app")
WHO = group("web", "Microsoft.ManagedIdentity/userAssignedIdentities/who")
ACCOUNT = group("web", "Microsoft.Storage/storageAccounts/webstore")
OWNER = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/b7e6dc6d-f1e8-4753-8033-0f276bb0955b"


def _plan(**properties: Any) -> dict[str, Any]:
    return {
        "location": "westeurope",
        "sku": {"name": "FC1", "tier": "FlexConsumption"},
        "properties": properties,
    }


def _site(**properties: Any) -> dict[str, Any]:
    config = {
        "deployment": {
            "storage": {
                "type": "blobContainer",
                "value": "https://webstore.blob.core.windows.net/packages",
                "authentication": {"type": "UserAssignedIdentity", "userAssignedIdentityResourceId": WHO},
            }
        },
        "runtime": {"name": "python", "version": "3.11"},
    }
    return {
        "location": "westeurope",
        "kind": "functionapp,linux",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {WHO: {}}},
        "properties": {"serverFarmId": PLAN, "functionAppConfig": config, **properties},
    }


@pytest.fixture
def azure(sandbox: Sandbox) -> Azure:
    """A group with a plan, an identity and a storage account with a container."""
    azure = Azure()
    azure.call("PUT", group("web"), "2021-04-01", {"location": "westeurope"})
    azure.call("PUT", PLAN, WEB, _plan(reserved=True))
    azure.call("PUT", WHO, "2023-01-31", identity("who"))
    azure.call("PUT", ACCOUNT, "2023-05-01", storage("webstore"))
    azure.call("PUT", f"{ACCOUNT}/blobServices/default/containers/packages", "2023-05-01", {"properties": {}})
    return azure


def _refused(azure: Azure, path: str, body: Any) -> str:
    request = HttpRequest("PUT", f"https://management.azure.com{path}?api-version={WEB}", json=body)
    answer = azure.client.send_request(request)
    assert answer.status_code == 400, answer.text()
    return str(answer.json()["error"]["message"])


def test_what_flex_consumption_refuses(azure: Azure) -> None:
    """Azure's own words, where they are known: a template that is wrong fails here as it would there."""
    assert "reserved" in _refused(azure, group("web", "Microsoft.Web/serverfarms/other"), _plan())
    assert "FunctionAppConfig section was not specified" in _refused(
        azure, SITE, _site(functionAppConfig=None)
    )
    settings = {"appSettings": [{"name": "FUNCTIONS_WORKER_RUNTIME", "value": "python"}]}
    assert "AppSettings.FUNCTIONS_WORKER_RUNTIME" in _refused(azure, SITE, _site(siteConfig=settings))
    assert "SiteConfig.LinuxFxVersion" in _refused(
        azure, SITE, _site(siteConfig={"linuxFxVersion": "PYTHON|3.11"})
    )
    foreign = _site()
    foreign["identity"] = {"type": "SystemAssigned"}
    assert "UserAssignedIdentityResourceId" in _refused(azure, SITE, foreign)


def test_a_site_shows_what_azure_shows(azure: Azure) -> None:
    """App settings are in no GET, a region comes back by its display name, defaults come along."""
    sent = _site(siteConfig={"minTlsVersion": "1.2", "appSettings": [{"name": "A", "value": "secret-value"}]})
    answered = azure.call("PUT", SITE, WEB, sent)
    shown = azure.get(SITE, WEB)
    assert (answered["location"], shown["location"]) == ("westeurope", "West Europe")
    assert shown["properties"]["siteConfig"]["appSettings"] is None
    assert "secret-value" not in str(shown)
    assert shown["properties"]["sku"] == "FlexConsumption"
    assert shown["properties"]["hostNames"] == ["contoso-app.azurewebsites.net"]
    assert azure.call("POST", f"{SITE}/config/appsettings/list", WEB)["properties"] == {"A": "secret-value"}
    assert azure.get(f"{SITE}/basicPublishingCredentialsPolicies/scm", WEB)["properties"] == {"allow": True}
    request = HttpRequest("DELETE", f"https://management.azure.com{PLAN}?api-version={WEB}")
    assert azure.client.send_request(request).status_code == 409, "a plan with apps stays"


def test_a_package_is_kept_as_the_identity_may(azure: Azure, sandbox: Sandbox) -> None:
    """Without its role on the container the deployment fails; with it the package is there and the host runs."""
    site = _site(
        siteConfig={"appSettings": [{"name": "AzureWebJobsStorage__accountName", "value": "webstore"}]}
    )
    azure.call("PUT", SITE, WEB, site)
    assert _published(b"no archive")["status"] == 3
    package = _zip("host.json", "requirements.txt", "function_app.py")
    assert "function_app.py" in _published(_zip("host.json", "requirements.txt"))["status_text"]
    assert "(403)" in _published(package)["status_text"]
    who = azure.get(WHO, "2023-01-31")["properties"]["principalId"]
    for number, role in enumerate((OWNER, OWNER[:-36] + "974c5e8b-45b9-4653-ba55-5f855dd0fb88")):
        given = {"roleDefinitionId": role, "principalId": who, "principalType": "ServicePrincipal"}
        name = f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-00000000000{number}"
        azure.call("PUT", name, "2022-04-01", {"properties": given})
    assert _published(package)["status"] == 4
    [kept] = (sandbox.state / "storage" / "webstore" / "packages").iterdir()
    assert kept.read_bytes() == package
    keys = azure.call("POST", f"{SITE}/host/default/listKeys", WEB)
    host = "https://contoso-app.azurewebsites.net/admin/host/status"
    assert (
        requests.get(host, headers={"x-functions-key": keys["masterKey"]}, timeout=30).json()["state"]
        == "Running"
    )
    assert requests.get(host, timeout=30).status_code == 401


def _published(package: bytes) -> dict[str, Any]:
    """What the latest deployment says after a package was sent."""
    token = ManagedIdentityCredential().get_token("https://appservice.azure.com/.default").token
    headers, scm = {"Authorization": f"Bearer {token}"}, "https://contoso-app.scm.azurewebsites.net"
    assert requests.post(f"{scm}/api/publish", data=package, timeout=30).status_code == 401, (
        "nobody in particular"
    )
    sent = requests.post(f"{scm}/api/publish", data=package, headers=headers, timeout=30)
    assert sent.status_code == 202
    latest: dict[str, Any] = requests.get(f"{scm}/api/deployments/latest", headers=headers, timeout=30).json()
    assert latest["id"] == sent.text.strip('"')
    return latest


def _zip(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return made.getvalue()
