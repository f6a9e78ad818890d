"""Secret scopes of a Databricks workspace, kept by the product on the sandbox; hands act through the real SDK."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import AclPermission
from support.databricks import RESOURCE_ID, Workspace
from support.sandbox import Sandbox
from support.secret_loop import Loop, scope, scope_secret

from reconciler.change import Action
from reconciler.diff import Cause
from reconciler.outcome import Result
from reconciler.providers import retries
from reconciler.resource import Key, Resource

SOURCE = "${env:API_KEY}"


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


@pytest.fixture
def at(workspace: Workspace) -> dict[str, Any]:
    return {"host": workspace.host, "resourceId": RESOURCE_ID}


@pytest.fixture
def loop() -> Loop:
    return Loop({"API_KEY": "the value of the setting"})


@pytest.fixture
def hands(workspace: Workspace) -> WorkspaceClient:
    return workspace.admin


def kept(sandbox: Sandbox, name: str) -> str:
    """A secret as the workspace holds it, from the sandbox's file: no API gives the value back."""
    with closing(sqlite3.connect(f"file:{sandbox.state / 'world.db'}?mode=ro", uri=True)) as store:
        query = "SELECT document FROM documents WHERE collection = 'databricks.secrets' AND key LIKE ?"
        ((text,),) = store.execute(query, (f"%/{name}",))
    return base64.b64decode(json.loads(text)["secret"]).decode()


def acls(hands: WorkspaceClient, name: str) -> dict[str, str]:
    return {
        str(each.principal): each.permission.value
        for each in hands.secrets.list_acls(name)
        if each.permission
    }


def wanted(at: dict[str, Any], **spec: Any) -> tuple[Resource, Resource]:
    said = {"permissions": {"users": "READ"}, **spec}
    return scope(at, "bikes", **said), scope_secret(at, "bikes/key", SOURCE)


def test_a_scope_with_its_secret_is_made_and_then_left_alone(
    at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """Our own right to manage it, which the service gives to whoever makes it, is no difference."""
    outcomes = loop.tick(*wanted(at))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert acls(hands, "bikes")["users"] == "READ" and len(acls(hands, "bikes")) == 2
    assert [each.key for each in hands.secrets.list_secrets("bikes")] == ["key"]
    assert loop.settled(*wanted(at))


def test_a_changed_setting_arrives(workspace: Workspace, at: dict[str, Any], loop: Loop) -> None:
    """By no commit: drift of the source."""
    loop.tick(*wanted(at))
    assert kept(workspace.sandbox, "bikes/key") == "the value of the setting"
    loop.settings["API_KEY"] = "rotated"
    (change,) = loop.plan(*wanted(at)).changes
    assert (change.cause, change.fields[0].reason) == (Cause.DRIFT, "secretSource")
    loop.tick(*wanted(at))
    assert kept(workspace.sandbox, "bikes/key") == "rotated"
    assert loop.settled(*wanted(at))


def test_a_secret_overwritten_by_hand_or_deleted_is_put_back(
    workspace: Workspace, at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """Seen by the time that the list shows, since nothing gives the value back."""
    loop.tick(*wanted(at))
    workspace.sandbox.advance("PT5S")
    hands.secrets.put_secret("bikes", "key", string_value="by hand")
    (change,) = loop.plan(*wanted(at)).changes
    assert (change.action, change.cause, [f.path for f in change.fields]) == (
        Action.UPDATE,
        Cause.DRIFT,
        ["value"],
    )
    loop.tick(*wanted(at))
    assert kept(workspace.sandbox, "bikes/key") == "the value of the setting"
    assert loop.settled(*wanted(at))
    hands.secrets.delete_secret("bikes", "key")
    (change,) = loop.plan(*wanted(at)).changes
    assert (change.action, change.cause) == (Action.CREATE, Cause.DRIFT)
    loop.tick(*wanted(at))
    assert loop.settled(*wanted(at))


def test_permissions_edited_by_hand_are_put_back(
    at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """A level, a principal more, a principal less."""
    loop.tick(*wanted(at))
    hands.secrets.put_acl("bikes", "users", AclPermission.WRITE)
    hands.secrets.put_acl("bikes", "admins", AclPermission.READ)
    (change,) = loop.plan(*wanted(at)).changes
    assert {f.path for f in change.fields} == {"permissions.users", "permissions.admins"}
    assert change.cause is Cause.DRIFT
    loop.tick(*wanted(at))
    assert acls(hands, "bikes")["users"] == "READ" and "admins" not in acls(hands, "bikes")
    hands.secrets.delete_acl("bikes", "users")
    loop.tick(*wanted(at))
    assert acls(hands, "bikes")["users"] == "READ"
    assert loop.settled(*wanted(at))


def test_a_deleted_scope_comes_back_with_its_permissions_and_secrets(
    at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """Within one tick."""
    loop.tick(*wanted(at))
    hands.secrets.delete_scope("bikes")
    plan = loop.plan(*wanted(at))
    assert [(c.action, c.cause) for c in plan.changes] == [(Action.CREATE, Cause.DRIFT)] * 2
    loop.tick(*wanted(at))
    assert acls(hands, "bikes")["users"] == "READ"
    assert loop.settled(*wanted(at))


def test_what_others_keep_is_told_and_never_deleted(
    at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """A secret of a person in our scope keeps the scope; their own scope is only told."""
    loop.tick(*wanted(at))
    hands.secrets.put_secret("bikes", "theirs", string_value="x")
    hands.secrets.create_scope("their-scope")
    host = str(at["host"])
    assert loop.plan(*wanted(at)).unmanaged == (
        Key("databricks.secret", host, "bikes/theirs"),
        Key("databricks.secretScope", host, "their-scope"),
    )
    outcomes = {outcome.key.name: outcome for outcome in loop.tick()}
    assert outcomes["bikes/key"].result is Result.DONE
    assert [each.key for each in hands.secrets.list_secrets("bikes")] == ["theirs"]
    assert "bikes" not in outcomes
    (held,) = loop.plan().blocked
    assert (held.code, "theirs" in held.reason) == ("kept", True)


def test_a_secret_that_exists_and_is_not_ours_is_not_taken_over(
    at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """Nobody can tell its value."""
    hands.secrets.create_scope("bikes")
    hands.secrets.put_acl("bikes", "users", AclPermission.READ)
    hands.secrets.put_secret("bikes", "key", string_value="x")
    plan = loop.plan(*wanted(at))
    assert [(change.key.name, change.action) for change in plan.changes] == [("bikes", Action.ADOPT)]
    assert [(held.key.name, held.code) for held in plan.blocked] == [("bikes/key", "exists")]
    assert "Nobody can read its value" in plan.blocked[0].reason, (
        "it is not said to differ: that is not known"
    )


def test_a_scope_that_left_git_goes_after_its_secrets(
    at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """In reverse order."""
    loop.tick(*wanted(at))
    outcomes = loop.tick()
    assert [outcome.key.name for outcome in outcomes] == ["bikes/key", "bikes"]
    assert not list(hands.secrets.list_scopes())


def test_a_standard_workspace_takes_only_scopes_that_all_users_manage(sandbox: Sandbox, loop: Loop) -> None:
    """`initial_manage_principal: users` is sent where users shall MANAGE."""
    standard = Workspace.make(sandbox, sku="standard")
    at = {"host": standard.host, "resourceId": RESOURCE_ID}
    (outcome,) = loop.tick(scope(at, "closed", permissions={"users": "READ"}))
    assert outcome.result is Result.FAILED
    (outcome,) = loop.tick(scope(at, "open", permissions={"users": "MANAGE"}))[:1]
    assert outcome.result is Result.DONE
    assert acls(standard.admin, "open") == {"users": "MANAGE"}


def vault_scope(workspace: Workspace, at: dict[str, Any]) -> Resource:
    made = workspace.arm.put(
        "Microsoft.KeyVault/vaults/bikes-kv",
        {
            "location": "westeurope",
            "properties": {
                "tenantId": "00000000-0000-0000-0000-00000000000a",
                "sku": {"family": "A", "name": "standard"},
                "accessPolicies": [],
            },
        },
        "2023-07-01",
    )
    behind = {"resourceId": made["id"], "dnsName": "https://bikes-kv.vault.azure.net/"}
    return scope(at, "vaulted", backend="AZURE_KEYVAULT", keyVault=behind)


def test_a_scope_of_a_vault_is_made_where_the_service_lets_us_and_told_where_not(
    workspace: Workspace, at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """Databricks lets only users; what a person has to enter is in the error, and their scope is taken over."""
    asked = vault_scope(workspace, at)
    (outcome,) = loop.tick(asked)
    assert (outcome.result, outcome.code) == (Result.FAILED, "by-hand")
    assert f"https://{at['host']}#secrets/createScope" in outcome.error
    assert (
        "https://bikes-kv.vault.azure.net/" in outcome.error
        and asked.spec["keyVault"]["resourceId"] in outcome.error
    )
    workspace.sandbox.control("POST", "databricks/keyvault-scopes", {"enabled": True})
    fresh = Loop()
    (outcome,) = fresh.tick(asked)
    assert (outcome.action, outcome.result) == (Action.CREATE, Result.DONE)
    assert fresh.settled(asked)
    (outcome,) = Loop().tick(asked)
    assert outcome.action is Action.ADOPT


def test_a_scope_of_a_vault_is_never_overwritten_or_deleted(
    workspace: Workspace, at: dict[str, Any], loop: Loop, hands: WorkspaceClient
) -> None:
    """It may be that only a person can make it again."""
    asked = vault_scope(workspace, at)
    workspace.sandbox.control("POST", "databricks/keyvault-scopes", {"enabled": True})
    loop.tick(asked)
    (held,) = loop.plan(scope(at, "vaulted")).blocked
    assert held.code == "replace"
    (held,) = loop.plan().blocked
    assert held.code == "kept"
    assert not loop.tick()
    assert [each.name for each in hands.secrets.list_scopes()] == ["vaulted"]


@pytest.mark.parametrize("do", ["drop-before", "drop-after"])
@pytest.mark.parametrize("path", ["*/secrets/scopes/create", "*/secrets/put", "*/secrets/acls/put"])
def test_a_call_without_an_answer_is_settled(
    workspace: Workspace,
    at: dict[str, Any],
    loop: Loop,
    hands: WorkspaceClient,
    monkeypatch: pytest.MonkeyPatch,
    do: str,
    path: str,
) -> None:
    """However it ended, later ticks leave all of it: by what was intended, and by a look."""
    monkeypatch.setattr(retries, "_wait", lambda state: 0.0)
    workspace.sandbox.fault(do, match={"path": path}, times=6)
    loop.tick(*wanted(at))
    workspace.sandbox.control("DELETE", "faults")
    loop.tick(*wanted(at))
    loop.tick(*wanted(at))
    assert loop.settled(*wanted(at))
    assert acls(hands, "bikes")["users"] == "READ"
    assert kept(workspace.sandbox, "bikes/key") == "the value of the setting"


def test_a_workspace_that_refuses_us_is_unknown(workspace: Workspace, at: dict[str, Any], loop: Loop) -> None:
    """Never absent: nothing is made or deleted on this ground."""
    loop.tick(*wanted(at))
    workspace.sandbox.fault("status", match={"path": "*/secrets/acls/list"}, status=403, times=1)
    assert {held.code for held in loop.plan(*wanted(at)).blocked} == {"unreadable"}


def test_not_knowing_ourselves_leaves_a_scope_unknown(
    workspace: Workspace, at: dict[str, Any], loop: Loop
) -> None:
    """Whose right it is that the list shows beside ours is asked of SCIM: a refusal there ends no tick."""
    loop.tick(*wanted(at))
    loop.settings["API_KEY"] = "rotated"
    workspace.sandbox.fault("status", match={"path": "*/scim/v2/Me"}, status=403, times=1)
    codes = {held.key.kind: held.code for held in loop.plan(*wanted(at)).blocked}
    assert codes == {"databricks.secretScope": "unreadable", "databricks.secret": "needs"}
