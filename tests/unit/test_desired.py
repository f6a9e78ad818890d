"""From an environment file and its templates to the graph, and every fault on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.environments import DEV, snapshot

from reconciler.armtemplate import Unknown
from reconciler.desired import Desired, build, deployment_name
from reconciler.environment import load
from reconciler.errors import InputError
from reconciler.referring import Facts
from reconciler.resource import Key, Secret

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
GROUP = Key("arm.group", "00000000-0000-0000-0000-000000000001", "sample-dev")


def thing(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "Contoso.Any/things", "apiVersion": "2024-01-01", "name": name, "location": "w", **fields}


def key(name: str) -> Key:
    return Key("arm.resource", "sample-dev", f"Contoso.Any/things:{name}")


def template(*resources: Any, parameters: Any = None, outputs: Any = None) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": parameters or {},
        "resources": list(resources),
        "outputs": outputs or {},
    }


def desired(root: Path, text: str = "", secrets: dict[str, str] | None = None, **files: Any) -> Desired:
    """dev with more text under its deployment; files are templates by their name."""
    snapshot(root, dev=DEV + text)
    for name, content in files.items():
        (root / "arm" / f"{name}.json").write_text(json.dumps(content))
    return build(load(root, "dev"), root, Facts(identity="me", secrets=secrets or {}, key=b"k"))


def faults(root: Path, text: str = "", **files: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        desired(root, text, **files)
    return [str(fault) for fault in caught.value.faults]


PARAMETER = "      parameters: {p: %s}\n"
SECURE = template(
    thing("a", properties={"x": "[parameters('p')]"}), parameters={"p": {"type": "secureString"}}
)
PLAIN = template(thing("a", properties={"x": "[parameters('p')]"}), parameters={"p": {"type": "string"}})
SECOND = "    - name: second\n      template: arm/second.json\n      parameters: {p: '${azure.platform.o}'}\n"


def test_a_resource_needs_its_group_and_what_its_template_says_and_is_deployed_under_one_name(
    tmp_path: Path,
) -> None:
    main = template(thing("b", dependsOn=["a"]), thing("a"))
    made = desired(tmp_path, main=main)
    assert [resource.key for resource in made.graph] == [GROUP, key("a"), key("b")]
    b = made.graph[key("b")]
    assert set(b.needs) == {GROUP, key("a")}
    assert b.batch == made.graph[key("a")].batch != ""
    assert b.at["deployment"] == "reconciler-dev-platform"
    assert b.origin.startswith("arm/main.json:1:")
    assert made.graph[GROUP].batch == ""


def test_the_same_files_give_the_same_graph(tmp_path: Path) -> None:
    main = template(*(thing(name) for name in "zab"))
    one, other = desired(tmp_path, main=main), desired(tmp_path, main=main)
    assert list(one.graph) == list(other.graph)


@pytest.mark.parametrize("length", [5, 60, 90])
def test_a_deployment_name_fits_azure_and_differs_where_the_names_differ(length: int) -> None:
    names = {deployment_name("dev", "x" * length + end) for end in ("a", "b")}
    assert len(names) == 2
    assert all(len(name) <= 64 for name in names)


def test_a_secret_is_kept_as_a_hash_that_tells_a_change_and_sent_as_a_parameter(tmp_path: Path) -> None:
    text = PARAMETER % "'${env:X}'"
    made = [desired(tmp_path, text, {"env:X": value}, main=SECURE) for value in ("one", "one", "two")]
    specs = [each.graph[key("a")].spec["properties"]["x"] for each in made]
    assert all(isinstance(spec, Secret) for spec in specs)
    assert (specs[0] == specs[1], specs[0] == specs[2]) == (True, False)
    assert specs[0].expression == "parameters('p')"
    assert made[0].secure["reconciler-dev-platform"] == {"p": "one"}
    assert "one" not in repr(made[0].graph[key("a")])


@pytest.mark.parametrize("value", ["'${env:X}'", "{a: '${env:X}'}", "['${env:X}']"])
def test_a_secret_in_a_parameter_that_does_not_keep_it_is_a_fault(tmp_path: Path, value: str) -> None:
    """Its value would be readable in the plan, in the state and in the deployment."""
    kind = "string" if value.startswith("'") else "object" if value.startswith("{") else "array"
    main = template(thing("a", properties="[parameters('p')]"), parameters={"p": {"type": kind}})
    (fault,) = faults(tmp_path, PARAMETER % value, secrets={"env:X": "hunter2"}, main=main)
    assert fault.startswith("environments/dev.yaml:8:23:")
    assert "secureString" in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    ("value", "kind"), [("'${env:X}'", "secureString"), ("{a: '${env:X}'}", "secureObject")]
)
def test_a_secret_that_is_not_set_blocks_only_what_is_written_with_it(
    tmp_path: Path, value: str, kind: str
) -> None:
    used = thing("a", properties={"x": "[parameters('p')]"})
    main = template(used, thing("b"), parameters={"p": {"type": kind}})
    made = desired(tmp_path, PARAMETER % value, main=main)
    assert set(made.blocked) == {key("a")}
    assert made.blocked[key("a")].startswith("${env:X}: ")


@pytest.mark.parametrize(
    ("value", "kind", "warned"),
    [
        ("hunter2", "secureString", True),
        ("{user: me, password: hunter2}", "secureObject", True),
        ("{user: me, password: '${env:X}'}", "secureObject", False),
        ("'${env:X}'", "secureString", False),
        ("''", "secureString", False),
        ("hunter2", "string", False),
    ],
)
def test_a_secret_in_clear_in_an_environment_file_is_warned_of_and_never_quoted(
    tmp_path: Path, value: str, kind: str, warned: bool
) -> None:
    main = template(thing("a", properties={"x": "[parameters('p')]"}), parameters={"p": {"type": kind}})
    made = desired(tmp_path, PARAMETER % value, {"env:X": "hunter2"}, main=main)
    assert len(made.warnings) == warned
    for warning in made.warnings:
        assert warning.startswith("environments/dev.yaml:8:23: ")
        assert "${env:NAME}" in warning
        assert "hunter2" not in warning


def test_the_default_of_a_secure_parameter_is_sent_as_it_stands_in_the_template(tmp_path: Path) -> None:
    main = template(
        thing("a", properties={"x": "[parameters('P')]"}),
        parameters={"p": {"type": "secureString", "defaultValue": "start"}},
    )
    assert desired(tmp_path, main=main).secure["reconciler-dev-platform"] == {"p": "start"}


def test_a_secure_parameter_that_is_used_and_not_given_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, main=SECURE)
    assert fault.startswith("environments/dev.yaml:")
    assert "'p'" in fault


def test_an_output_of_a_deployment_is_put_into_the_next_and_makes_it_wait(tmp_path: Path) -> None:
    first = template(thing("a"), outputs={"o": {"type": "string", "value": "[reference('a').host]"}})
    made = desired(tmp_path, SECOND, main=first, second=PLAIN_B)
    b = made.graph[key("b")]
    assert isinstance(b.spec["properties"]["x"], Unknown)
    assert key("a") in b.needs


PLAIN_B = template(thing("b", properties={"x": "[parameters('p')]"}), parameters={"p": {"type": "string"}})


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("${azure.platform.nope}", "no output 'nope'"),
        ("${azure.nobody.o}", "nobody"),
        ("${azure.platform.o.deep}", "no key 'deep'"),
    ],
)
def test_a_reference_to_nothing_is_a_fault_at_its_place(tmp_path: Path, reference: str, told: str) -> None:
    first = template(thing("a"), outputs={"o": {"type": "object", "value": {"k": 1}}})
    told_all = faults(tmp_path, SECOND.replace("${azure.platform.o}", reference), main=first, second=PLAIN_B)
    assert len(told_all) == 1
    assert told in told_all[0]
    assert told_all[0].startswith("environments/dev.yaml:10:23:")


def test_a_secure_output_cannot_be_read_and_says_so(tmp_path: Path) -> None:
    """Azure never gives a secureString output back, so nothing could be passed on."""
    first = template(thing("a"), outputs={"o": {"type": "secureString", "value": "[reference('a').key]"}})
    [told] = faults(tmp_path, SECOND, main=first, second=SECURE)
    assert told.startswith("environments/dev.yaml:10:23:")
    assert "this output is secure" in told


def test_deployments_that_need_each_other_are_a_fault(tmp_path: Path) -> None:
    text = "      parameters: {p: '${azure.second.o}'}\n" + SECOND
    output = {"o": {"type": "string", "value": "x"}}
    main = {**PLAIN, "outputs": output}
    told = faults(tmp_path, text, main=main, second={**PLAIN_B, "outputs": output})
    assert any("wait for each other: platform → second → platform" in each for each in told)


def test_faults_of_all_templates_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    wrong = template(thing("[nope()]"), thing("b", properties={"x": "[parameters('gone')]"}))
    text = "    - name: second\n      template: arm/second.json\n"
    told = faults(tmp_path, text, main=wrong, second=template(thing("[alsoNope()]")))
    assert sum(each.startswith("arm/main.json:1:") for each in told) == 2
    assert sum(each.startswith("arm/second.json:1:") for each in told) == 1


@pytest.mark.parametrize(
    ("parameters", "place", "told"),
    [
        ("{}", ":19", "neither a value nor a default"),
        ("{q: a, r: 1}", ":29", "'r' is not declared"),
        ("{q: 1}", ":23", "must be a string"),
    ],
)
def test_a_wrong_value_is_told_where_the_environment_gives_it(
    tmp_path: Path, parameters: str, place: str, told: str
) -> None:
    main = template(parameters={"q": {"type": "string"}})
    (fault,) = faults(tmp_path, f"      parameters: {parameters}\n", main=main)
    line = DEV.count("\n") + 1
    assert fault.startswith(f"environments/dev.yaml:{line}{place}")
    assert told in fault
    assert "arm/main.json" in fault


def test_one_resource_of_two_deployments_is_a_fault(tmp_path: Path) -> None:
    text = "    - name: second\n      template: arm/second.json\n"
    (fault,) = faults(tmp_path, text, main=template(thing("a")), second=template(thing("a")))
    assert "is there twice" in fault


def test_a_group_that_a_template_makes_is_written_by_itself(tmp_path: Path) -> None:
    """Groups are no part of the deployments that we generate: together with one nothing else would be written."""
    main = template(
        {
            "type": "Microsoft.Resources/resourceGroups",
            "apiVersion": "2022-09-01",
            "name": "extra",
            "location": "w",
        },
        {"type": "Contoso.Any/rules", "apiVersion": "2024-01-01", "name": "r", "properties": {}},
    )
    made = desired(tmp_path, "      scope: subscription\n", main=main)
    batches = {resource.key.name: resource.batch for resource in made.graph}
    assert batches["extra"] == ""
    assert batches["Contoso.Any/rules:r"] != ""
