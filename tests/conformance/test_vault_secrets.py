"""Secrets of a key vault, kept by the product on the sandbox through the real SDK."""

from __future__ import annotations

import json
import re

import pytest
from support.arm import Arm
from support.sandbox import Sandbox
from support.secret_loop import Loop, vault_secret
from support.vaults import EVERYTHING, VAULT, policy, secrets, vault

from reconciler.change import Action
from reconciler.diff import Cause
from reconciler.outcome import Result
from reconciler.providers import retries
from reconciler.record import to_json

SOURCE = "${env:API_KEY}"


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    made = Arm(sandbox, "2023-07-01")
    made.put(VAULT, vault(policy(*EVERYTHING)))
    return made


@pytest.fixture
def loop() -> Loop:
    return Loop({"API_KEY": "the value of the setting", "OTHER": "other"})


def versions(name: str) -> int:
    return len(list(secrets().list_properties_of_secret_versions(name)))


def test_a_secret_is_made_with_all_that_is_said_and_then_left_alone(arm: Arm, loop: Loop) -> None:
    """Value, content type, times, tags and our mark; a second plan lists the vault once and reads nothing."""
    said = {
        "contentType": "text/plain",
        "expires": "2031-01-01T00:00:00Z",
        "notBefore": "2020-01-01T00:00:00Z",
        "tags": {"team": "data"},
    }
    wanted = vault_secret("api-key", "${env:API_KEY}", **said)
    (outcome,) = loop.tick(wanted)
    assert (outcome.action, outcome.result) == (Action.CREATE, Result.DONE)
    found = secrets().get_secret("api-key")
    assert found.value == "the value of the setting"
    assert found.properties.tags == {"team": "data", "reconciler": "one"}
    assert (found.properties.content_type, found.properties.expires_on.year) == ("text/plain", 2031)
    before = arm.sandbox.journal()[-1]["n"]
    session = loop.session()
    assert session.plan([wanted]).unchanged == 1
    paths = [
        e["path"]
        for e in arm.sandbox.journal(before)
        if "vault.azure.net" in e["host"] and e["status"] == 200
    ]
    assert (paths, dict(session.arm.calls)) == (["/secrets"], {"read": 1})
    assert loop.settled(wanted)


def test_no_value_is_recorded(arm: Arm, loop: Loop) -> None:
    """The state holds a keyed hash, the source's name and no value."""
    loop.tick(vault_secret("api-key", "${env:API_KEY}"), vault_secret("made", "generate:40"))
    text = json.dumps(to_json(loop.state))
    assert "the value of the setting" not in text
    assert secrets().get_secret("made").value not in text
    assert re.search(r'"\$secret": "[0-9a-f]{64}"', text)


def test_a_changed_setting_is_drift_of_the_source(arm: Arm, loop: Loop) -> None:
    """By no commit: the plan says where it moved, the next tick makes a version."""
    wanted = vault_secret("api-key", "${env:API_KEY}")
    loop.tick(wanted)
    loop.settings["API_KEY"] = "rotated"
    (change,) = loop.plan(wanted).changes
    assert (change.cause, change.fields[0].path, change.fields[0].reason) == (
        Cause.DRIFT,
        "value",
        "secretSource",
    )
    assert "rotated" not in str(change)
    loop.tick(wanted)
    assert (secrets().get_secret("api-key").value, versions("api-key")) == ("rotated", 2)
    assert loop.settled(wanted)


def test_another_source_is_a_commit(arm: Arm, loop: Loop) -> None:
    """Git says something else."""
    loop.tick(vault_secret("api-key", "${env:API_KEY}"))
    (change,) = loop.plan(vault_secret("api-key", "${env:OTHER}")).changes
    assert change.cause is Cause.COMMIT


def test_a_value_set_by_hand_is_put_back(arm: Arm, loop: Loop) -> None:
    """Seen by the list's time, known by its version."""
    wanted = vault_secret("api-key", "${env:API_KEY}")
    loop.tick(wanted)
    arm.sandbox.advance("PT5S")
    secrets().set_secret("api-key", "by hand")
    (change,) = loop.plan(wanted).changes
    assert (change.action, change.cause) == (Action.UPDATE, Cause.DRIFT)
    assert {each.path for each in change.fields} == {"value"}
    loop.tick(wanted)
    assert secrets().get_secret("api-key").value == "the value of the setting"
    assert loop.settled(wanted)


def test_tags_edited_by_hand_make_no_new_version(arm: Arm, loop: Loop) -> None:
    """The version is the recorded one: what stands beside the value is put right alone."""
    wanted = vault_secret("api-key", "${env:API_KEY}", tags={"team": "data"})
    loop.tick(wanted)
    arm.sandbox.advance("PT5S")
    secrets().update_secret_properties("api-key", tags={"team": "mine", "reconciler": "one"})
    (change,) = loop.plan(wanted).changes
    assert [each.path for each in change.fields] == ["tags.team"]
    loop.tick(wanted)
    assert secrets().get_secret("api-key").properties.tags["team"] == "data"
    assert versions("api-key") == 1
    assert loop.settled(wanted)


def test_a_secret_disabled_by_hand_is_enabled_with_its_version(arm: Arm, loop: Loop) -> None:
    """Its value cannot be read then; its version can."""
    wanted = vault_secret("api-key", "${env:API_KEY}")
    loop.tick(wanted)
    arm.sandbox.advance("PT5S")
    secrets().update_secret_properties("api-key", enabled=False)
    (change,) = loop.plan(wanted).changes
    assert [each.path for each in change.fields] == ["enabled"]
    loop.tick(wanted)
    assert (secrets().get_secret("api-key").value, versions("api-key")) == ("the value of the setting", 1)


def test_what_cannot_be_taken_away_takes_a_new_version(arm: Arm, loop: Loop) -> None:
    """An update of properties sets an expiry and never clears it."""
    loop.tick(vault_secret("api-key", "${env:API_KEY}", expires="2031-01-01T00:00:00Z"))
    loop.tick(vault_secret("api-key", "${env:API_KEY}"))
    assert secrets().get_secret("api-key").properties.expires_on is None
    assert loop.settled(vault_secret("api-key", "${env:API_KEY}"))


def test_a_deleted_secret_comes_back(arm: Arm, loop: Loop) -> None:
    """Recovered, not failed on, within one tick; its versions come with it."""
    wanted = vault_secret("api-key", "${env:API_KEY}")
    loop.tick(wanted)
    secrets().begin_delete_secret("api-key", _polling_interval=0).result()
    (change,) = loop.plan(wanted).changes
    assert (change.action, change.cause) == (Action.CREATE, Cause.DRIFT)
    (outcome,) = loop.tick(wanted)
    assert outcome.result is Result.DONE
    assert (secrets().get_secret("api-key").value, versions("api-key")) == ("the value of the setting", 1)
    assert loop.settled(wanted)


def test_a_recovered_secret_of_another_value_gets_ours(arm: Arm, loop: Loop) -> None:
    """The name was used before us and deleted."""
    secrets().set_secret("api-key", "somebody's old one")
    secrets().begin_delete_secret("api-key", _polling_interval=0).result()
    (outcome,) = loop.tick(vault_secret("api-key", "${env:API_KEY}"))
    assert (outcome.result, secrets().get_secret("api-key").value) == (
        Result.DONE,
        "the value of the setting",
    )


def test_what_exists_with_another_value_is_not_taken_over(arm: Arm, loop: Loop) -> None:
    """Not ours and not as Git says: blocked. With the same value it is adopted, and kept."""
    secrets().set_secret("api-key", "somebody's")
    (held,) = loop.plan(vault_secret("api-key", SOURCE)).blocked
    assert held.code == "exists"
    secrets().set_secret("api-key", "the value of the setting")
    (outcome,) = loop.tick(vault_secret("api-key", SOURCE))
    assert outcome.action is Action.ADOPT
    assert versions("api-key") == 2
    assert loop.settled(vault_secret("api-key", SOURCE))


def test_a_generated_value_is_kept_through_everything(arm: Arm, loop: Loop) -> None:
    """An edit, a delete and a lost state bring back the same value; only a purge makes another."""
    wanted = vault_secret("made", "generate:40")
    loop.tick(wanted)
    first = secrets().get_secret("made").value
    assert first is not None and re.fullmatch(r"[A-Za-z0-9]{40}", first)
    assert loop.settled(wanted)
    arm.sandbox.advance("PT5S")
    secrets().set_secret("made", "by hand")
    assert [change.cause for change in loop.plan(wanted).changes] == [Cause.DRIFT]
    loop.tick(wanted)
    assert secrets().get_secret("made").value == first
    assert loop.settled(wanted)
    secrets().begin_delete_secret("made", _polling_interval=0).result()
    loop.tick(wanted)
    assert secrets().get_secret("made").value == first
    fresh = Loop()
    (outcome,) = fresh.tick(wanted)
    assert (outcome.action, secrets().get_secret("made").value) == (Action.ADOPT, first)
    secrets().begin_delete_secret("made", _polling_interval=0).result()
    secrets().purge_deleted_secret("made")
    loop.tick(wanted)
    assert secrets().get_secret("made").value not in (first, None)


def test_what_left_git_is_deleted_or_disabled(arm: Arm, loop: Loop) -> None:
    """By policy; never purged, and what others made stays and is told."""
    secrets().set_secret("theirs", "x")
    loop.tick(vault_secret("a", "${env:API_KEY}"))
    assert [key.plain for key in loop.plan().unmanaged] == ["keyvault.secret/bikes-kv/theirs"]
    loop.tick()
    assert [each.name for each in secrets().list_deleted_secrets()] == ["a"]
    assert not loop.state.entries
    loop.disable = True
    loop.tick(vault_secret("b", "${env:API_KEY}"))
    loop.tick()
    assert {each.name: each.enabled for each in secrets().list_properties_of_secrets()} == {
        "theirs": True,
        "b": False,
    }


@pytest.mark.parametrize("do", ["drop-before", "drop-after"])
@pytest.mark.parametrize(
    ("method", "source"), [("PUT", "${env:API_KEY}"), ("PUT", "generate:20"), ("GET", SOURCE)]
)
def test_a_call_without_an_answer_is_settled(
    arm: Arm, loop: Loop, monkeypatch: pytest.MonkeyPatch, do: str, method: str, source: str
) -> None:
    """However the write ended, and whether it was looked at, the next ticks leave what is wanted."""
    monkeypatch.setattr(retries, "_wait", lambda state: 0.0)
    wanted = vault_secret("api-key", source, tags={"team": "data"})
    path = "/secrets/api-key*"
    arm.sandbox.fault(do, match={"method": method, "host": "bikes-kv.vault.azure.net", "path": path}, times=5)
    loop.tick(wanted)
    if method == "PUT":
        assert loop.state.entries[wanted.key].intent is not None
    arm.sandbox.control("DELETE", "faults")
    first = {each.name for each in secrets().list_properties_of_secrets()}
    value = secrets().get_secret("api-key").value if first else None
    loop.tick(wanted)
    assert loop.settled(wanted)
    found = secrets().get_secret("api-key")
    assert found.properties.tags == {"team": "data", "reconciler": "one"}
    assert value in (None, found.value)
    assert source.startswith("generate") or found.value == "the value of the setting"


def test_an_update_without_an_answer_is_settled(
    arm: Arm, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands beside the value was not written, though the value was as wanted."""
    monkeypatch.setattr(retries, "_wait", lambda state: 0.0)
    loop.tick(vault_secret("api-key", SOURCE))
    wanted = vault_secret("api-key", SOURCE, tags={"team": "data"})
    arm.sandbox.fault("drop-before", match={"method": "PATCH"}, times=5)
    loop.tick(wanted)
    arm.sandbox.control("DELETE", "faults")
    arm.sandbox.advance("PT5S")
    loop.tick(wanted)
    assert secrets().get_secret("api-key").properties.tags == {"team": "data", "reconciler": "one"}
    assert versions("api-key") == 1


def test_an_edit_between_our_write_and_our_read_is_seen_by_the_next_tick(arm: Arm, loop: Loop) -> None:
    """No stamp of a version that is not ours is recorded."""
    wanted = vault_secret("api-key", "${env:API_KEY}")
    session = loop.session()
    vaults = session.providers[0]
    read = vaults.read

    def late(made):  # type: ignore[no-untyped-def]
        secrets().set_secret("api-key", "in between")
        return read(made)

    vaults.read = late  # type: ignore[method-assign]
    session.tick([wanted])
    assert [change.cause for change in loop.plan(wanted).changes] == [Cause.DRIFT]
    loop.tick(wanted)
    assert secrets().get_secret("api-key").value == "the value of the setting"


def test_a_vault_that_is_gone_holds_nothing_and_one_that_refuses_is_unknown(arm: Arm, loop: Loop) -> None:
    """Gone is what ARM says is gone; a refusal is never absence."""
    id_ = arm.get(VAULT)["id"]
    wanted = vault_secret("api-key", "${env:API_KEY}", vault_id=id_)
    loop.tick(wanted)
    arm.put(VAULT, vault())
    (held,) = loop.plan(wanted).blocked
    assert held.code == "unreadable"
    arm.call("DELETE", VAULT)
    (change,) = loop.plan(wanted).changes
    assert (change.action, change.cause) == (Action.CREATE, Cause.DRIFT)


@pytest.mark.parametrize("status", [429, 503])
def test_a_list_that_is_put_off_is_made_again(
    arm: Arm, loop: Loop, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The first look is made once, to find soon that a vault is gone; what only waits is not taken for that."""
    monkeypatch.setattr(retries, "_wait", lambda state: 0.0)
    wanted = vault_secret("api-key", SOURCE, vault_id=arm.get(VAULT)["id"])
    loop.tick(wanted)
    arm.sandbox.fault("status", match={"host": "bikes-kv.vault.azure.net"}, status=status, times=2)
    assert loop.plan(wanted).unchanged == 1


def test_an_unset_setting_blocks_that_secret_alone(arm: Arm, loop: Loop) -> None:
    """The others are written; the reason names the setting."""
    loop.allowed = frozenset({"API_KEY"})
    good, bad = vault_secret("a", "${env:API_KEY}"), vault_secret("b", "${env:OTHER}")
    plan = loop.plan(good, bad)
    (held,) = plan.blocked
    assert (held.key.name, held.code) == ("b", "secret")
    assert "${env:OTHER}: OTHER is not in RECONCILER_SECRETS" in held.reason
    loop.tick(good, bad)
    assert [each.name for each in secrets().list_properties_of_secrets()] == ["a"]


def test_a_secret_too_large_fails_with_the_service_s_words(arm: Arm, loop: Loop) -> None:
    """25 KB is the most; the value is in no message."""
    loop.settings["API_KEY"] = "x" * 30_000
    (outcome,) = loop.tick(vault_secret("api-key", "${env:API_KEY}"))
    assert outcome.result is Result.FAILED
    assert "too large" in outcome.error and "xxx" not in outcome.error
