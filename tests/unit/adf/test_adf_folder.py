"""Reading a Git folder: what counts, what does not, and what is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.factories import folder, pipeline, ref

from reconciler.adf import Definitions, graph_json, load
from reconciler.errors import InputError

WAIT = pipeline({"name": "Wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}})


def read(root: Path, factory: str = "") -> Definitions:
    return load(root, root, factory=factory)


def names(definitions: Definitions) -> list[str]:
    return [str(each) for each in definitions.objects.values()]


def test_every_folder_of_studio_is_a_kind(tmp_path: Path) -> None:
    """Endpoints lie below their network and need it."""
    objects = {
        "credential/c": {}, "dataflow/f": {}, "dataset/d": {}, "integrationRuntime/run": {}, "linkedService/l": {},
        "managedVirtualNetwork/default": {}, "managedVirtualNetwork/default/managedPrivateEndpoint/e": {},
        "pipeline/p": WAIT, "trigger/t": {},
    }  # fmt: skip
    found = read(folder(tmp_path, objects))
    assert names(found) == [
        "credential/c", "dataflow/f", "dataset/d", "integrationRuntime/run", "linkedService/l",
        "managedVirtualNetwork/default", "managedPrivateEndpoint/e", "pipeline/p", "trigger/t",
    ]  # fmt: skip
    endpoint = found.objects["managedPrivateEndpoint", "e"]
    assert [str(need) for need in found.needs(endpoint)] == ["managedVirtualNetwork/default"]
    assert found.warnings == ()


def test_files_that_were_switched_off_do_not_count(tmp_path: Path) -> None:
    """People rename what they want out of the way; other folders of the repository are none of ours."""
    bad = "{ this is not JSON"
    files = dict.fromkeys(
        ("pipeline/a.json#", "pipeline/b.json!", "pipeline/c.json.txt", "deployment/d.json"), bad
    )
    assert names(read(folder(tmp_path, {**files, "pipeline/on": WAIT}))) == ["pipeline/on"]


def test_the_name_in_the_json_decides_and_another_file_name_is_a_warning(tmp_path: Path) -> None:
    """As in Azure, where the file's name is not known."""
    found = read(
        folder(tmp_path, {"pipeline/old.json": json.dumps({"name": "new", "properties": WAIT}, indent=1)})
    )
    assert names(found) == ["pipeline/new"]
    assert found.warnings == (
        "pipeline/old.json:2:2: pipeline/new is in 'old.json'; its name decides, not the file's.",
    )


def test_what_studio_would_not_read_is_told(tmp_path: Path) -> None:
    """A definition that silently is not deployed would be looked for in vain."""
    found = read(folder(tmp_path, {"pipeline/p": WAIT, "pipeline/sub/q": WAIT, "adfcdc/c": {}}))
    assert names(found) == ["pipeline/p"]
    assert [warning.partition(":")[0] for warning in found.warnings] == ["adfcdc", "pipeline/sub"]


def test_bodies_travel_as_they_are(tmp_path: Path) -> None:
    """Properties that nobody knows, unicode, big numbers and nulls all stay."""
    text = '{"name":"x ü","type":"T","properties":{"activities":[],"new":[1.0,1e3,123456789012345678901,null,"\\u00e9"]},"more":{}}'
    found = read(folder(tmp_path, {"pipeline/x ü.json": text}))
    assert json.dumps(found.objects["pipeline", "x ü"].body) == json.dumps(json.loads(text))


FACTORIES = {"factory/dev": {"globalParameters": {"a": {}}}, "factory/test": {}, "pipeline/p": WAIT}


@pytest.mark.parametrize(
    ("configured", "chosen"), [("test", "test"), ("DEV", "dev"), ("prod", None), ("", None)]
)
def test_of_several_factory_files_the_configured_one_counts(
    tmp_path: Path, configured: str, chosen: str | None
) -> None:
    """The others belong to factories that once had this folder."""
    found = read(folder(tmp_path, FACTORIES), configured)
    assert (found.factory.name if found.factory else None) == chosen
    assert bool(found.warnings) == (chosen is None)


def test_a_single_factory_file_counts_for_every_environment(tmp_path: Path) -> None:
    """It is named as the factory that is linked to Git, and test and prod take their global parameters from it."""
    found = read(folder(tmp_path, {"factory/dev": {}, "pipeline/p": WAIT}), "prod")
    assert found.factory is not None and found.factory.name == "dev"


BROKEN = {
    "cut off": ('{\n  "name": "x",\n  "properties": {', "3:18"),
    "trailing comma": ('{"name": "x",\n "properties": {},\n}', "3:1"),
    "comment": ('{"name": "x", // no\n "properties": {}}', "1:15"),
    "twice": ('{"name": "x",\n "properties": {},\n "name": "y"}', "3:2"),
    "not a number": ('{"name": "x", "properties": {"a": NaN}}', "1:35"),
    "a list": ("[]", "1:1"),
    "empty": ("", "1:1"),
}


@pytest.mark.parametrize(("text", "place"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_json_is_named_by_file_and_line(tmp_path: Path, text: str, place: str) -> None:
    """And what refers to it is not told as dangling: the object is there, its file is broken."""
    files = {"dataset/x.json": text, "dataflow/f": {"a": ref("dataset", "x")}}
    with pytest.raises(InputError) as raised:
        read(folder(tmp_path, files))
    assert [fault.place for fault in raised.value.faults] == [f"dataset/x.json:{place}"]


def test_a_definition_needs_a_name_and_properties(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read(folder(tmp_path, {"pipeline/p.json": "{}"}))
    assert [fault.message.split()[-1] for fault in raised.value.faults] == ["name.", "object."]


@pytest.mark.parametrize("path", ["nothing", "../elsewhere", "empty"])
def test_a_path_without_definitions_is_refused(tmp_path: Path, path: str) -> None:
    """An empty factory would be read as `delete everything`."""
    root = tmp_path / "root"
    (root / "empty").mkdir(parents=True)
    folder(tmp_path / "elsewhere", {"pipeline/p": WAIT})
    with pytest.raises(InputError):
        load(root / path, root)


def test_the_graph_refuses_nothing(tmp_path: Path) -> None:
    """A folder under repair is when one wants to see its graph."""
    files = {
        "pipeline/a": pipeline({"x": ref("pipeline", "B"), "y": ref("dataset", "gone")}),
        "pipeline/b": pipeline({"x": ref("pipeline", "a"), "y": ref("integrationRuntime", "AutoResolveIntegrationRuntime")}),
        "dataset/broken.json": "{",
        "factory/f": {},
    }  # fmt: skip
    found = graph_json(folder(tmp_path, files), label="adf")
    assert found["objects"] == ["factory/f", "pipeline/a", "pipeline/b"]
    assert found["edges"] == [["pipeline/a", "pipeline/b"], ["pipeline/b", "pipeline/a"]]
    assert found["missing"] == ["dataset/gone"]
    assert [warning.partition(": ")[0] for warning in found["warnings"]] == ["adf/dataset/broken.json:1:2"]
