"""The graph of real factories: the edges are those that Data Factory wrote itself, in every form of a factory."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from support.factories import WHOLE

from reconciler.adf import BY_TYPE, Definitions, Reference, graph_json, load
from reconciler.errors import InputError

CORPUS = Path(os.environ["RECONCILER_CORPUS"]) / "adf-repos" if os.environ.get("RECONCILER_CORPUS") else None
pytestmark = pytest.mark.skipif(
    CORPUS is None, reason="RECONCILER_CORPUS is not set: there are no factories of others"
)

PAIRS = sorted((CORPUS / "_published-pairs").iterdir()) if CORPUS else []
GALLERY = sorted((CORPUS / "_gallery-templates").rglob("*.json")) if CORPUS else []
DANGLING = {
    "go-fast": ["managedVirtualNetwork/default"],
    "azure.datafactory.tools/BigFactorySample2_vnet": ["integrationRuntime/SharedIR-DEV2019"],
    "mdw-dataops/mdw_governance": [
        "linkedService/DataLakeStorage",
        "linkedService/PresidioDatabricks",
        "linkedService/SourceDataStorage",
    ],
}
FACTORIES = [*WHOLE, *DANGLING, *(f"_published-pairs/{pair.name}/git" for pair in PAIRS)]

BY_HAND = {
    "Employee Analytics using Power Query": (
        "dataflow/EmployeeSalaryDemo",
        "pipeline/EmployeeDemo",
        "dataset/EmployeeSink",
    ),
    "Split Columns using Power Query": (
        "dataflow/SplitColumnDemo",
        "pipeline/SplitColumnDemo",
        "dataset/SplitColumnSink",
    ),
    "Taxi Analytics using Power Query": ("dataflow/TaxiDemo", "pipeline/TaxiDemo", "dataset/TaxiSink"),
    "Transform data using data flow with copy ingest": (
        "",
        "dataflow/Trasformation",
        "dataset/DestinationStore",
    ),
}
"""Templates whose authors wrote one edge otherwise than the JSON says: the object that they let wait ("" = they
forgot it), the object that does refer, and what to."""
OTHER_SERVICES = 11
"""Gallery templates of Synapse and Fabric."""


def written_by_data_factory(pair: Path) -> tuple[list[str], list[list[str]]]:
    objects = json.loads((pair / "dependency-oracle.json").read_text())["objects"]

    def name(each: Any) -> str:
        return f"{each['type']}/{each['name']}"

    edges = sorted([name(each), name(need)] for each in objects for need in each["dependsOn"])
    return sorted(map(name, objects)), edges


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize(
    "form",
    [
        "git",
        "published",
        "published/ARMTemplateForFactory.json",
        "published/linkedTemplates",
        "published/linkedTemplates/ArmTemplate_master.json",
        "published/linkedTemplates/ArmTemplate_0.json",
    ],
)
def test_edges_are_those_that_data_factory_wrote(pair: Path, form: str) -> None:
    """Edge by edge, from the folder and from what was published; an export holds no factory."""
    found = graph_json(pair / form)
    objects = [each for each in found["objects"] if not each.startswith("factory/")]
    assert (objects, found["edges"]) == written_by_data_factory(pair)
    assert found["missing"] == []
    assert form == "git" or objects == found["objects"]


def by_authors(template: Path) -> set[tuple[str, str]]:
    """The `dependsOn` of a gallery template, in small letters, since some differ from the names by case."""
    edges = set()
    for resource in json.loads(template.read_text("utf-8-sig"))["resources"]:
        kind = BY_TYPE.get(resource["type"].lower())
        name = re.search(r"/([^/']+)'", resource["name"])
        for dependency in resource.get("dependsOn", []) if kind and name else []:
            need = re.search(r"/(\w+)/([^/']+)'", dependency)
            assert kind and name and need
            target = BY_TYPE[f"microsoft.datafactory/factories/{need[1].lower()}"].folder
            edges.add((f"{kind.folder}/{name[1]}".lower(), f"{target}/{need[2]}".lower()))
    return edges


def test_gallery_templates_agree_but_for_edges_written_by_hand() -> None:
    """Each difference is one edge, and named."""
    differ, others = {}, 0
    for template in GALLERY:
        graph = graph_json(template)
        others += not graph["objects"]
        inferred = {(each.lower(), need.lower()) for each, need in graph["edges"]}
        if inferred != (said := by_authors(template)):
            differ[template.stem] = (inferred - said, said - inferred)
    assert others == OTHER_SERVICES
    assert differ == {
        name: ({(refers.lower(), need.lower())}, {(waits.lower(), need.lower())} if waits else set())
        for name, (waits, refers, need) in BY_HAND.items()
    }


@pytest.mark.parametrize("factory", WHOLE)
def test_whole_factories_are_taken(factory: str) -> None:
    assert CORPUS is not None
    assert load(CORPUS / factory, CORPUS).faults == ()


@pytest.mark.parametrize("factory", DANGLING)
def test_dangling_references_are_refused_by_name_file_and_line(factory: str) -> None:
    """Every one of them, at the line that holds the name."""
    assert CORPUS is not None
    with pytest.raises(InputError) as raised:
        load(CORPUS / factory, CORPUS)
    told = set()
    for fault in raised.value.faults:
        file, line, _ = fault.place.rsplit(":", 2)
        found = re.search(r" refers to (\S+/(\S+?))(?: \(\d+ times\))?, which", fault.message)
        assert found, fault.message
        assert f'"{found[2]}"' in (CORPUS / file).read_text("utf-8-sig").splitlines()[int(line) - 1]
        told.add(found[1])
    assert sorted(told) == DANGLING[factory] == graph_json(CORPUS / factory)["missing"]


def definitions(factory: str) -> Definitions:
    from reconciler.adf import folder

    assert CORPUS is not None
    return folder.read(CORPUS / factory, factory)


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_file_travels_whole(factory: str) -> None:
    """As many objects as files that Studio would read, and each body is the file's JSON, to the order of its keys."""
    assert CORPUS is not None
    found = definitions(factory)
    kinds = {kind.folder for kind in BY_TYPE.values()}
    files = [file for file in (CORPUS / factory).rglob("*.json") if file.parent.name in kinds]
    assert len(found.objects) == len(files)
    for each in found.objects.values():
        file = CORPUS / each.source.file
        assert json.dumps(each.body) == json.dumps(json.loads(file.read_text("utf-8-sig")))


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every value that is no map or list by its path; empty maps and lists have none."""
    if isinstance(value, dict):
        return {at: leaf for key, each in value.items() for at, leaf in leaves(each, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {at: leaf for n, each in enumerate(value) for at, leaf in leaves(each, f"{path}[{n}]").items()}
    return {path: value}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_an_export_holds_the_bodies_of_the_folder(pair: Path) -> None:
    """But for what Studio blanks in the parameters, the credential that only its own factory can read, and empty
    maps and lists that it adds."""
    git = load(pair / "git", pair).objects
    published = load(pair / "published", pair).objects
    assert git.keys() == published.keys()
    for key, each in git.items():
        ours, theirs = (leaves(side.body["properties"]) for side in (each, published[key]))
        assert theirs.keys() - ours.keys() == set()
        assert all(path.endswith(".encryptedCredential") for path in ours.keys() - theirs.keys())
        assert {theirs[path] for path in theirs if theirs[path] != ours[path]} <= {""}


@pytest.mark.parametrize("factory", FACTORIES)
def test_no_reference_is_overlooked(factory: str) -> None:
    """Counted apart from our walk: each `referenceName` of the text that names an object of a known kind."""
    for each in definitions(factory).objects.values():
        text = json.dumps(each.body)
        written = re.findall(r'\{[^{}]*?"referenceName": "[^"@]+"', text)
        seen = [reference for reference in each.references if reference.path[-1:] == ("referenceName",)]
        assert len(seen) == len(written), each
        assert all(isinstance(reference, Reference) for reference in seen)
