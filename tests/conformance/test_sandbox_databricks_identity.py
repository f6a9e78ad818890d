"""Who gets into a workspace, and whom it knows: Entra tokens, personal access tokens, SCIM."""

from __future__ import annotations

import pytest
import requests
from azure.identity import DefaultAzureCredential
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp, PatchSchema
from support.arm import SUBSCRIPTION, Arm
from support.databricks import DATABRICKS, RESOURCE_ID, Workspace, headers
from support.sandbox import Sandbox

CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


def me(workspace: Workspace, sent: dict[str, str]) -> tuple[int, object]:
    """Status and error code of the call that everybody may make."""
    url = f"https://{workspace.host}/api/2.0/preview/scim/v2/Me"
    answer = requests.get(url, headers=sent, timeout=30)
    return answer.status_code, answer.json().get("error_code")


def grant(workspace: Workspace, role: str, who: str) -> None:
    place = f"{RESOURCE_ID}/providers/Microsoft.Authorization/roleAssignments"
    body = {"roleDefinitionId": role, "principalId": who, "principalType": "ServicePrincipal"}
    name = f"00000000-0000-0000-0000-0000000000{role[-2:]}"
    answer = workspace.arm.call("PUT", f"{place}/{name}", {"properties": body}, "2022-04-01")
    assert answer.status_code == 201, answer.text


def test_a_host_without_a_workspace_is_not_there(workspace: Workspace) -> None:
    """It resolves only while the workspace exists, and takes its documents with it."""
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://adb-1.1.azuredatabricks.net/", timeout=10)
    workspace.admin.workspace.mkdirs("/Shared/a")
    workspace.arm.sdk.resources.begin_delete_by_id(
        RESOURCE_ID, api_version="2024-05-01", polling_interval=0
    ).result()
    with pytest.raises(requests.exceptions.ProxyError):
        me(workspace, headers(DefaultAzureCredential()))
    state = workspace.sandbox.control("GET", "state")
    assert not [name for name in state if name.startswith("databricks.") and name != "databricks.switches"]
    assert not (workspace.sandbox.state / "databricks" / workspace.host).exists()


def test_a_host_is_there_when_its_creation_has_ended(sandbox: Sandbox) -> None:
    """ARM tells the address only then, and a failed creation leaves none."""
    arm = Arm(sandbox, "2024-05-01")
    managed = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/failed-managed"
    body = {"location": "westeurope", "properties": {"managedResourceGroupId": managed}}
    sandbox.fault("fail-operation", times=1)
    arm.call("PUT", "Microsoft.Databricks/workspaces/failed-adb", body)
    hosts = sandbox.control("GET", "state")["databricks.hosts"]
    failed = next(host for host, entry in hosts.items() if entry["id"].endswith("failed-adb"))
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(f"https://{failed}/", timeout=10)


def test_a_contributor_of_the_workspace_gets_in_with_two_headers(workspace: Workspace) -> None:
    """Without them nobody knows it; with them it is an admin, and is known from then on."""
    credential = DefaultAzureCredential()
    assert me(workspace, headers(credential)) == (403, 403)
    both = headers(credential, RESOURCE_ID)
    for name in ("X-Databricks-Azure-Workspace-Resource-Id", "X-Databricks-Azure-SP-Management-Token"):
        assert me(workspace, {key: value for key, value in both.items() if key != name}) == (403, 403)
    # Also when the request itself is refused.
    url = f"https://{workspace.host}/api/2.0/workspace/get-status?path=/nothing"
    assert requests.get(url, headers=both, timeout=30).status_code == 404
    shown = workspace.client(credential).current_user.me()
    assert {group.display for group in shown.groups or []} == {"admins", "users"}


def test_the_headers_must_be_of_this_workspace_and_this_caller(workspace: Workspace) -> None:
    """Another workspace's id, another caller's management token, a token for another audience: 403."""
    credential, stranger = DefaultAzureCredential(), workspace.stranger("app")
    both = headers(credential, RESOURCE_ID)
    other = {**both, "X-Databricks-Azure-Workspace-Resource-Id": RESOURCE_ID.replace("bikes-adb", "other")}
    assert me(workspace, other) == (403, 403)
    name = "X-Databricks-Azure-SP-Management-Token"
    assert me(workspace, {**both, name: headers(stranger, RESOURCE_ID)[name]}) == (403, 403)
    assert me(
        workspace, {**headers(stranger), **{key: both[key] for key in both if key != "Authorization"}}
    ) == (
        403,
        403,
    )
    assert me(workspace, {**both, name: both["Authorization"].removeprefix("Bearer ")}) == (403, 403)
    assert me(workspace, both) == (200, None)


def test_reading_in_azure_is_not_enough(workspace: Workspace) -> None:
    """Only who may assign workspace admins: Contributor and Owner."""
    stranger = workspace.stranger("app")
    identities = workspace.sandbox.control("GET", "identities")
    who = next(one["objectId"] for one in identities if one["clientId"] == stranger._client_id)
    grant(workspace, READER, who)
    assert me(workspace, headers(stranger, RESOURCE_ID)) == (403, 403)
    grant(workspace, CONTRIBUTOR, who)
    assert me(workspace, headers(stranger, RESOURCE_ID)) == (200, None)


def test_tokens_that_are_none(workspace: Workspace) -> None:
    """401, with the status as the error code."""
    assert me(workspace, {}) == (401, 401)
    assert me(workspace, {"Authorization": "Bearer x.y.z"}) == (401, 401)
    for audience, lifetime in (("https://management.azure.com", "PT1H"), (DATABRICKS, "PT0S")):
        made = workspace.sandbox.control("POST", "token", {"audience": audience, "lifetime": lifetime})
        assert me(workspace, {"Authorization": f"Bearer {made['access_token']}"}) == (401, 401)


def test_a_known_service_principal_gets_in_without_any_role(workspace: Workspace) -> None:
    """As a user: it may not administer. One that is deactivated or deleted does not get in."""
    admin, stranger = workspace.admin, workspace.stranger("app")
    made = admin.service_principals.create(application_id=stranger._client_id, display_name="app")
    client = workspace.client(stranger)
    assert client.current_user.me().user_name == stranger._client_id
    with pytest.raises(PermissionDenied):
        client.groups.create(display_name="mine")
    deactivate = [Patch(op=PatchOp.REPLACE, path="active", value=False)]
    schemas = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
    admin.service_principals.patch(made.id or "", operations=deactivate, schemas=schemas)
    assert me(workspace, headers(stranger))[0] == 403
    admin.service_principals.delete(made.id or "")
    assert me(workspace, headers(stranger))[0] == 403


def test_a_token_lives_as_long_as_it_was_made_for(workspace: Workspace) -> None:
    """By the world's clock; its value is answered once and kept nowhere."""
    made = workspace.admin.tokens.create(lifetime_seconds=3600, comment="for the factory")
    info, value = made.token_info, made.token_value or ""
    assert info is not None
    assert value.startswith("dapi")
    assert (info.expiry_time or 0) - (info.creation_time or 0) == 3_600_000
    assert value not in str(workspace.sandbox.control("GET", "state"))
    client = workspace.with_token(value)
    assert client.current_user.me().display_name == "reconciler"
    assert [one.comment for one in client.tokens.list()] == ["for the factory"]
    workspace.sandbox.advance("PT59M")
    assert me(workspace, {"Authorization": f"Bearer {value}"}) == (200, None)
    workspace.sandbox.advance("PT1M")
    assert me(workspace, {"Authorization": f"Bearer {value}"}) == (403, 403)


def test_a_revoked_token_is_refused(workspace: Workspace) -> None:
    """So is one that never was, and that of a principal that was deleted."""
    admin, stranger = workspace.admin, workspace.stranger("app")
    made = admin.tokens.create()
    assert made.token_info is not None
    assert made.token_info.expiry_time == -1
    admin.tokens.delete(made.token_info.token_id or "")
    for token in (made.token_value, "dapi" + "0" * 32):
        assert me(workspace, {"Authorization": f"Bearer {token}"}) == (403, 403)
    with pytest.raises(NotFound):
        admin.tokens.delete(made.token_info.token_id or "")
    principal = admin.service_principals.create(application_id=stranger._client_id)
    own = workspace.client(stranger).tokens.create()
    assert [one.token_id for one in admin.tokens.list()] == []
    admin.service_principals.delete(principal.id or "")
    assert me(workspace, {"Authorization": f"Bearer {own.token_value}"}) == (403, 403)
    with pytest.raises(BadRequest):
        admin.tokens.create(lifetime_seconds=-1)


def test_groups_and_their_members(workspace: Workspace) -> None:
    """Made, filtered, patched; members by id; the two built-in ones stay."""
    client = workspace.admin
    user = client.users.create(user_name="ada@example.com", display_name="Ada")
    group = client.groups.create(display_name="data", members=[ComplexValue(value=user.id)])
    assert [member.display for member in group.members or []] == ["Ada"]
    found = list(client.groups.list(filter='displayName eq "DATA"', attributes="id,displayName"))
    assert [(one.id, one.display_name, one.members or []) for one in found] == [(group.id, "data", [])]
    shown = client.users.get(user.id or "")
    assert {one.display for one in shown.groups or []} == {"data", "users"}
    schemas = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
    remove = Patch(op=PatchOp.REMOVE, path=f'members[value eq "{user.id}"]')
    client.groups.patch(group.id or "", operations=[remove], schemas=schemas)
    assert not client.groups.get(group.id or "").members
    add = Patch(op=PatchOp.ADD, value={"members": [{"value": user.id}]})
    client.groups.patch(group.id or "", operations=[add], schemas=schemas)
    client.users.delete(user.id or "")
    assert not client.groups.get(group.id or "").members
    with pytest.raises(ResourceConflict):
        client.groups.create(display_name="Data")
    with pytest.raises(NotFound):
        client.groups.create(display_name="ghosts", members=[ComplexValue(value="1")])
    admins = next(iter(client.groups.list(filter="displayName eq admins")))
    with pytest.raises(PermissionDenied):
        client.groups.delete(admins.id or "")


def test_lists_are_filtered_and_come_in_pages(workspace: Workspace) -> None:
    """`startIndex` from 1 and `count`, which the SDK follows; a filter that nobody knows is refused."""
    client = workspace.admin
    for number in range(5):
        client.users.create(user_name=f"u{number}@example.com")
    assert len(list(client.users.list(count=2))) == 5
    assert [
        one.user_name for one in client.users.list(filter='userName sw "u3" or userName eq "u1@example.com"')
    ] == [
        "u1@example.com",
        "u3@example.com",
    ]
    page = workspace.raw("GET", "preview/scim/v2/Users?startIndex=2&count=2").json()
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (5, 2, 2)
    answer = workspace.raw("GET", "preview/scim/v2/Users?filter=userName")
    assert (answer.status_code, answer.json()["scimType"], answer.json()["status"]) == (
        400,
        "invalidFilter",
        "400",
    )
    answer = workspace.raw("GET", "preview/scim/v2/Users/17")
    assert (answer.status_code, answer.json()["detail"]) == (404, "User with id 17 not found.")


def test_who_is_admin_in_one_workspace_is_nobody_in_another(workspace: Workspace) -> None:
    """Principals, trees and tokens are each workspace's own."""
    token = workspace.admin.tokens.create().token_value
    workspace.admin.workspace.mkdirs("/Shared/here")
    other = Workspace.make(workspace.sandbox, name="other-adb")
    assert me(other, headers(DefaultAzureCredential())) == (403, 403)
    assert me(other, {"Authorization": f"Bearer {token}"}) == (403, 403)
    client = other.client(DefaultAzureCredential(), RESOURCE_ID.replace("bikes-adb", "other-adb"))
    assert list(client.workspace.list("/Shared")) == []
