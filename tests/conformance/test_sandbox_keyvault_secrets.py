"""A vault's secrets through the real SDK, under both access models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from support.arm import GROUP, TENANT, Arm
from support.sandbox import Sandbox
from support.vaults import EVERYTHING, OFFICER, URL, USER, VAULT, grant, inner, policy, secrets, vault


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    return Arm(sandbox, "2023-07-01")


def test_the_challenge_comes_before_any_token(arm: Arm) -> None:
    """The SDK learns from it where to sign in; a token for ARM is no token for a vault."""
    arm.put(VAULT, vault())
    answer = requests.get(f"{URL}/secrets/x?api-version=7.4", timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="https://vault.azure.net"'
    )
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{URL}/secrets/x?api-version=7.4", headers=headers, timeout=10)
    assert (answer.status_code, "AKV10022" in answer.text) == (401, True)
    token = DefaultAzureCredential().get_token("https://vault.azure.net/.default").token
    for query in ("", "?api-version=latest"):
        answer = requests.get(
            f"{URL}/secrets/x{query}", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


def test_a_secret_lives_in_versions(arm: Arm) -> None:
    """Set twice, read both, list without values, change attributes."""
    arm.put(VAULT, vault(policy(*EVERYTHING), softDeleteRetentionInDays=7))
    client = secrets()
    first = client.set_secret("token", "one", tags={"team": "data"})
    second = client.set_secret("Token", "two", content_type="text/plain")
    assert client.get_secret("token").value == "two"
    assert client.get_secret("token", first.properties.version).value == "one"
    listed = list(client.list_properties_of_secret_versions("token"))
    assert {one.version for one in listed} == {first.properties.version, second.properties.version}
    assert first.properties.recovery_level == "CustomizedRecoverable+Purgeable"
    changed = client.update_secret_properties("token", enabled=False)
    assert changed.content_type == "text/plain"
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("token")
    assert (refused.value.status_code, inner(refused.value)) == (403, "SecretDisabled")


def test_a_change_by_hand_shows_in_the_list(arm: Arm) -> None:
    """The list has no value and no version; `updated` moves with an update and with a new version."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    made = secrets().set_secret("token", "one", tags={"team": "data"}).properties

    def listed() -> Any:
        (found,) = secrets().list_properties_of_secrets()
        return found

    assert (listed().version, listed().tags, listed().updated_on) == (None, {"team": "data"}, made.updated_on)
    arm.sandbox.advance("PT5S")
    secrets().update_secret_properties("token", content_type="text/plain")
    updated = listed()
    assert (updated.content_type, updated.created_on) == ("text/plain", made.created_on)
    assert (updated.updated_on - made.updated_on).total_seconds() >= 5
    assert secrets().get_secret("token").properties.version == made.version, "an update makes no version"
    arm.sandbox.advance("PT5S")
    second = secrets().set_secret("token", "two").properties
    assert (listed().updated_on, listed().created_on) == (second.updated_on, second.created_on)
    assert listed().tags is None, "a new version takes nothing over"


def test_the_largest_value_has_25_kilobytes(arm: Arm) -> None:
    """Counted in bytes of UTF-8."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    assert secrets().set_secret("token", "é" * (25 * 512)).properties.version
    with pytest.raises(HttpResponseError) as refused:
        secrets().set_secret("token", "é" * (25 * 512) + "x")
    assert refused.value.error and (refused.value.status_code, refused.value.error.code) == (
        400,
        "BadParameter",
    )


def test_dates_are_only_told_and_disabling_counts(arm: Arm) -> None:
    """Get works before `nbf` and after `exp` (documented); a disabled version alone is refused, and listed."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    client = secrets()
    client.set_secret("old", "1", expires_on=past)
    client.set_secret("early", "2", not_before=future)
    old, early = client.get_secret("old"), client.get_secret("early")
    assert (old.value, old.properties.expires_on) == ("1", past)
    assert (early.value, early.properties.not_before) == ("2", future)
    first = client.set_secret("token", "one").properties.version
    client.set_secret("token", "two", enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("token")
    assert inner(refused.value) == "SecretDisabled"
    assert client.get_secret("token", first).value == "one"
    assert {one.name: one.enabled for one in client.list_properties_of_secrets()} == {
        "early": True, "old": True, "token": False,
    }  # fmt: skip


def test_too_many_requests_are_throttled(arm: Arm) -> None:
    """Asked for by a fault, and by the documented limits where these are on; the SDK waits and goes on."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    arm.sandbox.fault(
        "status", status=429, retryAfter=7, match={"host": "*.vault.azure.net", "method": "PUT"}
    )
    with pytest.raises(HttpResponseError) as refused:
        secrets().set_secret("token", "one")
    assert refused.value.error and refused.value.error.code == "Throttled"
    assert refused.value.response and refused.value.response.headers["Retry-After"] == "7"
    patient = SecretClient(URL, DefaultAzureCredential())
    arm.sandbox.fault(
        "status", status=429, retryAfter=0, match={"host": "*.vault.azure.net", "method": "PUT"}
    )
    assert patient.set_secret("token", "one").value == "one"
    arm.sandbox.control("POST", "limits", {"enabled": True})
    token = DefaultAzureCredential().get_token("https://vault.azure.net/.default").token
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    into = datetime.fromisoformat(arm.sandbox.control("GET", "clock")["now"][:26] + "+00:00").timestamp() % 10
    arm.sandbox.advance(f"PT{10 - into:.3f}S")  # to the beginning of a window
    answers = [
        session.put(f"{URL}/secrets/s?api-version=7.4", json={"value": str(number)}, timeout=10)
        for number in range(301)
    ]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert len(limited) == 1, {answer.status_code for answer in answers}
    assert limited[0].json()["error"]["code"] == "Throttled"
    assert 1 <= int(limited[0].headers["Retry-After"]) <= 10
    arm.sandbox.advance("PT10S")
    assert secrets().set_secret("token", "two").value == "two"


def test_lists_come_in_pages(arm: Arm) -> None:
    """25 a page and a link with a token, which the SDK follows."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    client = secrets()
    for number in range(30):
        client.set_secret(f"s{number:02}", "x")
    assert [one.name for one in client.list_properties_of_secrets()] == [
        f"s{number:02}" for number in range(30)
    ]
    assert len(list(client.list_properties_of_secrets(max_page_size=7).by_page())) == 5


def test_a_deleted_secret_blocks_its_name_until_recovered_or_purged(arm: Arm) -> None:
    """The states of soft delete, in Azure's codes."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    client = secrets()
    client.set_secret("token", "one")
    client.begin_delete_secret("token", _polling_interval=0).result()
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("token")
    with pytest.raises(HttpResponseError) as refused:
        client.set_secret("token", "two")
    assert (refused.value.status_code, inner(refused.value)) == (409, "ObjectIsDeletedButRecoverable")
    assert [one.name for one in client.list_deleted_secrets()] == ["token"]
    client.begin_recover_deleted_secret("token", _polling_interval=0).result()
    assert client.get_secret("token").value == "one"
    client.begin_delete_secret("token", _polling_interval=0).result()
    client.purge_deleted_secret("token")
    assert client.set_secret("token", "three").value == "three"


def test_access_policies_say_who_may_do_what(arm: Arm) -> None:
    """Owner of the subscription or not: without a policy nothing, and `all` is not purge."""
    arm.put(VAULT, vault())
    with pytest.raises(HttpResponseError) as refused:
        secrets().set_secret("token", "t0p")
    assert (refused.value.status_code, inner(refused.value)) == (403, "AccessDenied")
    assert "does not have secrets set permission on key vault 'bikes-kv;location=westeurope'" in str(
        refused.value
    )
    assert "t0p" not in str(refused.value)
    arm.put(VAULT, vault(policy("all")))
    secrets().set_secret("token", "t0p")
    secrets().begin_delete_secret("token", _polling_interval=0).result()
    with pytest.raises(HttpResponseError) as refused:
        secrets().purge_deleted_secret("token")
    assert refused.value.status_code == 403


def test_roles_say_who_may_do_what(arm: Arm) -> None:
    """With RBAC the policies are ignored, and Owner holds no data action."""
    arm.put(VAULT, vault(policy(*EVERYTHING), enableRbacAuthorization=True))
    with pytest.raises(HttpResponseError) as refused:
        secrets().set_secret("token", "t0p")
    assert inner(refused.value) == "ForbiddenByRbac"
    assert "Action: 'Microsoft.KeyVault/vaults/secrets/setSecret/action'" in str(refused.value)
    grant(arm, OFFICER)
    assert secrets().set_secret("token", "t0p").value == "t0p"


def test_a_role_that_reads_does_not_write(arm: Arm) -> None:
    """Key Vault Secrets User gets values and cannot set them."""
    arm.put(VAULT, vault(enableRbacAuthorization=True))
    arm.put(f"{VAULT}/secrets/token", {"properties": {"value": "t0p"}})
    grant(arm, USER)
    assert secrets().get_secret("token").value == "t0p"
    with pytest.raises(HttpResponseError) as refused:
        secrets().set_secret("token", "x")
    assert inner(refused.value) == "ForbiddenByRbac"


def test_a_new_role_takes_effect_late(sandbox_lag: Sandbox) -> None:
    """With lag: 403 at first, as Azure's own documentation warns."""
    arm = Arm(sandbox_lag, "2023-07-01")
    arm.call("PUT", VAULT, vault(enableRbacAuthorization=True))
    sandbox_lag.advance("PT1M")
    grant(arm, OFFICER)
    with pytest.raises(HttpResponseError):
        secrets().set_secret("token", "t0p")
    sandbox_lag.advance("PT10M")
    assert secrets().set_secret("token", "t0p").value == "t0p"


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"publicNetworkAccess": "Disabled"}, "ForbiddenByConnection"),
        (
            {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.0/24"}]}},
            "ForbiddenByFirewall",
        ),
    ],
)
def test_a_closed_network_keeps_everyone_out(arm: Arm, properties: dict[str, Any], code: str) -> None:
    """The sandbox's clients come from 203.0.113.10."""
    arm.put(VAULT, vault(policy(*EVERYTHING), **properties))
    with pytest.raises(HttpResponseError) as refused:
        secrets().set_secret("token", "t0p")
    assert inner(refused.value) == code


def test_secrets_survive_a_power_cut(arm: Arm) -> None:
    """What was answered is kept."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    secrets().set_secret("token", "t0p")
    arm.sandbox.kill()
    arm.sandbox.restart()
    assert secrets().get_secret("token").value == "t0p"
    assert not any("t0p" in str(entry) for entry in arm.sandbox.journal())


def test_what_is_not_played_says_so(arm: Arm) -> None:
    """501 and an entry in the journal, never an empty success."""
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    token = DefaultAzureCredential().get_token("https://vault.azure.net/.default").token
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{URL}/keys?api-version=7.4", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")
    assert arm.sandbox.journal()[-1]["status"] == 501
    assert GROUP in arm.get(VAULT)["id"]
