"""A factory's Git folder becomes a live factory, in an order that nobody wrote down, and stays as Git says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.project import Azure, Project, empty, environment, group, template
from support.sandbox import ROOT, Sandbox

FACTORY = "Microsoft.DataFactory/factories/loop-adf"
VERSION = "2018-06-01"
SECTION = "dataFactory: {factory: loop-adf, definitions: datafactory}\n"


def factory(**more: Any) -> dict[str, Any]:
    return {
        "type": "Microsoft.DataFactory/factories",
        "apiVersion": VERSION,
        "name": "loop-adf",
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "properties": {},
        **more,
    }


def project_of(folder: Path, sandbox: Sandbox, definitions: Path, more: str = SECTION) -> Project:
    """A project whose environment deploys a factory and the definitions of a folder into it."""
    project = empty(folder, sandbox)
    shutil.copytree(definitions, project.repository.path / "datafactory")
    project.write("arm/main.json", template(factory()))
    project.repository.commit({"environments/one.yaml": environment("one", more=more)})
    return project


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    return project_of(tmp_path, sandbox, ROOT / "datafactory")


def change(project: Project, path: str, was: str, becomes: str) -> None:
    project.edit(f"datafactory/{path}", was, becomes)


def runtime(azure: Azure, name: str) -> str:
    found = azure.get(group("one", f"{FACTORY}/triggers/{name}"), VERSION)
    return str(found["properties"]["runtimeState"])


def test_the_folder_is_deployed_in_an_inferred_order_and_planned_again_by_lists(
    project: Project, sandbox: Sandbox
) -> None:
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, applied.text
    refused = [e for e in sandbox.journal() if e["write"] and (e["status"] or 0) >= 400]
    assert refused == []
    assert runtime(Azure(), "Every%20night") == "Started"
    at = len(sandbox.journal())
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], []), planned.text
    reads = [e["path"] for e in sandbox.journal()[at:] if "/factories/loop-adf/" in e["path"]]
    assert len(reads) == 8, "one list a kind, and nothing by itself"


def test_an_edit_by_hand_is_named_by_activity_and_put_back(project: Project, sandbox: Sandbox) -> None:
    assert project.run("tick", "one").code == 0
    azure, id_ = Azure(), group("one", f"{FACTORY}/pipelines/Apply%20ML%20model%20pipeline")
    live = azure.get(id_, VERSION)
    live["properties"]["activities"][0]["policy"]["timeout"] = "0.02:00:00"
    azure.call("PUT", id_, VERSION, {"properties": live["properties"]})
    planned = project.run("plan", "one")
    [change_] = planned.json["changes"]
    assert change_["key"] == "adf.pipeline/loop-adf/Apply%20ML%20model%20pipeline"
    assert [(f["path"], f["cause"], f["live"]) for f in change_["fields"]] == [
        ("properties.activities[Apply ML model].policy.timeout", "drift", "0.02:00:00")
    ]
    assert project.run("tick", "one").code == 0
    assert project.run("plan", "one").json["changes"] == []
    assert runtime(azure, "Every%20night") == "Started"


def test_only_the_triggers_of_what_changes_are_stopped_and_run_again(
    project: Project, sandbox: Sandbox
) -> None:
    other = json.loads((ROOT / "datafactory/trigger/Every night.json").read_text("utf-8"))
    other["name"] = "Other"
    other["properties"]["pipelines"][0]["pipelineReference"]["referenceName"] = "Other pipeline"
    other["properties"]["pipelines"][0]["parameters"] = {}
    wait = {"name": "Wait", "type": "Wait", "dependsOn": [], "typeProperties": {"waitTimeInSeconds": 1}}
    project.write("datafactory/trigger/Other.json", other)
    project.write(
        "datafactory/pipeline/Other pipeline.json",
        {"name": "Other pipeline", "properties": {"activities": [wait]}},
    )
    project.repository.commit()
    assert project.run("tick", "one").code == 0
    at = len(sandbox.journal())
    change(project, "pipeline/Apply ML model pipeline.json", '"retry": 1', '"retry": 2')
    assert project.run("tick", "one").code == 0
    writes = [
        (e["method"], e["path"].rsplit("/loop-adf/", 1)[1]) for e in sandbox.journal()[at:] if e["write"]
    ]
    assert writes == [
        ("POST", "triggers/Every night/stop"),
        ("PUT", "pipelines/Apply ML model pipeline"),
        ("POST", "triggers/Every night/start"),
    ]


def test_a_definition_that_leaves_git_is_deleted_and_one_made_by_hand_is_not(project: Project) -> None:
    assert project.run("tick", "one").code == 0
    azure = Azure()
    byhand = group("one", f"{FACTORY}/pipelines/byhand")
    azure.call("PUT", byhand, VERSION, {"properties": {"activities": []}})
    project.repository.git("rm", "-q", "-r", "datafactory/trigger")
    project.repository.commit()
    planned = project.run("plan", "one")
    assert [(c["key"], c["action"]) for c in planned.json["changes"]] == [
        ("adf.trigger/loop-adf/Every%20night", "delete")
    ]
    assert planned.json["unmanaged"] == ["adf.pipeline/loop-adf/byhand"]
    assert project.run("tick", "one").code == 0
    assert azure.there(byhand, VERSION)
    assert not azure.there(group("one", f"{FACTORY}/triggers/Every%20night"), VERSION)


def test_a_tag_change_leaves_git_link_and_global_parameters(tmp_path: Path, sandbox: Sandbox) -> None:
    """A PUT of a factory wipes what it omits: what nobody declares is carried along."""
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(factory()))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("tick", "one").code == 0
    azure, id_ = Azure(), group("one", FACTORY)
    linked = {
        "type": "FactoryGitHubConfiguration", "accountName": "a", "repositoryName": "r",
        "collaborationBranch": "main", "rootFolder": "/",
    }  # fmt: skip
    parameters = {"stage": {"type": "string", "value": "one"}}
    live = azure.get(id_, VERSION)
    body = {"repoConfiguration": linked, "globalParameters": parameters}
    azure.call(
        "PUT",
        id_,
        VERSION,
        {**{k: live[k] for k in ("location", "identity", "tags") if k in live}, "properties": body},
    )
    project.write("arm/main.json", template(factory(tags={"team": "data"})))
    project.repository.commit()
    planned = project.run("plan", "one")
    assert [[f["path"] for f in c["fields"]] for c in planned.json["changes"]] == [["tags.team"]]
    assert planned.json["changes"][0]["resets"] == []
    assert project.run("tick", "one").code == 0
    live = azure.get(id_, VERSION)
    assert live["tags"]["team"] == "data"
    assert live["properties"]["repoConfiguration"]["repositoryName"] == "r"
    assert live["properties"]["globalParameters"] == parameters


def test_definitions_over_a_factory_linked_to_git_are_refused(project: Project) -> None:
    project.write("arm/main.json", template(factory()))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("tick", "one").code == 0
    azure, id_ = Azure(), group("one", FACTORY)
    live = azure.get(id_, VERSION)
    linked = {
        "type": "FactoryGitHubConfiguration", "accountName": "a", "repositoryName": "r",
        "collaborationBranch": "main", "rootFolder": "/",
    }  # fmt: skip
    azure.call(
        "PUT",
        id_,
        VERSION,
        {
            **{k: live[k] for k in ("location", "identity", "tags") if k in live},
            "properties": {"repoConfiguration": linked},
        },
    )
    project.repository.commit({"environments/one.yaml": environment("one", more=SECTION)})
    planned = project.run("plan", "one")
    assert {held["code"] for held in planned.json["blocked"]} == {"gitLinked"}
    assert project.run("tick", "one").json["calls"]["write"] == 0


def test_every_fault_of_the_definitions_is_told_at_once_and_nothing_is_called(
    project: Project, sandbox: Sandbox
) -> None:
    """A dangling reference, a cycle, twins by case, a pipeline too large, no JSON, a `set` that hits nothing."""

    def runs(name: str, other: str) -> dict[str, Any]:
        called = {"referenceName": other, "type": "PipelineReference"}
        activity = {"name": "Run", "type": "ExecutePipeline", "typeProperties": {"pipeline": called}}
        return {"name": name, "properties": {"activities": [activity]}}

    files: dict[str, Any] = {
        "pipeline/dangling.json": runs("dangling", "absent"),
        "pipeline/one.json": runs("one", "two"),
        "pipeline/two.json": runs("two", "one"),
        "pipeline/Twin.json": {"name": "Twin", "properties": {"activities": []}},
        "pipeline/other.json": {"name": "twin", "properties": {"activities": []}},
        "pipeline/large.json": {
            "name": "large",
            "properties": {"activities": [], "description": "x" * 300_000},
        },
        "pipeline/broken.json": '{"name": "broken", ',
    }
    for path, content in files.items():
        project.write(f"datafactory/{path}", content)
    misses = '  set: {pipeline/Twin: {"properties.activities[None].name": "x"}}\n'
    section = f"dataFactory:\n  factory: loop-adf\n  definitions: datafactory\n{misses}"
    project.repository.commit({"environments/one.yaml": environment("one", more=section)})
    told = project.run("validate", json_=False)
    assert told.code == 1
    places = [line.split(" ")[0] for line in told.text.splitlines() if ".json:" in line or ".yaml:" in line]
    for file in ("dangling", "one", "other", "large", "broken"):
        assert any(f"datafactory/pipeline/{file}.json:" in place for place in places), (file, told.text)
    assert any(place.startswith("environments/one.yaml:") for place in places), told.text
    assert sandbox.journal() == []


def test_a_plan_that_would_empty_the_factory_is_refused_until_acknowledged(project: Project) -> None:
    """A folder that lost its files by a slip must not take the factory's definitions along."""
    assert project.run("tick", "one").code == 0
    limits = "policy: {limits: {deletes: 100, changes: 100%}}\n"
    project.repository.git("rm", "-q", "-r", "datafactory")
    project.write("datafactory/pipeline/new.json", {"name": "new", "properties": {"activities": []}})
    project.repository.commit({"environments/one.yaml": environment("one", policy=limits, more=SECTION)})
    refused = project.run("tick", "one")
    assert (refused.code, refused.json["error"]["code"]) == (1, "plan-unsafe"), refused.text
    assert "loop-adf" in refused.json["error"]["message"]
    assert Azure().there(group("one", f"{FACTORY}/pipelines/Apply%20ML%20model%20pipeline"), VERSION)
    known = 'policy:\n  limits: {deletes: 100, changes: 100%}\n  acknowledge: [{delete: "adf.*", until: 2999-12-31}]\n'
    project.repository.commit({"environments/one.yaml": environment("one", policy=known, more=SECTION)})
    assert project.run("tick", "one").code == 0
    assert not Azure().there(group("one", f"{FACTORY}/pipelines/Apply%20ML%20model%20pipeline"), VERSION)


def test_a_password_in_a_connection_string_reaches_no_state(project: Project) -> None:
    text = "Server=tcp:s.database.windows.net;Database=d;User ID=u;Password=hunter2hunter2;"
    service = {"type": "AzureSqlDatabase", "typeProperties": {"connectionString": text}}
    project.write("datafactory/linkedService/Sql.json", {"name": "Sql", "properties": service})
    project.repository.commit()
    assert project.run("tick", "one").code == 0
    assert project.run("plan", "one").json["changes"] == []
    kept = [path for path in project.state.rglob("*") if path.is_file() and "snapshots" not in path.parts]
    assert not [path for path in kept if b"hunter2hunter2" in path.read_bytes()]


def test_definitions_that_are_left_to_studio_are_not_deleted(project: Project) -> None:
    """From `definitions` to `git`: the factory is linked, and what was deployed into it stays."""
    assert project.run("tick", "one").code == 0
    git = "git: {type: github, account: a, repository: r}"
    section = f"dataFactory: {{factory: loop-adf, {git}}}\n"
    project.repository.commit({"environments/one.yaml": environment("one", more=section)})
    ticked = project.run("tick", "one")
    assert ticked.code == 0, ticked.text
    assert len(ticked.json["orphaned"]) == 6
    azure = Azure()
    live = azure.get(group("one", FACTORY), VERSION)
    assert live["properties"]["repoConfiguration"]["repositoryName"] == "r"
    assert runtime(azure, "Every%20night") == "Started"
