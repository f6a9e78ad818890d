"""Where the values of secrets come from: what tells that they moved, what is read, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from azure.identity import DefaultAzureCredential
from support.arm import Arm
from support.sandbox import Sandbox
from support.secret_loop import Loop, account_seen, vault_secret
from support.vaults import EVERYTHING, VAULT, policy, secrets, vault

from reconciler.armtemplate import Unknown
from reconciler.diff import Cause
from reconciler.errors import CloudError
from reconciler.outcome import Result
from reconciler.resource import Key, Observation, Status

ACCOUNT = "Microsoft.Storage/storageAccounts/bikesdata"
CONNECTION = "AccountName=bikesdata;AccountKey=${storageKey:bikesdata};EndpointSuffix=core.windows.net"


def account(**properties: Any) -> dict[str, Any]:
    return {
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": properties,
    }


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    made = Arm(sandbox, "2023-05-01")
    made.put(VAULT, vault(policy(*EVERYTHING)), "2023-07-01")
    made.put(ACCOUNT, account())
    return made


@pytest.fixture
def loop(arm: Arm) -> Loop:
    return Loop(azure=account_seen(arm.get(ACCOUNT)))


def key(arm: Arm, name: str = "key1") -> str:
    keys = arm.call("POST", f"{ACCOUNT}/listKeys").json()["keys"]
    return next(str(each["value"]) for each in keys if each["keyName"] == name)


def regenerate(arm: Arm, loop: Loop) -> None:
    """A new key1, behind our back; the next look at the account shows since when."""
    arm.sandbox.advance("PT5S")
    assert arm.call("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key1"}).status_code == 200
    loop.azure = account_seen(arm.get(ACCOUNT))


def key_lists(arm: Arm, since: int) -> int:
    return sum(entry["path"].endswith("/listKeys") for entry in arm.sandbox.journal(since))


def test_a_storage_key_is_read_once_and_not_again_while_azure_s_key_stays(arm: Arm, loop: Loop) -> None:
    """keyCreationTime tells; a quiet tick lists no keys."""
    wanted = (vault_secret("key", "${storageKey:bikesdata}"), vault_secret("connection", CONNECTION))
    before = arm.sandbox.journal()[-1]["n"]
    loop.tick(*wanted)
    assert secrets().get_secret("key").value == key(arm)
    assert secrets().get_secret("connection").value == CONNECTION.replace("${storageKey:bikesdata}", key(arm))
    assert key_lists(arm, before) == 4  # one for each secret, and this test's own two
    before = arm.sandbox.journal()[-1]["n"]
    assert loop.settled(*wanted)
    assert key_lists(arm, before) == 0


def test_a_regenerated_key_arrives_within_one_tick(arm: Arm, loop: Loop) -> None:
    """Behind our back: cause drift, then repaired, in text around it too."""
    wanted = (vault_secret("key", "${storageKey:bikesdata}"), vault_secret("connection", CONNECTION))
    loop.tick(*wanted)
    regenerate(arm, loop)
    plan = loop.plan(*wanted)
    assert {(change.key.name, change.cause) for change in plan.changes} == {
        ("key", Cause.DRIFT),
        ("connection", Cause.DRIFT),
    }
    assert {f.reason for change in plan.changes for f in change.fields} == {"secretSource"}
    loop.tick(*wanted)
    assert secrets().get_secret("key").value == key(arm)
    assert key(arm) in (secrets().get_secret("connection").value or "")
    assert loop.settled(*wanted)


def test_a_setting_beside_a_storage_key_is_seen_to_move(arm: Arm, loop: Loop) -> None:
    """The key's age tells nothing of the other part of the text."""
    loop.settings["PART"] = "one"
    wanted = vault_secret("both", "${env:PART}:${storageKey:bikesdata}")
    loop.tick(wanted)
    assert loop.settled(wanted)
    loop.settings["PART"] = "two"
    assert [change.cause for change in loop.plan(wanted).changes] == [Cause.DRIFT]
    loop.tick(wanted)
    assert secrets().get_secret("both").value == f"two:{key(arm)}"
    assert loop.settled(wanted)


def test_the_key_in_use_may_be_the_other_one(arm: Arm, loop: Loop) -> None:
    """A rotation moves the consumers by naming the other key; a new key1 then means nothing to them."""
    wanted = vault_secret("key", "${storageKey:bikesdata}")
    loop.tick(wanted)
    rotation = Key("arm.storageKey", "bikes", "bikesdata")
    seen = {"active": "key2", "due": "nothing"}
    loop.azure[rotation] = Observation(rotation, Status.PRESENT, spec=seen, stamp={"key2": "another time"})
    loop.tick(wanted)
    assert secrets().get_secret("key").value == key(arm, "key2")
    rotated = {rotation: loop.azure[rotation]}
    regenerate(arm, loop)
    loop.azure |= rotated
    assert loop.settled(wanted)


def test_an_account_that_is_not_ours_is_found_by_its_name(arm: Arm, loop: Loop) -> None:
    """By one list of the subscription; one that is not there blocks its secret alone."""
    loop.azure = {}
    wanted = vault_secret("key", "${storageKey:bikesdata}")
    loop.tick(wanted)
    assert secrets().get_secret("key").value == key(arm)
    (held,) = loop.plan(wanted, vault_secret("no", "${storageKey:nosuchaccount}")).blocked
    assert (held.key.name, held.code) == ("no", "secret")
    assert "${storageKey:nosuchaccount}: There is no storage account nosuchaccount" in held.reason


def test_a_key_of_an_account_that_is_made_in_this_run_is_known_after_it(arm: Arm, loop: Loop) -> None:
    """Planned without a look, read once it is there; the fingerprint of what was written is recorded."""
    (seen_key, seen), *_ = loop.azure.items()
    loop.azure = {seen_key: Observation(seen_key, Status.ABSENT)}
    session = loop.session()
    wanted = vault_secret("key", "${storageKey:bikesdata}")
    assert session.values.stamp("${storageKey:bikesdata}", loop.azure) is None
    plan = session.plan([wanted])
    assert [change.key.name for change in plan.changes] == ["key"] and not plan.blocked
    live: dict[Key, Observation] = {seen_key: seen}
    sealed = session.values.seal(wanted, None, live)
    assert sealed.spec["value"].fingerprint == session.values.fingerprint_of(key(arm))
    assert sealed.at["sourceStamp"]["storageKey:bikesdata"].startswith("key1 20")


def test_an_account_read_with_an_old_api_version_is_asked_for_its_key_s_age(arm: Arm, loop: Loop) -> None:
    """keyCreationTime is shown from 2021-02-01 on."""
    loop.azure = account_seen(arm.get(ACCOUNT, "2019-06-01"))
    stamp = loop.session().values.stamp("${storageKey:bikesdata}", loop.azure)
    assert stamp is not None and stamp["storageKey:bikesdata"].startswith("key1 20")


def test_switched_off_keys_are_told_with_the_way_out(arm: Arm, loop: Loop) -> None:
    """KeyBasedAuthenticationNotPermitted is what a client would meet."""
    arm.put(ACCOUNT, account(allowSharedKeyAccess=False))
    loop.azure = account_seen(arm.get(ACCOUNT))
    (held,) = loop.plan(vault_secret("key", "${storageKey:bikesdata}")).blocked
    assert held.code == "secret"
    assert "KeyBasedAuthenticationNotPermitted" in held.reason and "Entra ID" in held.reason


def test_a_secret_of_another_vault_is_followed(arm: Arm, loop: Loop) -> None:
    """Read when its vault's list shows a write, else not; a name that is not allowed is not asked for."""
    arm.put("Microsoft.KeyVault/vaults/other-kv", vault(policy(*EVERYTHING)), "2023-07-01")
    from azure.keyvault.secrets import SecretClient

    other = SecretClient("https://other-kv.vault.azure.net", DefaultAzureCredential())
    other.set_secret("first", "one")
    loop.allowed = frozenset({"other-kv/first"})
    wanted = vault_secret("copy", "${secret:other-kv/first}")
    loop.tick(wanted)
    assert secrets().get_secret("copy").value == "one"
    before = arm.sandbox.journal()[-1]["n"]
    assert loop.settled(wanted)
    assert {entry["path"] for entry in arm.sandbox.journal(before) if entry["host"].startswith("other")} == {
        "/secrets"
    }
    arm.sandbox.advance("PT5S")
    other.set_secret("first", "two")
    assert [change.cause for change in loop.plan(wanted).changes] == [Cause.DRIFT]
    loop.tick(wanted)
    assert secrets().get_secret("copy").value == "two"
    before = arm.sandbox.journal()[-1]["n"]
    (held,) = loop.plan(vault_secret("no", "${secret:other-kv/second}")).blocked
    assert (held.code, "other-kv/second is not in RECONCILER_SECRETS" in held.reason) == ("secret", True)
    assert not any(entry["host"].startswith("other") for entry in arm.sandbox.journal(before))


def test_a_copy_of_our_own_secret_follows_it_in_the_same_tick(arm: Arm, loop: Loop) -> None:
    """What is about to be written is no value to copy yet: the copy is known after it."""
    first = vault_secret("first", "${storageKey:bikesdata}")
    copy = replace(vault_secret("copy", "${secret:bikes-kv/first}"), needs=(first.key,))
    loop.tick(first, copy)
    assert secrets().get_secret("copy").value == key(arm)
    assert loop.settled(first, copy)
    regenerate(arm, loop)
    assert [change.key.name for change in loop.plan(first, copy).changes] == ["first", "copy"]
    loop.tick(first, copy)
    assert secrets().get_secret("copy").value == secrets().get_secret("first").value == key(arm)
    assert loop.settled(first, copy)
    arm.sandbox.advance("PT5S")
    secrets().set_secret("first", "by hand")
    loop.tick(first, copy)
    assert secrets().get_secret("copy").value == secrets().get_secret("first").value == key(arm)
    assert loop.settled(first, copy)


def test_an_output_that_only_azure_tells_is_a_source(arm: Arm, loop: Loop) -> None:
    """Put in once live tells it, and followed when it moves."""
    id_ = arm.get(ACCOUNT)["id"]
    endpoint = Unknown(f"reference('{id_}', '2023-05-01').primaryEndpoints", references=(id_,))
    outputs = {"platform": {"endpoints": endpoint, "none": Unknown("reference('/x').y", references=("/x",))}}
    values = loop.session().values
    source = "at ${azure.platform.endpoints.blob}"
    assert values.stamp("${azure.platform.none}", loop.azure, outputs) is None
    first = values.stamp(source, loop.azure, outputs)
    assert values.value(source) == "at https://bikesdata.blob.core.windows.net/"
    (seen_key, seen), *_ = loop.azure.items()
    moved = {**seen.spec["properties"], "primaryEndpoints": {"blob": "https://elsewhere/"}}
    live = {seen_key: Observation(seen_key, Status.PRESENT, seen.id, {**seen.spec, "properties": moved})}
    assert values.stamp(source, live, outputs) != first
    assert values.value(source) == "at https://elsewhere/"


def test_an_error_names_the_source_and_no_value(arm: Arm, loop: Loop) -> None:
    """A refused read, in Azure's words."""
    arm.sandbox.fault("status", match={"path": "*/listKeys"}, status=403)
    (held,) = loop.plan(vault_secret("key", "${storageKey:bikesdata}")).blocked
    assert held.code == "unreadable" and "${storageKey:bikesdata}: " in held.reason


def test_a_value_that_cannot_be_read_at_the_write_fails_that_write(arm: Arm, loop: Loop) -> None:
    """Seen at the plan, gone at the write."""
    loop.settings["A"] = "a"
    session = loop.session()
    session.values.value = _refuse  # type: ignore[method-assign]
    (outcome,) = session.tick([vault_secret("a", "generate:20")])
    assert (outcome.result, outcome.error) == (Result.FAILED, "it is gone")


def _refuse(source: str) -> str:
    raise CloudError("it is gone")
