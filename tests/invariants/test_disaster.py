"""What no reconciler can prevent: its state lost, torn or old, and services that are away for long."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from typing import Any

import pytest
from support.project import Azure
from support.receivers import hook
from support.rig import Rig
from support.whole import ADF, COMMITTED, DRIFTED, STORAGE, at, vault

CONVERGED = "converged"
WRITE_ONLY = ["bikeshare/api", "bikeshare/storagekey"]
"""What the sample keeps in a scope: its values are given to nobody."""


def lost(rig: Rig) -> None:
    """Delete all that was recorded, the key of fingerprints with it."""
    for path in rig.project.state.iterdir():
        if path.name != "cache":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def ticked(rig: Rig) -> Any:
    done = rig.tick()
    assert done.said.startswith("{"), done.said
    return json.loads(done.said)


def named(changes: list[Any], **wanted: str) -> list[str]:
    """Names of the changes that have these fields."""
    found = [one["key"] for one in changes if all(one.get(k) == v for k, v in wanted.items())]
    return sorted(key.split("/", 2)[2].replace("%2F", "/").replace("%20", " ") for key in found)


def test_a_state_that_was_deleted_is_rebuilt(rig: Rig) -> None:
    """All that equals Git is taken over; secrets that nobody can read are written once, and listed."""
    at(rig, CONVERGED)
    lost(rig)
    done = ticked(rig)
    assert named(done["changes"], action="update") == WRITE_ONLY
    assert {change["action"] for change in done["changes"]} == {"adopt", "update"}
    assert "bikeshare/api, bikeshare/storagekey" in " ".join(done["warnings"])
    assert (done["blocked"], done["result"]) == ([], "done")
    writes = [entry["path"] for entry in rig.sandbox.journal() if entry["write"]]
    assert writes == ["/api/2.0/secrets/put"] * 2
    assert rig.converges() == 1
    assert rig.wrongs(CONVERGED) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", ["*/secrets/put", "*/secrets/list"])
def test_a_rebuild_that_is_killed_is_ended_by_the_next(rig: Rig, path: str, when: str) -> None:
    """What was to be written once more is not forgotten between the two."""
    at(rig, CONVERGED)
    lost(rig)
    doomed = rig.doomed("tick", rig.name, "--json")
    rig.sandbox.fault("kill", match={"path": path}, times=1, pid=doomed.pid, when=when)
    assert doomed.go() == -signal.SIGKILL
    rig.sandbox.control("DELETE", "faults")
    rig.converges()
    puts = [entry for entry in rig.sandbox.journal() if entry["path"].endswith("/secrets/put")]
    assert 2 <= len(puts) <= 3, "each once, and the one that was cut perhaps twice"
    assert rig.wrongs(CONVERGED) == []


def test_a_state_that_was_deleted_proves_nothing_of_what_people_changed(rig: Rig) -> None:
    """What bears our mark is put right, what is missing is made; what differs and bears none is told and left,
    and so is what left Git meanwhile."""
    at(rig, COMMITTED)
    azure = Azure()
    linked = azure.get(f"{ADF}/linkedservices/DataLake", "2018-06-01")["properties"]
    linked["description"] = "by hand"
    azure.call("PUT", f"{ADF}/linkedservices/DataLake", "2018-06-01", {"properties": linked})
    azure.call("PATCH", STORAGE, "2024-01-01", {"properties": {"minimumTlsVersion": "TLS1_0"}})
    lost(rig)
    done = ticked(rig)
    assert "Microsoft.Storage/storageAccounts:bikesharetest" in named(done["changes"], action="update")
    assert {"More", "/Shared/bikeshare/deep/more"} <= set(named(done["changes"], action="create"))
    assert {"DataLake", "/Shared/bikeshare/prep"} <= set(named(done["blocked"], code="exists"))
    assert named(done["changes"], action="delete") == []
    unmanaged = " ".join(done["unmanaged"]).replace("%2F", "/")
    assert "/Shared/bikeshare/storage" in unmanaged and "bikeshare/api" in unmanaged
    assert azure.get(f"{ADF}/linkedservices/DataLake", "2018-06-01")["properties"]["description"] == "by hand"
    again = ticked(rig)
    assert (again["outcomes"], named(again["blocked"]) != []) == ([], True)
    assert rig.wrongs(COMMITTED) == []


def test_an_old_state_deletes_nothing_newer_and_makes_nothing_twice(rig: Rig) -> None:
    """A backup from before the last commit: the world is ahead of it, and stays as it is."""
    at(rig, COMMITTED)
    rig.converges()
    shown = {place: text for place, text in rig.documents().items() if place[0] == "arm.resources"}
    lost(rig)
    shutil.copytree(rig.kept(CONVERGED), rig.project.state, dirs_exist_ok=True)
    rig.sandbox.control("DELETE", "journal")
    for _ in range(3):
        done = ticked(rig)
        assert named(done["changes"], action="delete") == []
        rig.sandbox.advance("PT15M")
    assert (done["outcomes"], done["summary"]["notAccepted"]) == ([], 0)
    assert named(done["blocked"]) in ([], ["bikeshare/other"]), "told, for nobody can read it"
    now = rig.documents()
    assert {place: now.get(place) for place in shown} == shown
    assert rig.wrongs(COMMITTED) == []


@pytest.mark.parametrize("cut", [0, 1, 2, 10, 200])
def test_a_state_that_was_cut_short_goes_on_or_is_refused(rig: Rig, cut: int) -> None:
    """The last save is lost, or the whole file is no state any more: then nothing is called, and it is said how
    to go on."""
    at(rig, COMMITTED)
    place = rig.project.state / rig.name
    text = (place / "state.json").read_bytes()
    (place / "state.json").write_bytes(text[: -cut or None])
    rig.sandbox.control("DELETE", "journal")
    done = rig.tick()
    if done.said.startswith("{"):
        assert cut <= 1, "no more than the end of the line was missing"
        rig.converges()
    else:
        assert done.said.startswith("StateError") and "Restore" in done.said, done.said
        assert rig.sandbox.journal() == []
        (place / "state.json").write_bytes(text)
        rig.converges()
    assert rig.wrongs(COMMITTED) == []


@pytest.mark.parametrize(
    ("away", "mended"),
    [("*.vault.azure.net", "keyvault."), ("adb-*", "databricks."), ("management.azure.com", "")],
)
def test_a_service_that_is_away_for_long_holds_up_nothing_else(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, away: str, mended: str
) -> None:
    """An hour of 503: what does not need it is put right at once, people are told once, and when it is back
    the rest follows. Nothing is made again that could not be seen."""
    with hook() as site:
        monkeypatch.setenv("HOOK", site.url)
        monkeypatch.setenv("RECONCILER_SECRETS", "API_KEY,OTHER_KEY,HOOK")
        at(rig, DRIFTED)
        file = rig.project.repository.path / "environments/test.yaml"
        rig.project.repository.git("checkout", "--quiet", "-B", "alerted")
        rig.project.repository.commit(
            {"environments/test.yaml": file.read_text("utf-8") + 'alerts:\n  - {to: "${env:HOOK}"}\n'}
        )
        rig.sandbox.fault("status", match={"host": away}, times=0, status=503)
        results = []
        for _ in range(6):
            results.append(rig.tick())
            rig.sandbox.advance("PT10M")
        told = len(site.got)
        assert told > 0, "nobody was told"
        again = Counter((event["type"], event.get("subject")) for event in site.got)
        assert [fact for fact, times in again.items() if times > 1] == [], "told more than once"
        if mended:
            first = json.loads(results[0].said)
            done = {one["key"].split("/")[0] for one in first["outcomes"] if one["result"] == "done"}
            assert done and not any(kind.startswith(mended) for kind in done)
            assert all(not json.loads(each.said)["outcomes"] for each in results[2:]), "no write is repeated"
        rig.sandbox.control("DELETE", "faults")
        rig.converges()
        assert rig.wrongs(DRIFTED) == []
        assert len(site.got) > told, "its end was not told"
    assert vault().get_secret("theirs").value == "a secret of theirs"
