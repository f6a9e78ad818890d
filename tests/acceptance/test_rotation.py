"""Storage keys are rotated, and what was written from them follows in the same tick."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import secret_project as secrets
from support.project import Azure, Project
from support.sandbox import Sandbox
from support.secret_project import ACCOUNT, ACCOUNT_ID, KEY, changes, forward, key_of, ticked, value

ROTATE = f"{{{ACCOUNT}: {{rotate: {{every: 90d, overlap: 24h}}}}}}"
VAULT_SECTION = (
    "keyVault:",
    f"  vault: {secrets.VAULT}",
    f'  secrets: {{key: "{KEY}", line: "AccountKey={KEY};"}}',
)
ROTATION, COPIES = f"storageKey {ACCOUNT}", {"secret key", "secret line"}


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    made = secrets.project(tmp_path, sandbox, *VAULT_SECTION, keys=ROTATE, workspace=False)
    ticked(made)
    return made


def keys() -> tuple[str, str]:
    return key_of("key1"), key_of("key2")


def quiet(project: Project) -> bool:
    """Whether a plan finds nothing to do, and asks for no value."""
    planned = project.run("plan", "one")
    return (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], [])


def test_a_young_key_stays(project: Project, sandbox: Sandbox) -> None:
    """Nothing is due: no list of keys and no write."""
    assert value("key") == key_of("key1")
    assert value("line") == f"AccountKey={key_of('key1')};"
    at = len(sandbox.journal())
    assert quiet(project)
    assert [e for e in sandbox.journal()[at:] if e["path"].endswith(("Keys", "Key"))] == []


def test_the_other_key_is_regenerated_taken_in_use_and_the_old_one_dies_after_the_overlap(
    project: Project, sandbox: Sandbox
) -> None:
    """Through two whole turns; at no time is the key that is in use another than a valid one."""
    for before, after in ((0, 1), (1, 0)):
        old = keys()
        forward(sandbox, "P91D")
        planned = project.run("plan", "one")
        assert changes(planned) == dict.fromkeys({ROTATION, *COPIES}, ("update", "drift"))
        (said,) = [c for c in planned.json["changes"] if "storageKey" in c["key"]]
        assert f"key{before + 1} of {ACCOUNT}" in str(said) and "older than 90d" in str(said)
        assert set(changes(ticked(project))) == {ROTATION, *COPIES}
        fresh = keys()
        assert (fresh[before], fresh[after] == old[after]) == (old[before], False), (
            "the old one is valid still"
        )
        assert value("key") == fresh[after] and value("line") == f"AccountKey={fresh[after]};"
        assert quiet(project)
        forward(sandbox, "PT23H")
        assert quiet(project)
        forward(sandbox, "PT2H")
        assert set(changes(ticked(project))) == {ROTATION}
        last = keys()
        assert (last[before] == old[before], last[after]) == (False, fresh[after])
        assert value("key") == last[after]
        assert quiet(project)


def test_the_old_key_stays_while_something_holds_it(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that could not be written keeps its key alive, however long that takes; then the overlap begins."""
    monkeypatch.setattr("reconciler.providers.retries.ATTEMPTS", 1)
    old = keys()
    forward(sandbox, "P91D")
    sandbox.fault("status", match={"method": "PUT", "path": "/secrets/line"}, times=100, status=403)
    for _ in range(2):
        assert project.run("tick", "one").code != 0
        forward(sandbox, "P2D")
    assert (key_of("key1"), value("line")) == (old[0], f"AccountKey={old[0]};")
    sandbox.control("DELETE", "faults")
    forward(sandbox, "PT2H")
    ticked(project)
    assert value("line") == f"AccountKey={key_of('key2')};"
    forward(sandbox, "PT23H")
    ticked(project)
    assert key_of("key1") == old[0]
    forward(sandbox, "PT2H")
    ticked(project)
    assert key_of("key1") != old[0]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["rotate", "retire"])
def test_a_lost_answer_is_settled_by_the_key_s_age(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Regenerated or not: told by keyCreationTime. Never twice, and never the key that is in use."""
    monkeypatch.setattr("reconciler.providers.retries.ATTEMPTS", 1)
    forward(sandbox, "P91D")
    if step == "retire":
        ticked(project)
        forward(sandbox, "PT25H")
    held = value("key")
    at = len(sandbox.journal())
    sandbox.fault(f"drop-{when}", match={"path": "*/regenerateKey"}, times=1)
    project.run("tick", "one")
    assert value("key") == held and held in keys(), "whoever uses it, still can"
    ticked(project)
    assert quiet(project)
    assert value("key") in keys() and value("line") == f"AccountKey={value('key')};"
    assert value("key") == key_of("key2")
    made = [e for e in sandbox.journal()[at:] if e["path"].endswith("/regenerateKey")]
    assert len(made) == (2 if when == "before" else 1)


def test_a_rotation_that_leaves_git_leaves_the_first_key(project: Project, sandbox: Sandbox) -> None:
    """Without `storageKeys` an account's key is key1, whichever was in use; nothing is regenerated."""
    forward(sandbox, "P91D")
    ticked(project)
    before = keys()
    project.edit("environments/one.yaml", f"  storageKeys: {ROTATE}\n", "")
    ticked(project)
    assert (value("key"), keys()) == (before[0], before)
    assert quiet(project)


def test_a_key_regenerated_by_hand_is_followed_whichever_is_in_use(
    project: Project, sandbox: Sandbox
) -> None:
    """Cause drift; its time in use begins anew."""
    forward(sandbox, "P91D")
    ticked(project)
    forward(sandbox, "PT1H")
    Azure().call("POST", f"{ACCOUNT_ID}/regenerateKey", "2023-05-01", {"keyName": "key2"})
    assert changes(project.run("plan", "one")) == dict.fromkeys(COPIES, ("update", "drift"))
    ticked(project)
    assert value("key") == key_of("key2")
    assert quiet(project)
