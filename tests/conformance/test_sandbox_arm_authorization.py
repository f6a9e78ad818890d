"""Role assignments: how they are written, and what they let an identity do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from support.arm_calls import ARM, SUBSCRIPTION, Caller, code, sign_in
from support.sandbox import Sandbox

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/bikes"
WIDGET = f"{GROUP}/providers/Contoso.Bikes/widgets/one"
VERSION = "2022-04-01"
OWNER, CONTRIBUTOR, READER = (
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7",
)
RECONCILER = "00000000-0000-0000-0000-0000000000f1"


def name(number: int) -> str:
    return str(UUID(int=number))


def assignment(scope: str, number: int = 1) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name(number)}"


def body(principal: str, role: str, **more: Any) -> dict[str, Any]:
    definition = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return {"properties": {"principalId": principal, "roleDefinitionId": definition, **more}}


@pytest.fixture
def arm(sandbox: Sandbox) -> Caller:
    caller = sign_in()
    assert caller("PUT", GROUP, {"location": "westeurope"}).status_code == 201
    return caller


def second(sandbox: Sandbox) -> tuple[str, Caller]:
    """Another identity: (object id, its calls)."""
    made = sandbox.control("POST", "identities", {"name": "other", "secret": "pass"})
    credential = ClientSecretCredential("00000000-0000-0000-0000-00000000000a", made["clientId"], "pass")
    return made["objectId"], Caller(credential.get_token(f"{ARM}/.default").token)


def test_an_assignment_is_answered_as_azure_does(arm: Caller) -> None:
    """Fields that arrive by themselves, the role's id at the subscription, 201 also the second time."""
    sent = body(RECONCILER, READER, description="reads")
    made = arm("PUT", assignment(GROUP), sent, VERSION)
    assert made.status_code == 201
    shown = arm("GET", assignment(GROUP), version=VERSION).json()
    assert shown["name"] == name(1)
    assert shown["properties"] | {"createdOn": "", "updatedOn": ""} == {
        "roleDefinitionId": f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{READER}",
        "principalId": RECONCILER,
        "principalType": "ServicePrincipal",
        "scope": GROUP,
        "condition": None,
        "conditionVersion": None,
        "createdOn": "",
        "updatedOn": "",
        "createdBy": RECONCILER,
        "updatedBy": RECONCILER,
        "delegatedManagedIdentityResourceId": None,
        "description": "reads",
    }
    assert arm("PUT", assignment(GROUP), sent, VERSION).status_code == 201
    gone = arm("DELETE", assignment(GROUP), version=VERSION)
    assert (gone.status_code, gone.json()["name"]) == (200, name(1))
    assert arm("DELETE", assignment(GROUP), version=VERSION).status_code == 204
    assert code(arm("GET", assignment(GROUP), version=VERSION)) == (404, "RoleAssignmentNotFound")


def test_wrong_assignments_are_refused(arm: Caller) -> None:
    """Each in Azure's own code."""

    def put(number: int, sent: dict[str, Any]) -> tuple[int, str]:
        return code(arm("PUT", assignment(GROUP, number), sent, VERSION))

    assert arm("PUT", assignment(GROUP), body(RECONCILER, READER), VERSION).status_code == 201
    assert put(2, body(RECONCILER, READER)) == (409, "RoleAssignmentExists")
    assert put(1, body(RECONCILER, OWNER)) == (400, "RoleAssignmentUpdateNotPermitted")
    assert put(3, body("wow", READER)) == (400, "InvalidPrincipalId")
    assert put(3, body(name(77), READER)) == (400, "PrincipalNotFound")
    assert put(3, body(RECONCILER, CONTRIBUTOR, principalType="User")) == (400, "UnmatchedPrincipalType")
    assert put(3, body(RECONCILER, name(78))) == (404, "RoleDefinitionDoesNotExist")
    assert put(3, {"properties": {"principalId": RECONCILER}}) == (400, "InvalidCreateRoleAssignmentRequest")
    no_guid = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/mine"
    assert code(arm("PUT", no_guid, body(RECONCILER, OWNER), VERSION)) == (400, "InvalidRoleAssignmentId")
    told = body(name(77), READER, principalType="ServicePrincipal")
    assert arm("PUT", assignment(GROUP, 3), told, VERSION).status_code == 201, "a type spares the look-up"


def test_lists_look_up_and_down_from_the_scope(arm: Caller) -> None:
    """atScope() leaves out what is below; principalId picks; the inherited Owner is seen."""
    arm("PUT", assignment(GROUP), body(RECONCILER, READER), VERSION)
    arm("PUT", WIDGET, {"location": "westeurope"})
    told = body(name(77), READER, principalType="Group")
    arm("PUT", assignment(WIDGET, 2), told, VERSION)

    def listed(scope: str, wanted: str = "") -> set[str]:
        query = f"?$filter={wanted}" if wanted else ""
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments{query}"
        return {one["properties"]["scope"] for one in arm("GET", path, version=VERSION).json()["value"]}

    assert listed(GROUP) == {SCOPE, GROUP, WIDGET}
    assert listed(GROUP, "atScope()") == {SCOPE, GROUP}
    assert listed(SCOPE, "atScope()") == {SCOPE}
    assert listed(SCOPE, f"principalId eq '{name(77)}'") == {WIDGET}
    path = (
        f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions?$filter=roleName eq 'Key Vault Secrets"
        " User'"
    )
    (role,) = arm("GET", path, version=VERSION).json()["value"]
    assert role["name"] == "4633458b-17de-408a-b874-0445c86b69e6"
    single = arm("GET", f"{role['id']}", version=VERSION).json()
    assert single == role


@pytest.mark.parametrize(
    ("role", "reads", "writes", "assigns"),
    [(None, 403, 403, 403), (READER, 200, 403, 403), (CONTRIBUTOR, 200, 200, 403), (OWNER, 200, 200, 201)],
)
def test_a_role_at_the_group_holds_below_it_and_nowhere_else(
    sandbox: Sandbox, arm: Caller, role: str | None, reads: int, writes: int, assigns: int
) -> None:
    """AuthorizationFailed names client, action and scope; another group stays closed."""
    arm("PUT", WIDGET, {"location": "westeurope"})
    principal, other = second(sandbox)
    if role:
        assert arm("PUT", assignment(GROUP), body(principal, role), VERSION).status_code == 201
    read = other("GET", WIDGET)
    assert read.status_code == reads
    if reads == 403:
        message = read.json()["error"]["message"]
        assert code(read) == (403, "AuthorizationFailed")
        assert "'Contoso.Bikes/widgets/read'" in message
        assert principal in message
        assert WIDGET in message
    assert other("PUT", WIDGET, {"location": "westeurope"}).status_code == writes
    assert other("PUT", assignment(WIDGET, 5), body(RECONCILER, READER), VERSION).status_code == assigns
    assert code(other("PUT", GROUP + "2", {"location": "westeurope"})) == (403, "AuthorizationFailed")
    seen = other("GET", "/subscriptions", version="2022-12-01").json()["value"]
    assert [one["subscriptionId"] for one in seen] == ([SUBSCRIPTION] if role else [])


def test_permissions_tell_what_the_caller_may_do(sandbox: Sandbox, arm: Caller) -> None:
    """`doctor` asks here before it says which right is missing."""
    principal, other = second(sandbox)
    path = f"{GROUP}/providers/Microsoft.Authorization/permissions"
    assert other("GET", path, version=VERSION).json()["value"] == []
    arm("PUT", assignment(GROUP), body(principal, READER), VERSION)
    (held,) = other("GET", path, version=VERSION).json()["value"]
    assert held == {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}
    assert arm("GET", path, version=VERSION).json()["value"][0]["actions"] == ["*"]


def test_a_deployment_is_refused_whole_when_one_resource_is_forbidden(sandbox: Sandbox, arm: Caller) -> None:
    """A Contributor cannot deploy a role assignment, nor anything beside it."""
    principal, other = second(sandbox)
    arm("PUT", assignment(GROUP), body(principal, CONTRIBUTOR), VERSION)
    resources = [
        {
            "type": "Contoso.Bikes/widgets",
            "apiVersion": "2024-01-01",
            "name": "one",
            "location": "westeurope",
        },
        {
            "type": "Microsoft.Authorization/roleAssignments",
            "apiVersion": VERSION,
            "name": name(9),
            **body(RECONCILER, READER),
        },
    ]
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    template = {"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources}
    path = f"{GROUP}/providers/Microsoft.Resources/deployments/d"
    sent = {"properties": {"mode": "Incremental", "template": template}}
    assert code(other("PUT", path, sent)) == (403, "InvalidTemplateDeployment")
    assert arm("GET", WIDGET).status_code == 404
    assert arm("PUT", path, sent).status_code == 201
    assert arm("GET", assignment(GROUP, 9), version=VERSION).status_code == 200


def test_a_custom_role_grants_what_it_says(sandbox: Sandbox, arm: Caller) -> None:
    """Actions with a wildcard, less the notActions; shown at the subscription."""
    definition = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/{name(50)}"
    permission = {"actions": ["Contoso.Bikes/*"], "notActions": ["Contoso.Bikes/*/delete"]}
    sent = {"properties": {"roleName": "rider", "assignableScopes": [GROUP], "permissions": [permission]}}
    made = arm("PUT", definition, sent, VERSION)
    assert made.status_code == 201
    assert made.json()["id"] == f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{name(50)}"
    assert made.json()["properties"]["type"] == "CustomRole"
    principal, other = second(sandbox)
    arm("PUT", assignment(GROUP), body(principal, name(50)), VERSION)
    assert other("PUT", WIDGET, {"location": "westeurope"}).status_code == 201
    assert code(other("DELETE", WIDGET)) == (403, "AuthorizationFailed")


def test_a_new_role_takes_effect_late_with_lag(sandbox_lag: Sandbox) -> None:
    """403 soon after one's own role write is not failure."""
    arm = sign_in()
    arm("PUT", GROUP, {"location": "westeurope"})
    principal, other = second(sandbox_lag)
    assert arm("PUT", assignment(GROUP), body(principal, READER), VERSION).status_code == 201
    sandbox_lag.advance("PT1M")
    assert code(other("GET", GROUP)) == (403, "AuthorizationFailed")
    sandbox_lag.advance("PT5M")
    assert other("GET", GROUP).status_code == 200


def test_the_sdks_error_says_who_lacks_what(sandbox: Sandbox, arm: Caller) -> None:
    """As azure-core raises it."""
    from azure.mgmt.resource.resources import ResourceManagementClient

    made = sandbox.control("POST", "identities", {"name": "other", "secret": "pass"})
    credential = ClientSecretCredential("00000000-0000-0000-0000-00000000000a", made["clientId"], "pass")
    with pytest.raises(HttpResponseError) as fault:
        ResourceManagementClient(credential, SUBSCRIPTION).resource_groups.get("bikes")
    assert fault.value.status_code == 403
    assert fault.value.error is not None
    assert fault.value.error.code == "AuthorizationFailed"
