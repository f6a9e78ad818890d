"""Reading what Studio exports: the same factory as its Git folder, in every form an export has."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.factories import SCHEMA, exported, folder, pipeline, ref, run

from reconciler.adf import graph_json, load
from reconciler.errors import InputError

FACTORY: dict[str, Any] = {
    "linkedService/store": {"type": "AzureBlobStorage", "typeProperties": {"connectionString": "c"}},
    "dataset/in": {"linkedServiceName": ref("linkedService", "store"), "annotations": []},
    "pipeline/score": pipeline(
        {"name": "Copy", "inputs": [ref("dataset", "in")], "text": "[not an expression]"}
    ),
    "trigger/daily": {"pipelines": [{"pipelineReference": ref("pipeline", "score")}]},
}
ESCAPED = json.loads(json.dumps(FACTORY).replace("[not an", "[[not an"))


def parameters(**values: Any) -> str:
    return json.dumps({"parameters": {name: {"value": value} for name, value in values.items()}})


def master() -> dict[str, Any]:
    """A template that deploys two parts, as Studio writes it beside them."""
    given = {"factoryName": {"value": "[parameters('factoryName')]"}}
    link = "[concat(parameters('containerUri'), '/ArmTemplate_{}.json', parameters('containerSasToken'))]"
    parts = [
        {
            "name": f"part{n}", "type": "Microsoft.Resources/deployments", "apiVersion": "2018-02-01",
            "properties": {"mode": "incremental", "templateLink": {"uri": link.format(n)}, "parameters": given},
        }
        for n in (0, 1)
    ]  # fmt: skip
    text = {"type": "string"}
    declared = {"factoryName": text, "containerUri": text, "containerSasToken": text}
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "parameters": declared, "resources": parts}


def write(root: Path, files: dict[str, Any]) -> Path:
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        (root / name).write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return root


WHOLE = {
    "ARMTemplateForFactory.json": exported(ESCAPED),
    "ARMTemplateParametersForFactory.json": parameters(factoryName="dev"),
}
FIRST, SECOND = dict(list(ESCAPED.items())[:2]), dict(list(ESCAPED.items())[2:])
SPLIT = {
    "ArmTemplate_master.json": master(),
    "ArmTemplateParameters_master.json": parameters(factoryName="dev", containerUri="", containerSasToken=""),
    "ArmTemplate_0.json": exported(FIRST),
    "ArmTemplate_1.json": exported(SECOND),
}  # fmt: skip


@pytest.mark.parametrize("files", [WHOLE, SPLIT], ids=["whole", "split"])
@pytest.mark.parametrize("form", ["folder", "file", "zip", "zip with a folder"])
def test_every_form_of_an_export_is_the_factory_of_its_folder(
    tmp_path: Path, files: dict[str, Any], form: str
) -> None:
    """Bodies, names and edges: what is deployed does not depend on how it was handed over."""
    there = write(tmp_path / "export", files)
    if form == "file":
        there = there / next(iter(files))
    if form.startswith("zip"):
        there = tmp_path / "arm_template.zip"
        with zipfile.ZipFile(there, "w") as archive:
            for name, content in files.items():
                inside = f"adf/{name}" if "folder" in form else name
                archive.writestr(inside, content if isinstance(content, str) else json.dumps(content))
    git = folder(tmp_path / "git", FACTORY)
    found, expected = load(there, tmp_path), load(git, tmp_path)
    assert {key: each.body for key, each in found.objects.items()} == {
        key: each.body for key, each in expected.objects.items()
    }
    assert graph_json(there) == graph_json(git)


def test_parameters_come_from_beside_the_template_and_from_the_environment(tmp_path: Path) -> None:
    """Studio blanks what differs per environment; the environment's value wins."""
    objects = {
        "linkedService/l": {
            "a": "[parameters('a')]",
            "b": "[parameters('b')]",
            "f": "[parameters('factoryName')]",
        }
    }
    template = exported(objects, {"a": {"type": "string"}, "b": {"type": "string"}})
    files = {**WHOLE, "ARMTemplateForFactory.json": template}
    files["ARMTemplateParametersForFactory.json"] = parameters(
        factoryName="dev", a="file", b="file", dropped="x"
    )
    found = load(write(tmp_path / "x", files), tmp_path, factory="prod", parameters={"B": "environment"})
    assert found.objects["linkedService", "l"].body["properties"] == {
        "a": "file",
        "b": "environment",
        "f": "prod",
    }


def test_a_parameter_without_a_value_is_refused_by_load_and_told_by_the_graph(tmp_path: Path) -> None:
    """A name that is not known cannot be deployed, and yet shows as what it is."""
    objects = {"dataset/d": {"linkedServiceName": ref("linkedService", "[parameters('where')]")}}
    template = write(tmp_path, {"t.json": exported(objects, {"where": {"type": "string"}})}) / "t.json"
    assert graph_json(template)["missing"] == ["linkedService/[parameters('where')]"]
    with pytest.raises(InputError, match="where"):
        load(template, tmp_path)


def test_a_bad_resource_does_not_hide_the_others_of_the_graph(tmp_path: Path) -> None:
    objects = {"pipeline/good": pipeline(run("bad")), "pipeline/bad": {"x": "[nonsense()]"}}
    template = write(tmp_path, {"t.json": exported(objects)}) / "t.json"
    found = graph_json(template)
    assert (found["objects"], found["missing"]) == (["pipeline/good"], ["pipeline/bad"])
    assert "nonsense" in found["warnings"][0]


def test_an_export_over_a_templates_limits_is_taken(tmp_path: Path) -> None:
    """A template holds 800 resources and 256 parameters, a factory 5,000 objects; each is written by itself."""
    names = [f"p{number}" for number in range(900)]
    objects = {
        f"pipeline/{name}": pipeline({"p": f"[parameters('{name}')]"}, *([run("p0")] if name != "p0" else ()))
        for name in names
    }
    template = exported(
        objects, {name: {"type": "string", "defaultValue": f"value of {name}"} for name in names}
    )
    template["resources"][1]["dependsOn"] = [
        "[resourceId('Microsoft.DataFactory/factories/pipelines', 'exported', 'p0')]"
    ]
    found = load(write(tmp_path, {"t.json": template}) / "t.json", tmp_path)
    assert len(found.objects) == 900
    assert found.objects["pipeline", "p899"].body["properties"]["activities"][0] == {"p": "value of p899"}


def test_faults_name_the_line_of_the_template(tmp_path: Path) -> None:
    """In a template of thousands of lines the place is what helps."""
    template = (
        write(tmp_path, {"t.json": exported({"pipeline/a": {}, "pipeline/b": pipeline(run("gone"))})})
        / "t.json"
    )
    line = next(n for n, text in enumerate(template.read_text().splitlines(), 1) if '"gone"' in text)
    with pytest.raises(InputError) as raised:
        load(template, tmp_path)
    assert [fault.place for fault in raised.value.faults] == [f"t.json:{line}:9"]


def test_the_factory_and_its_global_parameters_are_taken_where_an_export_holds_them(tmp_path: Path) -> None:
    template = exported({"pipeline/a": {}})
    kinds = "Microsoft.DataFactory/factories"
    template["resources"] += [
        {"name": "f", "type": kinds, "apiVersion": "2018-06-01", "location": "w", "properties": {"x": 1}},
        {"name": "f/default", "type": f"{kinds}/globalparameters", "apiVersion": "2018-06-01", "properties": {"g": {"value": 2}}},
        {"name": "v", "type": "Microsoft.KeyVault/vaults", "apiVersion": "2018-06-01", "properties": {}},
    ]  # fmt: skip
    found = load(write(tmp_path, {"t.json": template}) / "t.json", tmp_path)
    assert found.factory is not None and found.factory.body == {
        "name": "f", "location": "w", "properties": {"x": 1, "globalParameters": {"g": {"value": 2}}},
    }  # fmt: skip
    assert found.warnings == (
        "1 resource of type Microsoft.KeyVault/vaults are not deployed with a factory.",
    )


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "PK but no ZIP"])
@pytest.mark.parametrize("name", ["t.json", "t.zip"])
def test_what_is_no_export_is_refused_with_its_name(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(InputError, match=name):
        graph_json(write(tmp_path, {name: content}) / name)


def test_resources_by_symbolic_names_are_taken(tmp_path: Path) -> None:
    """As a compiler writes them, for those who keep their factory in Bicep."""
    template = exported({"pipeline/a": pipeline(run("b")), "pipeline/b": pipeline(run("gone"))})
    template |= {"languageVersion": "2.0", "resources": dict(zip("xy", template["resources"], strict=True))}
    file = write(tmp_path, {"t.json": template}) / "t.json"
    found = graph_json(file)
    assert (found["edges"], found["missing"]) == ([["pipeline/a", "pipeline/b"]], ["pipeline/gone"])
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if '"gone"' in text)
    with pytest.raises(InputError, match=f"t.json:{line}:"):
        load(file, tmp_path)
