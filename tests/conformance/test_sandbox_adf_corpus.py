"""Factories as others wrote them are taken by the sandbox, but for their dangling references.

Set RECONCILER_CORPUS to the folder that holds `adf-repos/`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.adf import Factory
from support.arm import Arm
from support.sandbox import Sandbox

CORPUS = Path(os.environ.get("RECONCILER_CORPUS", "")) / "adf-repos"
SEGMENTS = {
    "credential": "credentials",
    "integrationRuntime": "integrationRuntimes",
    "linkedService": "linkedservices",
    "dataset": "datasets",
    "dataflow": "dataflows",
    "pipeline": "pipelines",
    "trigger": "triggers",
}
# What the authors' files refer to and do not hold, as the README of the corpus says.
ABSENT = {
    "mdw-dataops/mdw_governance": {"DataLakeStorage", "PresidioDatabricks", "SourceDataStorage"},
    "go-fast": {"default"},
    "azure.datafactory.tools/BigFactorySample2_vnet": {"SharedIR-DEV2019"},
}


def folders() -> list[Path]:
    if not os.environ.get("RECONCILER_CORPUS"):
        return []
    kinds = {folder.parent for name in SEGMENTS for folder in CORPUS.rglob(name) if folder.is_dir()}
    return sorted(folder for folder in kinds if folder.name != "published")


def objects(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path below the factory and the body of each object; names are those inside of the files."""
    for name, segment in SEGMENTS.items():
        for file in sorted((folder / name).glob("*.json")):
            body = json.loads(file.read_text(encoding="utf-8-sig"))
            yield f"{segment}/{body['name']}", {"properties": body["properties"]}
    for file in sorted((folder / "managedVirtualNetwork").glob("*.json")):
        network = json.loads(file.read_text(encoding="utf-8-sig"))
        yield f"managedVirtualNetworks/{network['name']}", {"properties": network.get("properties") or {}}
    for file in sorted((folder / "managedVirtualNetwork").glob("*/managedPrivateEndpoint/*.json")):
        endpoint = json.loads(file.read_text(encoding="utf-8-sig"))
        path = f"managedVirtualNetworks/{file.parts[-3]}/managedPrivateEndpoints/{endpoint['name']}"
        yield path, {"properties": endpoint["properties"]}


@pytest.mark.skipif(not os.environ.get("RECONCILER_CORPUS"), reason="RECONCILER_CORPUS is not set")
@pytest.mark.parametrize("folder", folders(), ids=lambda one: str(one.relative_to(CORPUS)))
def test_a_real_factory_is_taken(folder: Path, sandbox: Sandbox) -> None:
    """Rules that are stricter than Azure would refuse what Azure once took; every refusal is a reference."""
    factory = Factory(Arm(sandbox, "2018-06-01"))
    waiting = dict(objects(folder))
    assert waiting
    faults: dict[str, str] = {}
    while waiting:
        before = len(waiting)
        for path, body in list(waiting.items()):
            answer = factory.call("PUT", path, body)
            if answer.status_code == 200:
                faults.pop(path, None)
                del waiting[path]
            else:
                faults[path] = answer.json()["error"]["message"]
        if len(waiting) == before:
            break
    named = {re.fullmatch(r".* because of invalid reference '(.*)'\.", fault) for fault in faults.values()}
    assert None not in named, faults
    # What hangs on an object that was refused is refused for that alone.
    absent = {one[1] for one in named if one} - {path.rsplit("/", 1)[1] for path in faults}
    assert absent == ABSENT.get(str(folder.relative_to(CORPUS)), set())
    # And backwards: what refers to others goes first.
    there = {path for path, _ in objects(folder) if "managedVirtualNetworks/" not in path} - faults.keys()
    while there:
        gone = {path for path in there if factory.call("DELETE", path).status_code == 200}
        assert gone, there
        there -= gone
