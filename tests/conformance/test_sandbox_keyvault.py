"""Key vaults in ARM: names, rewritten forms, access policies, deletion and the way back."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from support.arm import GROUP, ME, SUBSCRIPTION, Arm
from support.sandbox import Sandbox
from support.vaults import EVERYTHING, OFFICER, PLACE, URL, VAULT, grant, inner, policy, secrets, vault


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    return Arm(sandbox, "2023-07-01")


def test_the_creating_answer_differs_from_the_next_get(arm: Arm) -> None:
    """RegisteringDns and a URI without its slash, in 118 of 118 recordings; then Succeeded and the slash."""
    answer = arm.call("PUT", VAULT, vault()).json()["properties"]
    assert (answer["provisioningState"], answer["vaultUri"]) == ("RegisteringDns", URL)
    read = arm.get(VAULT)["properties"]
    assert (read["provisioningState"], read["vaultUri"]) == ("Succeeded", f"{URL}/")
    assert arm.call("PUT", VAULT, vault()).json()["properties"]["vaultUri"] == f"{URL}/"


def test_network_rules_that_let_everyone_in_vanish_and_others_stay(arm: Arm) -> None:
    """The most frequent false drift of vaults."""
    opened = arm.put(VAULT, vault(networkAcls={"bypass": "AzureServices", "defaultAction": "Allow"}))
    assert "networkAcls" not in opened["properties"]
    rules = {"bypass": "AzureServices", "defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]}
    closed = arm.put(VAULT, vault(networkAcls=rules))
    assert closed["properties"]["networkAcls"]["ipRules"] == [{"value": "203.0.113.0/24"}]


def test_soft_delete_is_forced_and_purge_protection_never_ends(arm: Arm) -> None:
    """What a template asks for is not always what Azure keeps."""
    made = arm.put(
        VAULT, vault(enableSoftDelete=False, enablePurgeProtection=True, softDeleteRetentionInDays=7)
    )
    assert made["properties"]["enableSoftDelete"] is True
    kept = arm.put(VAULT, vault())["properties"]
    assert (kept["enablePurgeProtection"], kept["softDeleteRetentionInDays"]) == (True, 7)
    assert arm.refused("PUT", VAULT, vault(enablePurgeProtection=False)) == (400, "BadRequest")
    assert arm.refused("PUT", VAULT, vault(softDeleteRetentionInDays=90)) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("version", "sent", "expected"),
    [
        ("2023-07-01", {}, None),
        ("2026-02-01", {}, True),
        ("2026-02-01", {"enableRbacAuthorization": False}, False),
    ],
)
def test_a_new_vault_uses_roles_by_default_from_2026(
    arm: Arm, version: str, sent: dict[str, Any], expected: bool | None
) -> None:
    """learn.microsoft.com: the default access model changed with API version 2026-02-01."""
    made = arm.put(VAULT, vault(**sent), version)
    assert made["properties"].get("enableRbacAuthorization") is expected


def test_an_existing_vault_keeps_its_access_model(arm: Arm) -> None:
    """The new default holds for creations alone."""
    arm.put(VAULT, vault())
    assert "enableRbacAuthorization" not in arm.put(VAULT, vault(), "2026-02-01")["properties"]


def test_a_put_takes_access_policies_away_that_it_does_not_name(arm: Arm) -> None:
    """The well known trap: what a person added by hand is gone after the next deployment."""
    stranger = "11111111-1111-1111-1111-111111111111"
    arm.put(VAULT, vault(policy("get")))
    added = {"properties": {"accessPolicies": [policy("get", who=stranger)]}}
    assert arm.call("PUT", f"{VAULT}/accessPolicies/add", added).status_code == 200
    assert len(arm.get(VAULT)["properties"]["accessPolicies"]) == 2
    assert [
        one["objectId"] for one in arm.put(VAULT, vault(policy("get")))["properties"]["accessPolicies"]
    ] == [ME]


def test_access_policies_are_added_replaced_and_removed(arm: Arm) -> None:
    """`add` joins, `replace` sets, `remove` takes away; the vault alone keeps what came of it."""
    arm.put(VAULT, vault(policy("get")))

    def after(verb: str, *permissions: str) -> list[str]:
        sent = {"properties": {"accessPolicies": [policy(*permissions)]}}
        answer = arm.call("PUT", f"{VAULT}/accessPolicies/{verb}", sent).json()["properties"][
            "accessPolicies"
        ]
        assert answer == arm.get(VAULT)["properties"]["accessPolicies"]
        return [word for one in answer for word in one["permissions"]["secrets"]]

    assert after("add", "list", "Get") == ["get", "list"]
    assert after("replace", "set") == ["set"]
    assert after("remove", "set") == []


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("1bikes", {}, (400, "VaultNameNotValid")),
        ("bikes--kv", {}, (400, "VaultNameNotValid")),
        ("a-name-of-twenty-five-char", {}, (400, "VaultNameNotValid")),
        ("bikes-new", {"sku": None}, (400, "BadRequest")),
        ("bikes-new", {"tenantId": None}, (400, "BadRequest")),
        ("bikes-new", {"accessPolicies": None}, (400, "BadRequest")),
        ("bikes-new", {"accessPolicies": [policy("fly")]}, (400, "BadRequest")),
        ("bikes-new", {"softDeleteRetentionInDays": 5}, (400, "BadRequest")),
        ("bikes-new", {"createMode": "recover"}, (404, "DeletedVaultNotFound")),
    ],
)
def test_what_the_service_refuses(
    arm: Arm, name: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Codes as recorded and documented."""
    assert arm.refused("PUT", f"Microsoft.KeyVault/vaults/{name}", vault(**change)) == expected


def test_names_are_unique_in_all_azure(arm: Arm) -> None:
    """Another group cannot take the name, not even while the vault is deleted."""
    arm.put(VAULT, vault())
    other = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other"
    arm.call("PUT", other, {"location": "westeurope"}, "2024-07-01")
    assert arm.refused("PUT", f"{other}/providers/{VAULT}", vault()) == (409, "VaultAlreadyExists")
    arm.call("DELETE", VAULT)
    assert arm.refused("PUT", f"{other}/providers/{VAULT}", vault()) == (409, "VaultAlreadyExists")
    asked = {"name": "bikes-kv", "type": "Microsoft.KeyVault/vaults"}
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/checkNameAvailability"
    assert arm.call("POST", path, asked).json()["nameAvailable"] is False


def test_a_deleted_vault_comes_back_with_all_it_held(arm: Arm) -> None:
    """A plain creation is refused; createMode recover brings back policies and secrets."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    secrets().set_secret("token", "t0p")
    assert arm.call("DELETE", VAULT).status_code == 200
    assert arm.get(PLACE)["properties"]["vaultId"].endswith(VAULT)
    assert arm.refused("GET", VAULT) == (404, "ResourceNotFound")
    with pytest.raises(ServiceRequestError):
        secrets().get_secret("token")  # the name does not resolve any more
    assert arm.refused("PUT", VAULT, vault()) == (409, "ConflictError")
    arm.put(VAULT, {"location": "westeurope", "properties": {"createMode": "recover"}})
    assert arm.get(VAULT)["properties"]["accessPolicies"] == [policy(*EVERYTHING)]
    assert secrets().get_secret("token").value == "t0p"
    assert arm.refused("GET", PLACE) == (404, "DeletedVaultNotFound")


def test_a_recovered_vault_has_lost_its_role_assignments(arm: Arm) -> None:
    """Azure drops those at its scope; who recovers it grants them again, and the secrets are as they were."""
    arm.put(VAULT, vault(enableRbacAuthorization=True))
    grant(arm, OFFICER)
    secrets().set_secret("token", "t0p", tags={"team": "data"})
    arm.call("DELETE", VAULT)
    arm.put(VAULT, {"location": "westeurope", "properties": {"createMode": "recover"}})
    with pytest.raises(HttpResponseError) as refused:
        secrets().get_secret("token")
    assert inner(refused.value) == "ForbiddenByRbac"
    grant(arm, OFFICER)
    found = secrets().get_secret("token")
    assert (found.value, found.properties.tags) == ("t0p", {"team": "data"})


def test_what_a_deleted_vault_allows_asks_for_rights_of_its_own(arm: Arm) -> None:
    """Key Vault Contributor may make, delete and see it, and may not purge it."""
    arm.put(VAULT, vault())
    arm.call("DELETE", VAULT)
    contributor = "f25e0fa2-a7c8-4377-a976-54943a77a395"
    other, call = arm.other()
    assert call("GET", PLACE) == (403, "AuthorizationFailed")
    assert call("POST", f"{PLACE}/purge") == (403, "AuthorizationFailed")
    arm.assign(other, contributor, f"/subscriptions/{SUBSCRIPTION}")
    assert call("GET", PLACE) == (200, "")
    assert call("GET", PLACE.replace("/locations/westeurope", "").rsplit("/", 1)[0]) == (200, "")
    assert call("POST", f"{PLACE}/purge") == (403, "AuthorizationFailed")
    assert arm.call("POST", f"{PLACE}/purge").status_code == 202


def test_a_group_takes_its_vault_along_and_leaves_it_recoverable(arm: Arm) -> None:
    """Deleting a group soft-deletes what is in it."""
    arm.put(VAULT, vault())
    arm.sdk.resource_groups.begin_delete("bikes", polling_interval=0).result()
    assert arm.get(PLACE)["name"] == "bikes-kv"


def test_a_purge_frees_the_name_for_an_empty_vault(arm: Arm) -> None:
    """202 with a Location, as recorded; then the name is free and the secrets are gone."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    secrets().set_secret("token", "t0p")
    arm.call("DELETE", VAULT)
    answer = arm.call("POST", f"{PLACE}/purge")
    assert (answer.status_code, answer.headers["Location"].split("/locations/")[1][:10]) == (
        202,
        "westeurope",
    )
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    assert list(secrets().list_properties_of_secrets()) == []


def test_purge_protection_holds_until_the_scheduled_date(arm: Arm) -> None:
    """Neither a purge nor a new vault before; afterwards Azure has purged it itself."""
    arm.put(VAULT, vault(enablePurgeProtection=True, softDeleteRetentionInDays=7))
    arm.call("DELETE", VAULT)
    assert arm.refused("POST", f"{PLACE}/purge")[0] == 400
    arm.sandbox.advance("P7DT1H")
    fresh = Arm(arm.sandbox, arm.version)  # the token of before has expired
    assert fresh.refused("GET", PLACE) == (404, "DeletedVaultNotFound")
    assert fresh.call("PUT", VAULT, vault()).status_code == 200


def test_a_secret_of_a_template_is_a_secret_of_the_vault(arm: Arm) -> None:
    """ARM writes it and never shows its value; it needs no access policy for that."""
    arm.put(VAULT, vault(policy("get", "list")))
    made = arm.put(f"{VAULT}/secrets/token", {"properties": {"value": "t0p", "contentType": "text/plain"}})
    assert "value" not in made["properties"]
    assert made["properties"]["secretUri"] == f"{URL}/secrets/token"
    found = secrets().get_secret("token")
    assert (found.value, found.properties.content_type) == ("t0p", "text/plain")
    assert found.id == made["properties"]["secretUriWithVersion"]
    assert [one["name"] for one in arm.call("GET", f"{VAULT}/secrets").json()["value"]] == ["token"]
    assert arm.refused("DELETE", f"{VAULT}/secrets/token") == (405, "MethodNotAllowed")


def test_a_deployment_writes_policies_and_secrets_of_a_vault(arm: Arm) -> None:
    """Children of a vault that are no resources of their own go through the same door in a template."""
    arm.put(VAULT, vault())
    child = {"apiVersion": "2023-07-01", "location": "westeurope"}
    policies = {"type": "Microsoft.KeyVault/vaults/accessPolicies", "name": "bikes-kv/add", **child}
    secret = {"type": "Microsoft.KeyVault/vaults/secrets", "name": "bikes-kv/token", **child}
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"token": {"type": "secureString"}},
        "resources": [
            {**policies, "properties": {"accessPolicies": [policy("get")]}},
            {**secret, "properties": {"value": "[parameters('token')]"}},
        ],
        "outputs": {
            "uri": {
                "type": "string",
                "value": "[reference(resourceId('Microsoft.KeyVault/vaults/secrets', 'bikes-kv', 'token')).secretUri]",
            }
        },
    }
    body = {"mode": "Incremental", "template": template, "parameters": {"token": {"value": "t0p"}}}
    place = f"{GROUP}/providers/Microsoft.Resources/deployments/secrets"
    assert arm.call("PUT", place, {"properties": body}, "2024-07-01").status_code == 201
    done = arm.get(place, "2024-07-01")["properties"]
    assert (done["provisioningState"], done["outputs"]["uri"]["value"]) == (
        "Succeeded",
        f"{URL}/secrets/token",
    )
    assert secrets().get_secret("token").value == "t0p"
