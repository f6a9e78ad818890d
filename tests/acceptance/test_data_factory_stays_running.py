"""No trigger is left stopped by us, and no factory goes because Git asks for it in another place."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.crash import Doomed
from support.project import Azure, Project, empty, environment, group, storage, template
from support.sandbox import Sandbox

FACTORY = "Microsoft.DataFactory/factories/loop-adf"
VERSION = "2018-06-01"
SECTION = "dataFactory: {factory: loop-adf, definitions: datafactory}\n"
DECLARED = {
    "type": "Microsoft.DataFactory/factories", "apiVersion": VERSION, "name": "loop-adf",
    "location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {},
}  # fmt: skip
TRIGGERS = ("t1", "t2")


def pipeline(seconds: int) -> dict[str, Any]:
    wait = {"name": "Wait", "type": "Wait", "dependsOn": [], "typeProperties": {"waitTimeInSeconds": seconds}}
    return {"name": "moves", "properties": {"activities": [wait]}}


def trigger(name: str, state: str = "Started") -> dict[str, Any]:
    started = [{"pipelineReference": {"referenceName": "moves", "type": "PipelineReference"}}]
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    properties = {
        "type": "ScheduleTrigger",
        "runtimeState": state,
        "pipelines": started,
        "typeProperties": {"recurrence": recurrence},
    }
    return {"name": name, "properties": properties}


def project_of(folder: Path, sandbox: Sandbox, *arm: dict[str, Any]) -> Project:
    """A pipeline and two triggers that start it; the factory by these templates, or by its section alone."""
    project = empty(folder, sandbox)
    project.write("arm/main.json", template(*arm))
    project.write("datafactory/pipeline/moves.json", pipeline(1))
    for name in TRIGGERS:
        project.write(f"datafactory/trigger/{name}.json", trigger(name))
    project.repository.commit({"environments/one.yaml": environment("one", more=SECTION)})
    return project


def ticked(folder: Path, sandbox: Sandbox, *arm: dict[str, Any]) -> Project:
    project = project_of(folder, sandbox, *arm)
    done = project.run("tick", "one")
    assert done.code == 0, done.text
    return project


def states() -> list[str]:
    azure = Azure()
    found = (azure.get(group("one", f"{FACTORY}/triggers/{name}"), VERSION) for name in TRIGGERS)
    return [str(each["properties"]["runtimeState"]) for each in found]


@pytest.mark.parametrize("before", [(), (DECLARED,)], ids=["into a template", "out of the template"])
def test_a_factory_moves_within_git_and_stays(
    tmp_path: Path, sandbox: Sandbox, before: tuple[dict[str, Any], ...]
) -> None:
    """One factory has a key for each place that asks for it: the old one must not delete it."""
    project = ticked(tmp_path, sandbox, *before)
    project.write("arm/main.json", template(*(() if before else (DECLARED,))))
    project.repository.commit()
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], []), planned.text
    at = len(sandbox.journal())
    assert project.run("tick", "one").code == 0
    assert [e["path"] for e in sandbox.journal()[at:] if e["method"] in ("PUT", "DELETE")] == []
    assert Azure().there(group("one", f"{FACTORY}/pipelines/moves"), VERSION)
    assert project.run("plan", "one").json["changes"] == []


def test_a_trigger_stopped_by_hand_is_drift(tmp_path: Path, sandbox: Sandbox) -> None:
    project = ticked(tmp_path, sandbox)
    Azure().call("POST", group("one", f"{FACTORY}/triggers/t1/stop"), VERSION)
    [change] = project.run("plan", "one").json["changes"]
    assert [(f["path"], f["cause"], f["live"]) for f in change["fields"]] == [
        ("runtimeState", "drift", "Stopped")
    ]
    assert project.run("tick", "one").code == 0
    assert states() == ["Started", "Started"]


def test_a_trigger_stops_and_starts_with_its_file(tmp_path: Path, sandbox: Sandbox) -> None:
    project = ticked(tmp_path, sandbox)
    for state in ("Stopped", "Started"):
        project.write("datafactory/trigger/t1.json", trigger("t1", state))
        project.repository.commit()
        assert project.run("tick", "one").code == 0
        assert states() == [state, "Started"]
        assert project.run("plan", "one").json["changes"] == []


def test_a_start_refused_at_creation_is_made_up_for(tmp_path: Path, sandbox: Sandbox) -> None:
    project = project_of(tmp_path, sandbox)
    sandbox.fault("status", status=403, times=0, match={"method": "POST", "path": "*/triggers/t1/start"})
    assert project.run("tick", "one").json["result"] == "failed"
    sandbox.control("DELETE", "faults")
    project.repository.commit({"note.txt": "a new commit ends the back-off"})
    assert project.run("tick", "one").code == 0
    assert states() == ["Started", "Started"]


@pytest.mark.parametrize(
    "fault", [{"do": "status", "status": 500}, {"do": "drop-after"}], ids=["500", "drop"]
)
def test_a_stop_that_fails_leaves_none_stopped(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """Also where the stop came through and only its answer did not; and its own error is told."""
    monkeypatch.setattr("reconciler.providers.retries.ATTEMPTS", 2)
    project = ticked(tmp_path, sandbox)
    project.write("datafactory/pipeline/moves.json", pipeline(2))
    project.repository.commit()
    sandbox.fault(**fault, after=1, times=0, match={"method": "POST", "path": "*/stop"})
    assert project.run("tick", "one", json_=False).code == 1
    assert states() == ["Started", "Started"]
    sandbox.control("DELETE", "faults")
    assert project.run("tick", "one").code == 0
    assert states() == ["Started", "Started"]


def test_a_running_trigger_whose_state_is_ignored_runs_on(tmp_path: Path, sandbox: Sandbox) -> None:
    """Git says Stopped, but nobody is to regard that: what we stop for a pipeline we start again."""
    project = ticked(tmp_path, sandbox)
    ignored = "policy: {ignore: [{key: 'adf.trigger/*', path: runtimeState, why: Operators start it}]}\n"
    project.write("datafactory/trigger/t1.json", trigger("t1", "Stopped"))
    project.write("datafactory/pipeline/moves.json", pipeline(2))
    project.repository.commit({"environments/one.yaml": environment("one", more=SECTION, policy=ignored)})
    assert project.run("tick", "one").code == 0
    assert states() == ["Started", "Started"]


def with_policy(policy: str) -> Callable[[Project], Any]:
    text = environment("one", more=SECTION, policy=policy)
    return lambda project: project.repository.commit({"environments/one.yaml": text})


HELD: dict[str, Callable[[Project], Any]] = {
    "manual": with_policy("policy: {sync: manual}\n"),
    "over its limits": with_policy("policy: {limits: {changes: 0}}\n"),
    "suspended": lambda project: project.run("suspend", "one", "--why", "a test", json_=False),
    "faulty": lambda project: project.repository.commit({"datafactory/pipeline/bad.json": "{"}),
    "gone from Git": lambda project: (
        project.repository.git("rm", "-q", "environments/one.yaml"),
        project.repository.commit(),
    ),
}


@pytest.mark.parametrize("held", HELD)
def test_what_a_killed_run_left_stopped_is_started_by_a_tick_that_writes_nothing(
    tmp_path: Path, sandbox: Sandbox, held: str
) -> None:
    project = ticked(tmp_path, sandbox)
    project.write("datafactory/pipeline/moves.json", pipeline(2))
    project.repository.commit()
    place = ("--repo", str(project.repository.path), "--state", str(project.state))
    doomed = Doomed("tick", "one", "--json", *place, variables=sandbox.env)
    sandbox.fault("kill", pid=doomed.pid, match={"method": "PUT", "path": "*/pipelines/moves"})
    assert doomed.go() == -signal.SIGKILL
    sandbox.control("DELETE", "faults")
    assert states() == ["Stopped", "Stopped"]
    HELD[held](project)
    at = len(sandbox.journal())
    project.run("tick", "one", json_=False)
    assert states() == ["Started", "Started"]
    assert [e["path"].rpartition("/")[2] for e in sandbox.journal()[at:] if e["write"]] == ["start", "start"]


def test_a_trigger_of_events_starts_once_its_subscription_is_made(tmp_path: Path, sandbox: Sandbox) -> None:
    """A start while the subscription is being made is refused (`Resource cannot be updated …`)."""
    project = project_of(tmp_path, sandbox, DECLARED, storage("loopsa"))
    of_events = trigger("t1")
    of_events["properties"]["type"] = "BlobEventsTrigger"
    of_events["properties"]["typeProperties"] = {
        "blobPathBeginsWith": "/c/blobs/",
        "ignoreEmptyBlobs": True,
        "scope": group("one", "Microsoft.Storage/storageAccounts/loopsa"),
        "events": ["Microsoft.Storage.BlobCreated"],
    }
    project.write("datafactory/trigger/t1.json", of_events)
    project.repository.commit()
    slow = {"method": "POST", "path": "*/subscribeToEvents"}
    sandbox.fault("slow-operation", seconds=2, times=0, match=slow)
    done = project.run("tick", "one")
    assert (done.code, done.json["result"]) == (0, "done"), done.text
    assert states() == ["Started", "Started"]
    assert project.run("plan", "one").json["changes"] == []


@pytest.mark.parametrize("declared", [(), (DECLARED,)], ids=["by its section", "in a template"])
def test_a_factory_with_something_made_by_hand_in_it_is_not_destroyed(
    tmp_path: Path, sandbox: Sandbox, declared: tuple[dict[str, Any], ...]
) -> None:
    """Deleting a factory takes along all that is in it: only ours may go."""
    project = ticked(tmp_path, sandbox, *declared)
    by_hand = group("one", f"{FACTORY}/pipelines/byhand")
    azure = Azure()
    azure.call("PUT", by_hand, VERSION, {"properties": {"activities": []}})
    done = project.run("destroy", "one", "--yes")
    told = {held["key"].split("/")[0]: held["reason"] for held in done.json["blocked"]}
    assert "In it stays adf.pipeline/loop-adf/byhand." in told["arm.resource" if declared else "adf.factory"]
    assert azure.there(by_hand, VERSION)
    assert not azure.there(group("one", f"{FACTORY}/pipelines/moves"), VERSION)
    again = project.run("destroy", "one", "--yes")
    assert azure.there(by_hand, VERSION), "with nothing of ours left in it, it is theirs all the more"
    assert "kept" in {held["code"] for held in again.json["blocked"]}


def test_a_factory_that_cannot_be_looked_into_stays_and_the_rest_goes(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """What is not known of one factory is no reason to do nothing at all, and none to delete it."""
    project = ticked(tmp_path, sandbox)
    sandbox.fault("status", status=403, times=0, match={"method": "GET", "path": "*/loop-adf/datasets"})
    done = project.run("destroy", "one", "--yes")
    codes = {held["key"].split("/")[0]: held["code"] for held in done.json["blocked"]}
    assert codes["adf.factory"] == "unreadable", done.text
    azure = Azure()
    assert azure.there(group("one", FACTORY), VERSION)
    assert not azure.there(group("one", f"{FACTORY}/pipelines/moves"), VERSION)
