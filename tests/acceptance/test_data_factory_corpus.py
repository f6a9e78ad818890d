"""Factories as people wrote them: each deploys without a refused call, is planned empty, and edits are named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.factories import WHOLE
from support.project import Azure, Project, empty, environment, group, template
from support.sandbox import Sandbox

VERSION = "2018-06-01"
FACTORY = "Microsoft.DataFactory/factories/corpus-adf"
TYPES = {
    "pipeline": "pipelines", "dataset": "datasets", "linkedService": "linkedservices", "dataflow": "dataflows",
    "trigger": "triggers", "integrationRuntime": "integrationRuntimes", "credential": "credentials",
}  # fmt: skip


def project_of(folder: Path, sandbox: Sandbox, definitions: Path) -> Project:
    project = empty(folder, sandbox)
    shutil.copytree(definitions, project.repository.path / "datafactory")
    for path in (project.repository.path / "datafactory").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    factory = {
        "type": "Microsoft.DataFactory/factories", "apiVersion": VERSION, "name": "corpus-adf",
        "location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {},
    }  # fmt: skip
    project.write("arm/main.json", template(factory))
    section = "dataFactory: {factory: corpus-adf, definitions: datafactory}\n"
    policy = "policy: {resets: allow}\n"
    project.repository.commit({"environments/one.yaml": environment("one", policy=policy, more=section)})
    return project


def path_of(key: str) -> str:
    kind, _, name = key.removeprefix("adf.").split("/")
    return group("one", f"{FACTORY}/{TYPES[kind]}/{name}")


@pytest.mark.parametrize("name", WHOLE)
def test_a_factory_is_deployed_and_its_edits_are_named(tmp_path: Path, sandbox: Sandbox, name: str) -> None:
    corpus = os.environ.get("RECONCILER_CORPUS")
    if not corpus:
        pytest.skip("RECONCILER_CORPUS is not set: there are no factories to deploy")
    project = project_of(tmp_path, sandbox, Path(corpus) / "adf-repos" / name)
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, [
        o for o in applied.json.get("outcomes", []) if o["result"] != "done"
    ] or applied.text
    assert [e for e in sandbox.journal() if e["write"] and (e["status"] or 0) >= 400] == []
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], []), planned.json[
        "changes"
    ]

    graph = project.run("graph", "one").json
    azure = Azure()
    needed = {need for _, need in graph["edges"]}
    edited, deleted = {}, {}
    for key in graph["objects"]:
        kind = key.split("/")[0].removeprefix("adf.")
        if kind not in TYPES:
            continue
        body = azure.get(path_of(key), VERSION)
        if kind not in edited and body["properties"].get("runtimeState") != "Started":
            body["properties"]["description"] = "edited by hand"
            azure.call("PUT", path_of(key), VERSION, {"properties": body["properties"]})
            edited[kind] = key
        elif (
            kind not in deleted and key not in needed and body["properties"].get("runtimeState") != "Started"
        ):
            azure.call("DELETE", path_of(key), VERSION)
            deleted[kind] = key
    added = group("one", f"{FACTORY}/pipelines/{quote('added by hand')}")
    azure.call("PUT", added, VERSION, {"properties": {"activities": []}})
    planned = project.run("plan", "one")
    told: dict[str, Any] = {c["key"]: c for c in planned.json["changes"]}
    assert set(told) == {*edited.values(), *deleted.values()}, json.dumps(planned.json["changes"])[:3000]
    for key in edited.values():
        change = told[key]
        paths = [(f["path"], f["cause"]) for f in change["fields"]] or [
            (r["path"], "reset") for r in change["resets"]
        ]
        assert (change["action"], [path for path, _ in paths]) == ("update", ["properties.description"]), (
            change
        )
    for key in deleted.values():
        assert (told[key]["action"], told[key]["cause"]) == ("create", "drift")
    assert planned.json["unmanaged"] == ["adf.pipeline/corpus-adf/added%20by%20hand"]
