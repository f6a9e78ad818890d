"""Databricks tokens for consumers that need one: minted, renewed in time, the old ones revoked; never none."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from support import secret_project as secrets
from support import workspaces
from support.crash import Doomed
from support.project import Project
from support.sandbox import Sandbox
from support.secret_project import changes, forward, let_in, scope_value, ticked, value, vault

TOKEN = "{databricksToken: {lifetime: 30d, renewBefore: 7d}}"
DATABRICKS = ("databricks:", "  workspace: ${azure.main.url}", "  resourceId: ${azure.main.id}")
VAULT_SECTION = ("keyVault:", f"  vault: {secrets.VAULT}", f"  secrets: {{token: {TOKEN}}}")


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    made = secrets.project(tmp_path, sandbox, *DATABRICKS, *VAULT_SECTION)
    ticked(made)
    return made


def listed(sandbox: Sandbox) -> list[Any]:
    """The tokens of the one who reconciles."""
    return list(workspaces.person(sandbox).tokens.list())


def quiet(project: Project) -> bool:
    planned = project.run("plan", "one")
    return (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], [])


def only_one(sandbox: Sandbox) -> bool:
    """Whether there is one token of ours, and the vault has it."""
    (token,) = listed(sandbox)
    found = vault().get_secret("token")
    assert found.properties.tags["databricks-token"] == token.token_id
    return let_in(found.value, secrets.host())


def test_a_token_is_minted_by_the_first_tick_and_left_alone(project: Project, sandbox: Sandbox) -> None:
    """It lets its bearer in, expires with the secret, tells whose it is; a quiet tick lists tokens once."""
    assert only_one(sandbox)
    (token,) = listed(sandbox)
    assert token.comment.startswith("reconciler one/team-kv/token ")
    expires = vault().get_secret("token").properties.expires_on
    assert abs(expires.timestamp() - token.expiry_time / 1000) < 2
    at = len(sandbox.journal())
    assert quiet(project)
    paths = [e["path"] for e in sandbox.journal()[at:] if "/api/2.0/" in e["path"]]
    assert paths.count("/api/2.0/token/list") == 1 and "/api/2.0/token/create" not in paths


def test_it_is_renewed_in_time_and_the_old_one_is_revoked(project: Project, sandbox: Sandbox) -> None:
    """By Azure's clock; the plan says why."""
    old = value("token")
    forward(sandbox, "P22D")
    assert quiet(project)
    forward(sandbox, "P2D")
    planned = project.run("plan", "one")
    assert changes(planned) == {"secret token": ("update", "drift")}
    assert "renew: before it expires on " in str(planned.json["changes"])
    ticked(project)
    assert only_one(sandbox)
    assert (value("token") == old, let_in(old, secrets.host())) == (False, False)
    assert quiet(project)


def test_a_revoked_token_and_one_overwritten_in_the_vault_are_replaced(
    project: Project, sandbox: Sandbox
) -> None:
    """By hand, both: drift."""
    (token,) = listed(sandbox)
    workspaces.person(sandbox).tokens.delete(token.token_id)
    assert changes(ticked(project)) == {"secret token": ("update", "drift")}
    assert only_one(sandbox)
    sandbox.advance("PT5S")
    vault().set_secret("token", "by hand", tags=vault().get_secret("token").properties.tags)
    assert changes(ticked(project)) == {"secret token": ("update", "drift")}
    assert only_one(sandbox)
    assert quiet(project)


def test_tokens_of_others_stay(project: Project, sandbox: Sandbox) -> None:
    """Of people, and of other secrets: known by the comment."""
    hands = workspaces.person(sandbox)
    mine = [
        str(hands.tokens.create(comment=comment).token_info.token_id)
        for comment in ("laptop", "reconciler one/team-kv/token2 x", "reconciler two/team-kv/token x")
    ]
    left_by_a_crash = str(hands.tokens.create(comment="reconciler one/team-kv/token x").token_info.token_id)
    planned = project.run("plan", "one")
    assert "revoke: 1 older token" in str(planned.json["changes"])
    before = value("token")
    ticked(project)
    ids = {each.token_id for each in listed(sandbox)}
    assert (set(mine) <= ids, left_by_a_crash in ids, len(ids)) == (True, False, 4)
    assert value("token") == before, "what is valid is not minted again"


def test_another_lifetime_is_a_commit_and_a_token_that_leaves_git_is_revoked(
    project: Project, sandbox: Sandbox
) -> None:
    """A new one at once, of the new length; without the secret there is no token either."""
    project.edit("environments/one.yaml", "lifetime: 30d", "lifetime: 60d")
    assert changes(ticked(project)) == {"secret token": ("update", "commit")}
    assert only_one(sandbox)
    (token,) = listed(sandbox)
    assert token.expiry_time - token.creation_time == 60 * 86_400_000
    project.edit("environments/one.yaml", f"secrets: {{token: {TOKEN.replace('30d', '60d')}}}", "secrets: {}")
    assert changes(ticked(project)) == {"secret token": ("delete", "removed")}
    assert listed(sandbox) == []


def test_a_copy_follows_in_the_same_tick_and_only_then_the_old_one_goes(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scope that holds the token never holds a revoked one."""
    monkeypatch.setenv("RECONCILER_SECRETS", f"{secrets.VAULT}/token")
    scope = '  secretScopes: {team: {secrets: {token: "${secret:team-kv/token}"}}}'
    project.edit("environments/one.yaml", DATABRICKS[2], f"{DATABRICKS[2]}\n{scope}")
    ticked(project)
    old = scope_value(sandbox, "team/token")
    forward(sandbox, "P24D")
    assert set(changes(ticked(project))) == {"secret token", "secret team/token"}
    assert scope_value(sandbox, "team/token") == value("token") != old
    assert let_in(old, secrets.host()), "whoever read it before can still end its work"
    assert changes(ticked(project)) == {"secret token": ("update", "drift")}
    assert (only_one(sandbox), let_in(old, secrets.host())) == (True, False)
    assert quiet(project)


def killed(project: Project, after: int, when: str) -> int | None:
    """Tick in a process that is killed when its call number `after` + 1 arrives; its exit code."""
    place = ("--repo", str(project.repository.path), "--state", str(project.state))
    doomed = Doomed("tick", "one", "--json", *place, variables=project.sandbox.env)
    project.sandbox.fault("kill", after=after, times=1, pid=doomed.pid, when=when)
    code = doomed.go()
    project.sandbox.control("DELETE", "faults")
    return code


@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.prove)], ids=["at its writes", "at every call"]
)
def test_renewal_is_killed(project: Project, sandbox: Sandbox, every: bool) -> None:
    """Whatever was done by then: the vault has a valid token, and the next tick leaves it as the only one. Until
    the first write a killed tick leaves nothing behind, so the next is killed."""
    place = secrets.host()
    forward(sandbox, "P24D")
    at = len(sandbox.journal())
    assert killed(project, 1000, "after") == 0
    calls = [entry["write"] for entry in sandbox.journal()[at:]]
    first = calls.index(True)
    assert calls.count(True) == 3, "minted, put into the vault, and the old one revoked"
    forward(sandbox, "P24D")
    for call in range(first) if every else ():
        assert killed(project, call, "after") == -signal.SIGKILL
        assert let_in(value("token"), place)
    for call in (call for call in range(first, len(calls)) if every or calls[call]):
        for when in ("before", "after") if calls[call] else ("after",):
            assert killed(project, call, when) == -signal.SIGKILL
            assert let_in(value("token"), place), f"killed {when} call {call}"
            ticked(project)
            assert only_one(sandbox)
            forward(sandbox, "P24D")
    assert killed(project, 1000, "before") == 0
    assert only_one(sandbox) and quiet(project)
