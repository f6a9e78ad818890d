"""A workspace's secret scopes through the real SDK."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.workspace import (
    AclPermission,
    AzureKeyVaultSecretScopeMetadata,
    ScopeBackendType,
)
from support.arm import GROUP
from support.databricks import Workspace
from support.sandbox import Sandbox
from support.vaults import EVERYTHING, URL, VAULT, policy, secrets, vault


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


def test_a_secret_is_listed_by_key_and_time(workspace: Workspace) -> None:
    """Names do not regard case; a value is never answered; its time is that of its last write, in ms."""
    client = workspace.admin.secrets
    client.create_scope("bikes")
    client.put_secret("bikes", "storage-key", string_value="one")
    first = next(iter(client.list_secrets("Bikes")))
    workspace.sandbox.advance("PT1M")
    client.put_secret("BIKES", "Storage-Key", bytes_value=base64.b64encode(b"two").decode())
    (second,) = client.list_secrets("bikes")
    assert (first.key, second.key) == ("storage-key", "storage-key")
    assert (second.last_updated_timestamp or 0) - (first.last_updated_timestamp or 0) >= 60_000
    answer = workspace.raw("GET", "secrets/get?scope=bikes&key=storage-key")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    client.delete_secret("bikes", "storage-key")
    assert list(client.list_secrets("bikes")) == []
    with pytest.raises(NotFound, match="Secret does not exist with scope: bikes and key: storage-key"):
        client.delete_secret("bikes", "storage-key")


def test_no_value_is_seen_in_the_sandbox(workspace: Workspace) -> None:
    """Neither in its state nor in its journal."""
    client = workspace.admin.secrets
    client.create_scope("bikes")
    client.put_secret("bikes", "k", string_value="a canary")
    seen = str(workspace.sandbox.control("GET", "state")) + str(workspace.sandbox.journal())
    assert "a canary" not in seen
    assert base64.b64encode(b"a canary").decode() not in seen


def test_a_scope_goes_with_all_it_holds(workspace: Workspace) -> None:
    """A new one of the same name is empty."""
    client = workspace.admin.secrets
    client.create_scope("bikes")
    client.put_secret("bikes", "k", string_value="v")
    client.put_acl("bikes", "users", AclPermission.READ)
    with pytest.raises(ResourceAlreadyExists, match="Scope bikes already exists!"):
        client.create_scope("bikes")
    client.delete_scope("bikes")
    assert list(client.list_scopes()) == []
    for call in (client.list_secrets, client.list_acls):
        with pytest.raises(NotFound, match="Scope bikes does not exist!"):
            list(call("bikes"))
    with pytest.raises(NotFound):
        client.delete_scope("bikes")
    client.create_scope("bikes")
    assert list(client.list_secrets("bikes")) == []
    assert [acl.principal for acl in client.list_acls("bikes")] == [
        workspace.admin.current_user.me().user_name
    ]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("scopes/create", {"scope": "with space"}, (400, "INVALID_PARAMETER_VALUE")),
        ("scopes/create", {"scope": "x" * 129}, (400, "INVALID_PARAMETER_VALUE")),
        ("scopes/create", {}, (400, "INVALID_PARAMETER_VALUE")),
        ("scopes/create", {"scope": "x", "initial_manage_principal": "me"}, (400, "INVALID_PARAMETER_VALUE")),
        ("put", {"scope": "bikes", "key": "a/b", "string_value": "v"}, (400, "INVALID_PARAMETER_VALUE")),
        ("put", {"scope": "bikes", "key": "k"}, (400, "MALFORMED_REQUEST")),
        (
            "put",
            {"scope": "bikes", "key": "k", "string_value": "", "bytes_value": ""},
            (400, "MALFORMED_REQUEST"),
        ),
        ("put", {"scope": "bikes", "key": "k", "bytes_value": "%"}, (400, "INVALID_PARAMETER_VALUE")),
        ("put", {"scope": "none", "key": "k", "string_value": "v"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        (
            "put",
            {"scope": "bikes", "key": "k", "string_value": "x" * (128 * 1024 + 1)},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        (
            "acls/put",
            {"scope": "bikes", "principal": "x", "permission": "READ"},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        (
            "acls/put",
            {"scope": "bikes", "principal": "users", "permission": "OWN"},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        ("acls/delete", {"scope": "bikes", "principal": "users"}, (404, "RESOURCE_DOES_NOT_EXIST")),
    ],
)
def test_what_the_service_refuses(
    workspace: Workspace, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Names, sizes, and what is not there."""
    workspace.admin.secrets.create_scope("bikes")
    assert workspace.refused("POST", f"secrets/{path}", json=body) == expected
    assert list(workspace.admin.secrets.list_secrets("bikes")) == []


def test_the_largest_value_fits(workspace: Workspace) -> None:
    """128 KB are the most; one byte more is refused above."""
    client = workspace.admin.secrets
    client.create_scope("bikes")
    client.put_secret("bikes", "k", string_value="x" * 128 * 1024)
    assert len(list(client.list_secrets("bikes"))) == 1


def test_scopes_are_counted(workspace: Workspace) -> None:
    """100 in a workspace."""
    for number in range(100):
        body = {"scope": f"s{number}"}
        assert workspace.raw("POST", "secrets/scopes/create", json=body).status_code == 200
    over = workspace.refused("POST", "secrets/scopes/create", json={"scope": "more"})
    assert over == (400, "RESOURCE_LIMIT_EXCEEDED")


def test_access_control_lists(workspace: Workspace) -> None:
    """READ lists, WRITE puts, MANAGE grants; admins may everything in every scope."""
    admin, stranger = workspace.admin, workspace.stranger("app")
    admin.service_principals.create(application_id=stranger._client_id)
    admin.secrets.create_scope("bikes")
    client = workspace.client(stranger).secrets
    with pytest.raises(PermissionDenied):
        list(client.list_secrets("bikes"))
    admin.secrets.put_acl("bikes", stranger._client_id, AclPermission.READ)
    assert list(client.list_secrets("bikes")) == []
    with pytest.raises(PermissionDenied, match="WRITE permission on scope bikes"):
        client.put_secret("bikes", "k", string_value="v")
    admin.secrets.put_acl("bikes", stranger._client_id, AclPermission.WRITE)
    client.put_secret("bikes", "k", string_value="v")
    for refused in (client.list_acls, client.delete_scope):
        with pytest.raises(PermissionDenied):
            list(refused("bikes") or [])
    assert admin.secrets.get_acl("bikes", stranger._client_id).permission == AclPermission.WRITE
    admin.secrets.delete_acl("bikes", stranger._client_id)
    with pytest.raises(NotFound, match="Failed to get secret acl"):
        admin.secrets.get_acl("bikes", stranger._client_id)
    client.create_scope("own")
    admin.secrets.put_acl("own", "users", AclPermission.READ)
    client.create_scope("shared", initial_manage_principal="users")
    assert [(one.principal, one.permission) for one in admin.secrets.list_acls("shared")] == [
        ("users", AclPermission.MANAGE)
    ]


def test_a_standard_workspace_has_no_lists_of_its_own(sandbox: Sandbox) -> None:
    """There a scope is everybody's, and has to say so."""
    client = Workspace.make(sandbox, sku="standard").admin.secrets
    with pytest.raises(BadRequest, match="Premium Tier is disabled"):
        client.create_scope("bikes")
    client.create_scope("bikes", initial_manage_principal="users")


def test_a_scope_of_a_key_vault_needs_a_person(workspace: Workspace) -> None:
    """Refused to service principals; where it is allowed, its secrets are the vault's and written there."""
    workspace.arm.put(VAULT, vault(policy(*EVERYTHING)), "2023-07-01")
    secrets().set_secret("token", "from the vault")
    client = workspace.admin.secrets
    metadata = AzureKeyVaultSecretScopeMetadata(resource_id=f"{GROUP}/providers/{VAULT}", dns_name=f"{URL}/")

    def create(given: AzureKeyVaultSecretScopeMetadata | None) -> None:
        client.create_scope(
            "vault", scope_backend_type=ScopeBackendType.AZURE_KEYVAULT, backend_azure_keyvault=given
        )

    with pytest.raises(BadRequest, match="must have userAADToken defined!"):
        create(metadata)
    with pytest.raises(BadRequest, match="must have AzureKeyVaultSecretScopeMetadata defined!"):
        create(None)
    workspace.sandbox.control("POST", "databricks/keyvault-scopes", {"enabled": True})
    create(metadata)
    (scope,) = client.list_scopes()
    assert (scope.backend_type, scope.keyvault_metadata) == (ScopeBackendType.AZURE_KEYVAULT, metadata)
    (listed,) = client.list_secrets("vault")
    assert listed.key == "token"
    assert (listed.last_updated_timestamp or 0) > 10**12
    with pytest.raises(BadRequest, match="backed by an Azure Key Vault"):
        client.put_secret("vault", "other", string_value="v")
    client.delete_scope("vault")
    assert secrets().get_secret("token").value == "from the vault"
