"""What refers to what: every reference there is, wherever Studio puts it, and nothing that is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.factories import pipeline, ref, run

from reconciler.adf import Reference, references


def found(properties: Any, kind: str = "pipeline", name: str = "x") -> set[str]:
    return {str(each) for each in references(kind, name, {"name": name, "properties": properties})}


CONTAINERS = {
    "ForEach": {"activities": [run("inner")]},
    "Until": {"activities": [run("inner")]},
    "If true": {"ifTrueActivities": [run("inner")]},
    "If false": {"ifFalseActivities": [run("inner")]},
    "Switch case": {"cases": [{"value": "a", "activities": [run("inner")]}]},
    "Switch default": {"defaultActivities": [run("inner")]},
}


@pytest.mark.parametrize("inside", CONTAINERS.values(), ids=CONTAINERS)
def test_activities_inside_of_others_are_seen(inside: Any) -> None:
    """A pipeline that is only run from within a container must still be written first."""
    assert found(pipeline({"name": "c", "type": "Any", "typeProperties": inside})) == {"pipeline/inner"}


KINDS = {
    "trigger starts pipeline": ("trigger", {"pipelines": [{"pipelineReference": ref("pipeline", "a")}]}, "pipeline/a"),
    "window waits for trigger": (
        "trigger",
        {"typeProperties": {"dependsOn": [{"type": "T", "referenceTrigger": ref("trigger", "a")}]}},
        "trigger/a",
    ),
    "rerun of a trigger by name": ("trigger", {"typeProperties": {"parentTrigger": "a"}}, "trigger/a"),
    "secret in a vault": (
        "linkedService",
        {"typeProperties": {"password": {"type": "AzureKeyVaultSecret", "store": ref("linkedService", "a")}}},
        "linkedService/a",
    ),
    "runtime": ("linkedService", {"connectVia": ref("integrationRuntime", "a")}, "integrationRuntime/a"),
    "credential": ("linkedService", {"typeProperties": {"credential": ref("credential", "a")}}, "credential/a"),
    "dataset": ("dataset", {"linkedServiceName": ref("linkedService", "a")}, "linkedService/a"),
    "source of a data flow": ("dataflow", {"typeProperties": {"sources": [{"dataset": ref("dataset", "a")}]}}, "dataset/a"),
    "flowlet": ("dataflow", {"typeProperties": {"transformations": [{"flowlet": ref("dataflow", "a")}]}}, "dataflow/a"),
    "network of a runtime": (
        "integrationRuntime",
        {"managedVirtualNetwork": ref("managedVirtualNetwork", "a")},
        "managedVirtualNetwork/a",
    ),
    "rows that do not fit": (
        "pipeline",
        pipeline({"typeProperties": {"redirectIncompatibleRowSettings": {"linkedServiceName": "a"}}}),
        "linkedService/a",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "properties", "target"), KINDS.values(), ids=KINDS)
def test_each_kind_of_reference_is_an_edge(kind: str, properties: Any, target: str) -> None:
    """One forgotten kind is one object written before what it needs."""
    assert found(properties, kind) == {target}


def test_a_private_endpoint_needs_the_network_it_lies_in() -> None:
    """Its JSON does not say so; its place does."""
    assert found({}, "managedPrivateEndpoint", "sql") == {"managedVirtualNetwork/default"}
    assert found({}, "managedPrivateEndpoint", "other/sql") == {"managedVirtualNetwork/other"}


@pytest.mark.parametrize(
    "value",
    [
        {"referenceName": {"value": "@item()", "type": "Expression"}, "type": "NotebookReference"},
        {"referenceName": "nb", "type": "NotebookReference"},
        {"referenceName": "@item().name", "type": "PipelineReference"},
        {"referenceName": "x"},
        {"referenceName": "x", "type": "Expression"},
    ],
    ids=["worked out, of Synapse", "of Synapse", "worked out", "no type", "no reference"],
)
def test_what_names_nothing_of_the_factory_is_no_reference(value: Any) -> None:
    """Such a name would be told as missing, and a good factory would be refused."""
    assert found(pipeline({"typeProperties": {"it": value}})) == set()


def test_a_reference_knows_where_it_stands() -> None:
    """Faults are told at the reference, not at the top of the file."""
    body = {"properties": {"linkedServiceName": ref("linkedService", "a")}}
    assert references("dataset", "x", body) == (
        Reference("linkedService", "a", ("properties", "linkedServiceName", "referenceName")),
    )


def test_deep_nesting_needs_no_deep_stack() -> None:
    """JSON may be nested deeper than Python's stack is."""
    value: Any = ref("pipeline", "deep")
    for _ in range(5000):
        value = {"a": [value]}
    assert found(value) == {"pipeline/deep"}


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
PLANTED = st.builds(
    ref, st.sampled_from(["pipeline", "dataset", "dataflow"]), st.from_regex(r"[a-z]{1,5}", fullmatch=True)
)
JSON = st.recursive(
    LEAVES | PLANTED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def planted(value: Any) -> int:
    if isinstance(value, dict):
        return ("referenceName" in value) + sum(map(planted, value.values()))
    return sum(map(planted, value)) if isinstance(value, list) else 0


@given(JSON)
def test_wherever_it_is_planted_a_reference_is_found_with_its_path(value: Any) -> None:
    """None more, none less, and each path leads to the name."""
    seen = references("pipeline", "x", value)
    assert len(seen) == planted(value)
    for reference in seen:
        at = value
        for step in reference.path:
            at = at[step]
        assert at == reference.name
