"""Our tables against the REST specification: every type of reference, and the rules of names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.adf import KINDS, object_id
from reconciler.adf.kinds import BY_REFERENCE

CORPUS = Path(os.environ["RECONCILER_CORPUS"]) if os.environ.get("RECONCILER_CORPUS") else None
SPEC = CORPUS / "adf-spec-examples/datafactory" if CORPUS else Path()
pytestmark = pytest.mark.skipif(
    CORPUS is None, reason="RECONCILER_CORPUS is not set: there is no specification"
)

OF_SYNAPSE = {
    "NotebookReference", "BigDataPoolReference", "SparkJobDefinitionReference", "SparkConfigurationReference",
}  # fmt: skip
"""Types of references to what a Synapse workspace holds, not a factory."""
PARAMETERS = {
    "credential": "credentialName",
    "dataflow": "dataFlowName",
    "dataset": "datasetName",
    "integrationRuntime": "integrationRuntimeName",
    "linkedService": "linkedServiceName",
    "managedPrivateEndpoint": "managedPrivateEndpointName",
    "managedVirtualNetwork": "managedVirtualNetworkName",
    "pipeline": "pipelineName",
    "trigger": "triggerName",
}


def documents() -> Iterator[Any]:
    for file in (SPEC / "datafactory.json", *sorted((SPEC / "entityTypes").glob("*.json"))):
        yield json.loads(file.read_text("utf-8"))


def test_every_type_of_reference_is_known() -> None:
    """A type that the service takes and we do not know would be an edge that is missing."""
    types: set[str] = set()
    for document in documents():
        for definition in document.get("definitions", {}).values():
            properties = definition.get("properties", {})
            if "referenceName" in properties:
                types |= set(properties["type"]["enum"])
    assert {type_.lower() for type_ in types - OF_SYNAPSE} == set(BY_REFERENCE)


NAMES = [
    *(
        f"{first}{rest}"
        for first in "a9_-. ü"
        for rest in ("", "b", "bc", "-b", "--b", " b", "_b", "b-", "b ")
    ),
    *(f"a{character}b" for character in "<>*#.%&:\\+?/()@,ü"),
    *("x" * length for length in (2, 3, 63, 64, 127, 128)),
]


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_judged_as_the_specification_says(kind: str) -> None:
    """Name by name. The specification leaves the length of some kinds open; these have that of their sisters."""
    parameters = next(documents())["parameters"]
    said = next(each for each in parameters.values() if each["name"] == PARAMETERS[kind])
    pattern, names = re.compile(said["pattern"].replace("$", r"\Z")), KINDS[kind].names
    shortest, longest = said.get("minLength", names.shortest), said.get("maxLength", names.longest)
    wrong = [
        name
        for name in NAMES
        if names.fit(name) != (shortest <= len(name) <= longest and pattern.match(name) is not None)
    ]
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_specification(kind: str) -> None:
    """The address of each kind is one that the service has, to the case of its letters."""
    paths = {path.partition("/factories/{factoryName}")[2] for path in next(documents())["paths"]}
    name = (
        "{managedVirtualNetworkName}/{managedPrivateEndpointName}" if kind == "managedPrivateEndpoint" else ""
    )
    assert object_id("", kind, name or f"{{{PARAMETERS[kind]}}}") in paths
