"""The loop on the sample: from nothing to an empty plan, drift found and put back, a commit released."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.project import Azure, Project, group, sample
from support.sandbox import Sandbox

STORAGE = "Microsoft.Storage/storageAccounts/bikesharedev"


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    return sample(tmp_path, sandbox)


def test_dev_comes_from_nothing_and_a_second_plan_is_empty(project: Project, sandbox: Sandbox) -> None:
    """The promise of a reconciler: apply, and there is nothing left to say."""
    applied = project.run("apply", "dev", "--yes")
    assert applied.code == 0, applied.text
    assert {outcome["result"] for outcome in applied.json["outcomes"]} == {"done"}
    assert applied.json["summary"]["create"] == len(applied.json["outcomes"]) >= 10
    at = len(sandbox.journal())
    planned = project.run("plan", "dev")
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], [])
    assert planned.json["summary"]["notAccepted"] == 0
    assert [entry for entry in sandbox.journal()[at:] if entry["write"]] == []
    assert planned.json["calls"]["write"] == 0


def test_drift_is_named_by_field_and_put_back_by_one_write(project: Project, sandbox: Sandbox) -> None:
    """Somebody edits one property: the plan names that and nothing else, one resource is written."""
    assert project.run("tick", "dev").code == 0
    weaker = {"properties": {"minimumTlsVersion": "TLS1_0"}}
    Azure().call("PATCH", group("bikeshare-dev", STORAGE), "2024-01-01", weaker)
    planned = project.run("plan", "dev")
    assert planned.code == 2
    [change] = planned.json["changes"]
    assert (change["action"], change["cause"]) == ("update", "drift")
    [field] = change["fields"]
    assert (field["path"], field["desired"], field["live"], field["cause"]) == (
        "properties.minimumTlsVersion",
        "TLS1_2",
        "TLS1_0",
        "drift",
    )
    at = len(sandbox.journal())
    assert project.run("tick", "dev").code == 0
    writes = [entry for entry in sandbox.journal()[at:] if entry["write"]]
    assert [entry["method"] for entry in writes] == ["PUT"]
    deployment = Azure().get(writes[0]["path"], "2025-04-01")
    assert [Path(found["id"]).name for found in deployment["properties"]["outputResources"]] == [
        "bikesharedev"
    ]
    assert project.run("plan", "dev").code == 0


def test_a_resource_deleted_by_hand_comes_back(project: Project) -> None:
    assert project.run("tick", "dev").code == 0
    container = f"{STORAGE}/blobServices/default/containers/data"
    Azure().call("DELETE", group("bikeshare-dev", container), "2024-01-01")
    planned = project.run("plan", "dev")
    assert [(c["action"], c["cause"]) for c in planned.json["changes"]] == [("create", "drift")]
    assert project.run("tick", "dev").code == 0
    assert Azure().there(group("bikeshare-dev", container), "2024-01-01")
    assert project.run("plan", "dev").code == 0


def test_a_commit_changes_just_what_it_says(project: Project) -> None:
    """One parameter of test.yaml: one change, with cause commit."""
    assert project.run("tick", "dev").code == 0
    assert project.run("tick", "test").code == 0
    project.edit(
        "environments/test.yaml",
        "deployDatabricks: true",
        "deployDatabricks: true\n        storageSku: Standard_ZRS",
    )
    planned = project.run("plan", "test")
    [change] = planned.json["changes"]
    assert (change["action"], change["cause"]) == ("update", "commit")
    assert [(f["path"], f["recorded"], f["desired"], f["live"]) for f in change["fields"]] == [
        ("sku.name", "Standard_LRS", "Standard_ZRS", "Standard_LRS")
    ]


def test_what_comes_after_waits_for_the_same_content(project: Project) -> None:
    """test follows dev: held before dev was healthy, and again when a commit touches what test reads."""
    held = project.run("tick", "test")
    assert (held.code, held.json["result"]) == (0, "held")
    assert project.run("tick", "dev").code == 0
    assert project.run("tick", "test").json["result"] == "done"
    project.edit("arm/azuredeploy.json", '"days": 7', '"days": 8')
    assert project.run("tick", "test").json["result"] == "held"
    assert project.run("tick", "dev").json["result"] == "done"
    assert project.run("tick", "test").json["result"] == "done"


def test_manual_sync_plans_and_writes_nothing(project: Project, sandbox: Sandbox) -> None:
    """prod says sync: manual: a tick tells what it would do, `apply` does it."""
    for name in ("dev", "test"):
        assert project.run("tick", name).code == 0
    at = len(sandbox.journal())
    told = project.run("tick", "prod")
    assert (told.code, told.json["result"]) == (0, "done")
    assert told.json["summary"]["create"] > 0
    assert told.json["outcomes"] == []
    assert [entry for entry in sandbox.journal()[at:] if entry["write"]] == []


def test_suspended_is_left_alone(project: Project, sandbox: Sandbox) -> None:
    assert project.run("suspend", "dev", "--why", "maintenance").code == 0
    told = project.run("tick", "dev")
    assert (told.code, told.json["result"], told.json["reason"]) == (0, "suspended", "maintenance")
    assert sandbox.journal() == []
    assert project.run("resume", "dev").code == 0
    assert project.run("tick", "dev").json["result"] == "done"


def test_status_and_history_tell_what_happened(project: Project) -> None:
    assert project.run("tick", "dev").code == 0
    status = project.run("status", "dev").json["environments"][0]
    assert (status["health"], status["drift"]) == ("healthy", [])
    [line] = project.run("history", "dev").json["ticks"]
    assert (line["result"], line["commit"]) == ("done", status["commit"])
    assert line["summary"]["create"] == len(line["outcomes"])
