"""A large factory: a tick without changes costs its list pages, a change to one pipeline costs one write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.project import Project, empty, environment, template
from support.sandbox import Sandbox

PIPELINES, DATASETS, TRIGGERS, PAGE = 1000, 500, 20, 50
"""Page: objects that Data Factory answers in one list call."""


def large(folder: Path, sandbox: Sandbox) -> Project:
    """Pipelines that read datasets of one linked service; each trigger starts two pipelines of its own."""
    project = empty(folder, sandbox)
    factory = {
        "type": "Microsoft.DataFactory/factories", "apiVersion": "2018-06-01", "name": "large-adf",
        "location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {},
    }  # fmt: skip
    project.write("arm/main.json", template(factory))

    def define(kind: str, name: str, properties: dict[str, Any]) -> None:
        project.write(f"datafactory/{kind}/{name}.json", {"name": name, "properties": properties})

    define(
        "linkedService",
        "Store",
        {"type": "AzureBlobFS", "typeProperties": {"url": "https://x.dfs.core.windows.net"}},
    )
    store = {"referenceName": "Store", "type": "LinkedServiceReference"}
    for n in range(DATASETS):
        define("dataset", f"d{n}", {"type": "Json", "linkedServiceName": store, "typeProperties": {}})
    for n in range(PIPELINES):
        dataset = {"referenceName": f"d{n % DATASETS}", "type": "DatasetReference"}
        lookup = {"name": "Look", "type": "Lookup", "dependsOn": [], "typeProperties": {"dataset": dataset}}
        define(
            "pipeline",
            f"p{n}",
            {"activities": [lookup], "parameters": {"n": {"type": "int", "defaultValue": 1}}},
        )
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    for n in range(TRIGGERS):
        started = [
            {"pipelineReference": {"referenceName": f"p{2 * n + m}", "type": "PipelineReference"}}
            for m in (0, 1)
        ]
        properties = {"type": "ScheduleTrigger", "runtimeState": "Started", "pipelines": started}
        define("trigger", f"t{n}", {**properties, "typeProperties": {"recurrence": recurrence}})
    section = "dataFactory: {factory: large-adf, definitions: datafactory}\n"
    project.repository.commit({"environments/one.yaml": environment("one", more=section)})
    return project


def test_a_large_factory_costs_pages_and_a_change_costs_one_write(tmp_path: Path, sandbox: Sandbox) -> None:
    project = large(tmp_path, sandbox)
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, [o for o in applied.json["outcomes"] if o["result"] != "done"][:3]
    at = len(sandbox.journal())
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["changes"], ticked.json["calls"]["write"]) == (0, [], 0)
    reads = [e for e in sandbox.journal()[at:] if "/factories/large-adf/" in e["path"]]
    kinds = 8
    assert len(reads) == PIPELINES // PAGE + DATASETS // PAGE + kinds - 2

    project.edit("datafactory/pipeline/p4.json", '"defaultValue": 1', '"defaultValue": 2')
    at = len(sandbox.journal())
    ticked = project.run("tick", "one")
    assert ticked.code == 0, ticked.text
    writes = [
        (e["method"], e["path"].rsplit("/large-adf/", 1)[1]) for e in sandbox.journal()[at:] if e["write"]
    ]
    assert writes == [("POST", "triggers/t2/stop"), ("PUT", "pipelines/p4"), ("POST", "triggers/t2/start")]
