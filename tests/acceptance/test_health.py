"""What a tick leaves behind: health, drift and its age, failures; and what `after` makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.project import Azure, Project, empty, environment, group, identity, storage, template
from support.sandbox import Sandbox

ACCOUNT = "Microsoft.Storage/storageAccounts/ourstorage0001"
WEAKER = {"properties": {"minimumTlsVersion": "TLS1_0"}}


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(identity("first"), storage("ourstorage0001")))
    return project


def told(project: Project) -> tuple[str, list[str]]:
    status = project.run("status", "one").json["environments"][0]
    return status["health"], [drift["key"].rsplit(":", 1)[1] for drift in status["drift"]]


def test_drift_that_is_not_healed_is_told_with_its_age(project: Project, sandbox: Sandbox) -> None:
    """heal: false: reported at each tick, since when it is there, never put back."""
    project.repository.commit({"environments/one.yaml": environment("one", policy="policy: {heal: false}\n")})
    assert project.run("tick", "one").code == 0
    assert told(project) == ("healthy", [])
    Azure().call("PATCH", group("one", ACCOUNT), "2023-05-01", WEAKER)
    assert project.run("tick", "one").code == 0
    assert told(project) == ("drifted", ["ourstorage0001"])
    since = project.run("status", "one").json["environments"][0]["drift"][0]["since"]
    sandbox.advance("PT2H")
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["calls"]["write"]) == (0, 0)
    assert project.run("status", "one").json["environments"][0]["drift"][0]["since"] == since
    Azure().call(
        "PATCH", group("one", ACCOUNT), "2023-05-01", {"properties": {"minimumTlsVersion": "TLS1_2"}}
    )
    assert project.run("tick", "one").code == 0
    assert told(project) == ("healthy", [])


def test_manual_sync_records_drift_and_writes_nothing(project: Project) -> None:
    project.repository.commit(
        {"environments/one.yaml": environment("one", policy="policy: {sync: manual}\n")}
    )
    assert project.run("apply", "one", "--yes").code == 0
    Azure().call("PATCH", group("one", ACCOUNT), "2023-05-01", WEAKER)
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["result"], ticked.json["calls"]["write"]) == (0, "done", 0)
    assert told(project) == ("drifted", ["ourstorage0001"])
    text = project.run("status", "one", json_=False).text
    assert ("Microsoft.Storage/storageAccounts:ourstorage0001" in text, "%2F" in text) == (True, False), text


def test_a_refused_tick_is_in_the_history(project: Project) -> None:
    """A plan over its limits writes nothing, is an error, and is recorded as a failure."""
    policy = "policy: {limits: {deletes: 0}}\n"
    project.repository.commit({"environments/one.yaml": environment("one", policy=policy)})
    assert project.run("tick", "one").code == 0
    project.write("arm/main.json", template(storage("ourstorage0001")))
    project.repository.commit()
    refused = project.run("tick", "one")
    assert (refused.code, refused.json["error"]["code"]) == (1, "plan-unsafe")
    assert project.run("history", "one").json["ticks"][0]["result"] == "failed"


def test_a_group_of_another_environment_is_good_enough_to_stand_in(project: Project) -> None:
    """Two environments deploy into one group: the group is the first one's, and stays when the second goes."""
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("tick", "one").code == 0
    project.write("arm/other.json", template(identity("second")))
    text = environment("two", template="arm/other.json").replace("resourceGroup: two", "resourceGroup: one")
    project.repository.commit({"environments/two.yaml": text})
    ticked = project.run("tick", "two")
    assert (ticked.code, ticked.json["blocked"]) == (0, [])
    assert project.run("destroy", "two", "--yes").code == 0
    there = "Microsoft.ManagedIdentity/userAssignedIdentities"
    assert not Azure().there(group("one", f"{there}/second"), "2023-01-31")
    assert Azure().there(group("one", f"{there}/first"), "2023-01-31")
    assert project.run("plan", "one").json["changes"] == []
