"""Secrets stay in vault and scope as Git says: whoever changes, deletes or regenerates them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import secret_project as secrets
from support import workspaces
from support.project import Azure, Project
from support.sandbox import Sandbox
from support.secret_project import (
    ACCOUNT_ID,
    KEY,
    VAULT_ID,
    changes,
    key_of,
    scope_value,
    ticked,
    value,
    vault,
)

DELETED = (
    f"/subscriptions/{VAULT_ID.split('/')[2]}/providers/Microsoft.KeyVault/locations/westeurope"
    f"/deletedVaults/{secrets.VAULT}"
)
LINES = (
    "databricks:",
    "  workspace: ${azure.main.url}",
    "  resourceId: ${azure.main.id}",
    "  secretScopes:",
    f'    team: {{permissions: {{users: READ}}, secrets: {{key: "{KEY}", other: "{KEY}"}}}}',
    "keyVault:",
    f"  vault: {secrets.VAULT}",
    f'  secrets: {{key: "{KEY}", made: {{generate: {{length: 40}}}}}}',
)
DRIFT = ("update", "drift")


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    made = secrets.project(tmp_path, sandbox, *LINES)
    ticked(made)
    return made


def quiet(project: Project) -> bool:
    planned = project.run("plan", "one")
    return (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], [])


def holds_the_key(sandbox: Sandbox) -> bool:
    """Whether vault and scope have the account's key."""
    found = {value("key"), scope_value(sandbox, "team/key"), scope_value(sandbox, "team/other")}
    return found == {key_of("key1")}


def test_one_tick_fills_vault_and_scope_from_nothing(project: Project, sandbox: Sandbox) -> None:
    """Nobody typed a value; the next plan is empty, and reads no value."""
    assert holds_the_key(sandbox) and len(value("made")) == 40
    at = len(sandbox.journal())
    assert quiet(project)
    asked = [e["path"] for e in sandbox.journal()[at:]]
    assert not [path for path in asked if path.endswith("/listKeys") or path.startswith("/secrets/")]


def test_a_key_regenerated_behind_our_back_is_drift_and_arrives_everywhere_in_one_tick(
    project: Project, sandbox: Sandbox
) -> None:
    Azure().call("POST", f"{ACCOUNT_ID}/regenerateKey", "2023-05-01", {"keyName": "key1"})
    assert not holds_the_key(sandbox)
    copies = dict.fromkeys(("secret key", "secret team/key", "secret team/other"), DRIFT)
    assert changes(project.run("plan", "one")) == copies
    ticked(project)
    assert holds_the_key(sandbox)
    assert quiet(project)


def test_secrets_overwritten_deleted_and_changed_by_hand_are_put_back(
    project: Project, sandbox: Sandbox
) -> None:
    """In the scope one overwritten and one deleted, in the vault one changed and one deleted: each is drift. What
    was generated comes back with the value that it had."""
    made = value("made")
    hands = workspaces.person(sandbox)
    sandbox.advance("PT5S")
    hands.secrets.put_secret("team", "key", string_value="by hand")
    hands.secrets.delete_secret("team", "other")
    vault().set_secret("key", "by hand")
    vault().begin_delete_secret("made").wait()
    assert changes(project.run("plan", "one")) == {
        "secret team/key": DRIFT,
        "secret team/other": ("create", "drift"),
        "secret key": DRIFT,
        "secret made": ("create", "drift"),
    }
    ticked(project)
    assert holds_the_key(sandbox) and value("made") == made
    assert quiet(project)


def test_a_scope_deleted_by_hand_comes_back_with_permissions_and_secrets(
    project: Project, sandbox: Sandbox
) -> None:
    hands = workspaces.person(sandbox)
    hands.secrets.delete_scope("team")
    ticked(project)
    granted = {each.principal: each.permission.value for each in hands.secrets.list_acls("team")}
    assert granted["users"] == "READ"
    assert holds_the_key(sandbox)
    assert quiet(project)


def test_a_deleted_vault_comes_back_with_its_secrets_and_role_assignments(
    project: Project, sandbox: Sandbox
) -> None:
    """It is taken back, not made anew: the generated value is the same, and no version is written."""
    made, versions = value("made"), len(list(vault().list_properties_of_secret_versions("made")))
    roles = f"{VAULT_ID}/providers/Microsoft.Authorization/roleAssignments"
    before = len(Azure().call_query("GET", roles, "2022-04-01", "atScope()"))
    Azure().call("DELETE", VAULT_ID, "2023-07-01")
    assert Azure().there(DELETED, "2023-07-01")
    planned = changes(project.run("plan", "one"))
    assert {name: action for name, (action, _) in planned.items() if name.startswith("secret ")} == {
        "secret key": "create",
        "secret made": "create",
    }
    ticked(project)
    assert not Azure().there(DELETED, "2023-07-01")
    assert len(Azure().call_query("GET", roles, "2022-04-01", "atScope()")) == before
    assert (value("made"), len(list(vault().list_properties_of_secret_versions("made")))) == (made, versions)
    assert holds_the_key(sandbox)
    assert quiet(project)


def test_a_deleted_vault_of_another_group_is_left_deleted_and_told(tmp_path: Path, sandbox: Sandbox) -> None:
    """Taken back it would stand in that group."""
    azure = Azure()
    azure.call("PUT", VAULT_ID.split("/providers/")[0].replace("/one", "/two"), "2021-04-01", _HERE)
    other = VAULT_ID.replace("/one/", "/two/")
    tenant = {"tenantId": "00000000-0000-0000-0000-00000000000a", "sku": {"family": "A", "name": "standard"}}
    azure.call("PUT", other, "2023-07-01", {**_HERE, "properties": {**tenant, "accessPolicies": []}})
    azure.call("DELETE", other, "2023-07-01")
    made = secrets.project(tmp_path, sandbox, workspace=False)
    ran = made.run("tick", "one")
    assert (ran.code, "VaultAlreadyExists" in ran.text) == (1, True), ran.text
    assert azure.there(DELETED, "2023-07-01")


_HERE = {"location": "westeurope"}
