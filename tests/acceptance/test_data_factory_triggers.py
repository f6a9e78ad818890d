"""Killed anywhere in an update that stops three triggers: after the next tick all run, and others never stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from support.crash import Doomed
from support.project import Azure, Project, empty, environment, group, template
from support.sandbox import Sandbox

FACTORY = "Microsoft.DataFactory/factories/loop-adf"
VERSION = "2018-06-01"
TRIGGERS = ("t1", "t2", "t3")
CALLS = 20
"""How many calls the tick below makes, sign-in included: each one is killed at."""


def pipeline(name: str, seconds: int) -> dict[str, Any]:
    wait = {"name": "Wait", "type": "Wait", "dependsOn": [], "typeProperties": {"waitTimeInSeconds": seconds}}
    return {"name": name, "properties": {"activities": [wait]}}


def trigger(name: str, starts: str) -> dict[str, Any]:
    started = [{"pipelineReference": {"referenceName": starts, "type": "PipelineReference"}}]
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    properties = {
        "type": "ScheduleTrigger",
        "runtimeState": "Started",
        "pipelines": started,
        "typeProperties": {"recurrence": recurrence},
    }
    return {"name": name, "properties": properties}


def prepared(folder: Path, sandbox: Sandbox) -> Project:
    """Three triggers of a pipeline that Git has changed, and one of a pipeline that stays."""
    project = empty(folder, sandbox)
    factory = {
        "type": "Microsoft.DataFactory/factories", "apiVersion": VERSION, "name": "loop-adf",
        "location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {},
    }  # fmt: skip
    project.write("arm/main.json", template(factory))
    for definition in (pipeline("moves", 1), pipeline("stays", 1)):
        project.write(f"datafactory/pipeline/{definition['name']}.json", definition)
    for name in TRIGGERS:
        project.write(f"datafactory/trigger/{name}.json", trigger(name, "moves"))
    project.write("datafactory/trigger/other.json", trigger("other", "stays"))
    section = "dataFactory: {factory: loop-adf, definitions: datafactory}\n"
    project.repository.commit({"environments/one.yaml": environment("one", more=section)})
    assert project.run("tick", "one").code == 0
    project.write("datafactory/pipeline/moves.json", pipeline("moves", 2))
    project.repository.commit()
    return project


def killed(project: Project, after: int, when: str) -> int | None:
    place = ("--repo", str(project.repository.path), "--state", str(project.state))
    doomed = Doomed("tick", "one", "--json", *place, variables=project.sandbox.env)
    project.sandbox.fault("kill", after=after, times=1, pid=doomed.pid, when=when)
    code = doomed.go()
    project.sandbox.control("DELETE", "faults")
    return code


def test_every_call_is_killed_at(tmp_path: Path, sandbox: Sandbox) -> None:
    assert killed(prepared(tmp_path, sandbox), CALLS, "before") == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("after", range(CALLS))
def test_killed_at_a_call(tmp_path: Path, sandbox: Sandbox, after: int, when: str) -> None:
    project = prepared(tmp_path, sandbox)
    at = len(sandbox.journal())
    assert killed(project, after, when) == -signal.SIGKILL
    ticked = project.run("tick", "one")
    assert ticked.code == 0, ticked.text
    azure = Azure()
    for name in (*TRIGGERS, "other"):
        found = azure.get(group("one", f"{FACTORY}/triggers/{name}"), VERSION)
        assert found["properties"]["runtimeState"] == "Started", name
    assert not [e for e in sandbox.journal()[at:] if e["path"].endswith("/triggers/other/stop")]
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"]) == (0, [])
    live = azure.get(group("one", f"{FACTORY}/pipelines/moves"), VERSION)
    assert live["properties"]["activities"][0]["typeProperties"]["waitTimeInSeconds"] == 2
