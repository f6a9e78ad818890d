"""A project whose environment has a vault, a storage account and a workspace, and secrets in all of them."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import requests
from support import workspaces
from support.project import Azure, Project, Ran, empty, environment, group, storage, template
from support.sandbox import Sandbox

ACCOUNT, VAULT = "teamdata0001", "team-kv"
ACCOUNT_ID = group("one", f"Microsoft.Storage/storageAccounts/{ACCOUNT}")
VAULT_ID = group("one", f"Microsoft.KeyVault/vaults/{VAULT}")
WORKSPACE_ID = group("one", f"{workspaces.RESOURCE}/team-dbw")
URL = f"https://{VAULT}.vault.azure.net"
OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
KEY = f"${{storageKey:{ACCOUNT}}}"


def _template(*, workspace: bool) -> dict[str, Any]:
    """A vault that is opened by a role assignment, an account, and if wanted a workspace."""
    vault = {
        "type": "Microsoft.KeyVault/vaults",
        "apiVersion": "2023-07-01",
        "name": VAULT,
        "location": "westeurope",
        "properties": {
            "tenantId": "[subscription().tenantId]",
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        },
    }
    id_ = f"resourceId('Microsoft.KeyVault/vaults', '{VAULT}')"
    role = f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{OFFICER}')"
    officer = {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "scope": f"[{id_}]",
        "name": f"[guid({id_}, parameters('me'))]",
        "dependsOn": [f"[{id_}]"],
        "properties": {
            "roleDefinitionId": f"[{role}]",
            "principalId": "[parameters('me')]",
            "principalType": "ServicePrincipal",
        },
    }
    resources, outputs = [storage(ACCOUNT), vault, officer], {}
    if workspace:
        made = workspaces.workspace_template()
        resources += made["resources"]
        outputs = made["outputs"]
    return template(*resources, parameters={"me": {"type": "string"}}, outputs=outputs)


def project(folder: Path, sandbox: Sandbox, *lines: str, keys: str = "", workspace: bool = True) -> Project:
    """lines: what the file says beside `azure`. keys: `azure.storageKeys` in flow style."""
    made = empty(folder, sandbox)
    made.write("arm/main.json", _template(workspace=workspace))
    text = environment("one").replace(
        "template: arm/main.json}", 'template: arm/main.json, parameters: {me: "${identity.objectId}"}}'
    )
    more = [f"  storageKeys: {keys}"] if keys else []
    made.write("environments/one.yaml", text + "\n".join([*more, *lines]) + "\n")
    made.repository.commit()
    return made


def forward(sandbox: Sandbox, duration: str) -> None:
    """Let time pass; who was signed in signs in anew."""
    from reconciler import settings

    sandbox.advance(duration)
    settings.credential.cache_clear()


def ticked(made: Project) -> Ran:
    """A tick that ends well."""
    ran = made.run("tick", "one")
    assert ran.code == 0, ran.text
    return ran


def changes(ran: Ran) -> dict[str, tuple[str, str]]:
    """Action and cause of each change by its key without what is the same for all of its kind."""
    found = {}
    for change in ran.json["changes"]:
        kind, _, name = change["key"].replace("%2F", "/").split("/", 2)
        found[f"{kind.partition('.')[2]} {name}"] = (change["action"], change["cause"])
    return found


def key_of(name: str) -> str:
    keys = Azure().call("POST", f"{ACCOUNT_ID}/listKeys", "2023-05-01")["keys"]
    return next(str(each["value"]) for each in keys if each["keyName"] == name)


def vault() -> Any:
    """A `SecretClient` of somebody whom the vault lets in."""
    from azure.identity import ManagedIdentityCredential
    from azure.keyvault.secrets import SecretClient

    return SecretClient(URL, ManagedIdentityCredential(), retry_total=0)


def value(name: str) -> str:
    return str(vault().get_secret(name).value)


def scope_value(sandbox: Sandbox, name: str) -> str:
    """What stands in a scope, given as SCOPE/KEY: the API gives it to nobody, the sandbox's store does."""
    with closing(sqlite3.connect(f"file:{sandbox.state / 'world.db'}?mode=ro", uri=True)) as store:
        query = "SELECT document FROM documents WHERE collection = 'databricks.secrets' AND key LIKE ?"
        ((text,),) = store.execute(query, (f"%/{name}",))
    return base64.b64decode(json.loads(text)["secret"]).decode()


def host() -> str:
    return str(Azure().get(WORKSPACE_ID, "2024-05-01")["properties"]["workspaceUrl"])


def let_in(token: str, workspace: str) -> bool:
    """Whether a Databricks token is valid now."""
    url = f"https://{workspace}/api/2.0/preview/scim/v2/Me"
    status = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code
    assert status in (200, 401, 403)
    return status == 200
