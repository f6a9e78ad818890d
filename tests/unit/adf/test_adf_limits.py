"""What Data Factory would refuse is told before any call, all of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.factories import folder, pipeline, ref, run

from reconciler.adf import limits, load, resources
from reconciler.errors import Fault, InputError
from reconciler.graph import Graph
from reconciler.resource import Key

WAIT = {"name": "Wait", "type": "Wait"}
ID = "/subscriptions/S/resourceGroups/G/providers/Microsoft.DataFactory/factories/f"


def faults(root: Path, files: dict[str, Any], **options: Any) -> list[Fault]:
    with pytest.raises(InputError) as raised:
        load(folder(root, files), root, **options)
    return list(raised.value.faults)


def test_one_run_names_everything_that_is_wrong(tmp_path: Path) -> None:
    """Faults that come one a run make a day of it."""
    files = {
        "pipeline/dangling": pipeline(run("nowhere"), run("nowhere")),
        "pipeline/one": pipeline(run("two")),
        "pipeline/two": pipeline(run("one")),
        "pipeline/TWIN": pipeline(),
        "pipeline/twin": pipeline(),
        "pipeline/large": {**pipeline(), "description": "x" * 300 * 1024},
        "dataset/cut.json": '{"name": "cut",\n "properties": ',
    }
    overrides = {"pipeline/one": {"properties.nothing": 1}}
    found = faults(tmp_path, files, overrides=overrides, where=lambda path: "environments/test.yaml:9:5")
    assert [str(fault).split(" Add")[0].split(" Write")[0] for fault in found] == [
        "dataset/cut.json:2:16: It is not JSON: expecting value.",
        "environments/test.yaml:9:5: The path 'properties.nothing' hits nothing in pipeline/one.",
        "pipeline/dangling.json:10:13: pipeline/dangling refers to pipeline/nowhere (2 times), which is not there.",
        "pipeline/large.json:1:1: pipeline/large has 300 KB; the limit of a pipeline is 200 KB. "
        "Split it, or move long texts out of it.",
        "pipeline/one.json:10:13: A cycle: pipeline/one needs pipeline/two needs pipeline/one. "
        "Break it at one of these.",
        "pipeline/twin.json:2:3: pipeline/twin is there twice: also at pipeline/TWIN.json:2:3 as 'TWIN', and names "
        "do not differ by case. Rename or remove one of them.",
    ]


def test_each_cycle_is_told_once_with_its_path(tmp_path: Path) -> None:
    files = {f"pipeline/{a}": pipeline(run(b)) for a, b in ("ab", "bc", "ca", "de", "ed", "zz")}
    told = [fault.message for fault in faults(tmp_path, files)]
    assert sorted(message.count(" needs ") for message in told) == [1, 2, 3]
    assert "A cycle: pipeline/z needs pipeline/z." in told


def test_a_near_name_is_offered(tmp_path: Path) -> None:
    files = {"linkedService/AzureKeyVault": {}, "dataset/d": {"l": ref("linkedService", "AzureKeyVualt")}}
    assert [fault.hint for fault in faults(tmp_path, files)] == ["Is 'AzureKeyVault' meant?"]


def test_names_match_whatever_the_case_and_built_in_ones_are_there(tmp_path: Path) -> None:
    """Data Factory's names do not differ by case, and every factory has a runtime of its own."""
    runtime = ref("integrationRuntime", "AutoResolveIntegrationRuntime")
    files = {
        "linkedService/Store": {"connectVia": runtime},
        "dataset/d": {"l": ref("linkedService", "STORE")},
    }
    found = load(folder(tmp_path, files), tmp_path)
    assert [str(need) for need in found.needs(found.objects["dataset", "d"])] == ["linkedService/Store"]


@pytest.mark.parametrize(("kind", "most"), [("pipeline", 200), ("dataset", 100), ("linkedService", 100)])
def test_sizes_are_those_of_what_is_sent(tmp_path: Path, kind: str, most: int) -> None:
    """Indentation is not sent and does not count; the very limit is allowed."""
    empty = limits.size(load(folder(tmp_path / "a", {f"{kind}/x": {"t": ""}}), tmp_path).objects[kind, "x"])
    fits = {f"{kind}/x": {"t": "x" * (most * 1024 - empty)}}
    assert load(folder(tmp_path / "b", fits), tmp_path).objects
    over = {f"{kind}/x": {"t": "x" * (most * 1024 - empty + 1)}}
    assert [f"limit of a {kind} is {most} KB" in fault.message for fault in faults(tmp_path / "c", over)] == [
        True
    ]


def test_inner_activities_count(tmp_path: Path) -> None:
    """120 is the limit with all that containers hold: here 1 + 1 + 59 + 60 = 121."""
    branch = {"name": "If", "typeProperties": {"ifTrueActivities": [WAIT] * 59}}
    switch = {
        "name": "Switch",
        "typeProperties": {"cases": [{"activities": [WAIT] * 20}], "defaultActivities": [WAIT] * 39},
    }
    allowed = {"pipeline/x": pipeline(branch, switch)}
    assert (
        limits.activities(load(folder(tmp_path / "a", allowed), tmp_path).objects["pipeline", "x"].body)
        == 120
    )
    (fault,) = faults(tmp_path / "b", {"pipeline/x": pipeline(branch, switch, WAIT)})
    assert "121 activities" in fault.message


def test_a_factory_holds_five_thousand_objects(tmp_path: Path) -> None:
    files = {f"dataset/d{number}": {} for number in range(5001)}
    (fault,) = faults(tmp_path, files)
    assert "5,001 objects" in fault.message


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("pipeline", "Copy data (v2)", "a.b"),
        ("linkedService", "_store", "-store"),
        ("integrationRuntime", "shared-ir", "a--b"),
        ("credential", "my-credential", "my credential"),
        ("trigger", "t" * 240, "what?"),
    ],
)
def test_names_follow_the_rules_of_their_kind(tmp_path: Path, kind: str, good: str, bad: str) -> None:
    assert load(folder(tmp_path / "a", {f"{kind}/{good}": {}}), tmp_path).objects
    (fault,) = faults(tmp_path / "b", {f"{kind}/{bad}": {}})
    assert repr(bad) in fault.message


def test_resources_have_ids_keys_and_needs(tmp_path: Path) -> None:
    """What the provider gets: the body without what the id says, and an order that nobody wrote down."""
    files = {
        "trigger/t": {"pipelines": [{"pipelineReference": ref("pipeline", "P q")}]},
        "pipeline/p q.json": '{"name": "p q", "type": "x", "etag": "e", "properties": {}, "more": 1}',
        "managedVirtualNetwork/default": {},
        "managedVirtualNetwork/default/managedPrivateEndpoint/e": {},
    }
    factory = Key("arm.resource", "G", "Microsoft.DataFactory/factories:f")
    made = {each.key: each for each in resources(load(folder(tmp_path, files), tmp_path), ID, [factory])}
    pipeline_, trigger = made[Key("adf.pipeline", "f", "p q")], made[Key("adf.trigger", "f", "t")]
    assert (pipeline_.type, pipeline_.spec) == (
        "Microsoft.DataFactory/factories/pipelines",
        {"properties": {}, "more": 1},
    )
    assert pipeline_.at["id"] == f"{ID}/pipelines/p q" and pipeline_.at["apiVersion"] == "2018-06-01"
    assert trigger.needs == (factory, pipeline_.key)
    endpoint = made[Key("adf.managedPrivateEndpoint", "f", "e")]
    assert endpoint.at["id"] == f"{ID}/managedVirtualNetworks/default/managedPrivateEndpoints/e"
    assert endpoint.needs[1:] == (Key("adf.managedVirtualNetwork", "f", "default"),)
    inner = Graph(each for each in resources(load(tmp_path, tmp_path), ID))
    assert [each.key.name for each in inner].index("p q") < [each.key.name for each in inner].index("t")
