"""Parameters: files, types, constraints, definitions; every fault at once and no secret in a message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.templates import run, template

from reconciler.armtemplate import KeyVaultReference, TemplateError, parse, parse_parameters

FILE_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"


def faults(source: dict[str, Any], parameters: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        run(source, parameters)
    return [fault.message for fault in caught.value.faults]


def test_parameter_file() -> None:
    """Values, vault references and names come out of a parameter file."""
    text = json.dumps(
        {
            "$schema": FILE_SCHEMA,
            "contentVersion": "1.0.0.0",
            "parameters": {
                "a": {"value": {"value": 1}},
                "b": {"reference": {"keyVault": {"id": "/v"}, "secretName": "s", "secretVersion": "2"}},
                "c": {"value": None},
            },
        }
    )
    assert parse_parameters(text) == {"a": {"value": 1}, "b": KeyVaultReference("/v", "s", "2"), "c": None}


def test_plain_values_are_taken_too() -> None:
    """A plain object of values needs no wrapping."""
    assert parse_parameters('{"a": [1], "b": {"value": 2}}') == {"a": [1], "b": 2}


def test_parameter_file_faults_have_places() -> None:
    """An entry without a value is named with its line, every one of them."""
    text = '{"$schema": "x", "parameters": {\n"a": 1,\n"b": {"vaule": 2}}}'
    with pytest.raises(TemplateError) as caught:
        parse_parameters(text, "p.json")
    assert [str(fault.position) for fault in caught.value.faults] == ["p.json:2:1", "p.json:3:1"]


def test_all_faults_at_once() -> None:
    """Missing, wrong, disallowed, out of range and unknown parameters are told together."""
    source = template(
        parameters={
            "missing": {"type": "string"},
            "number": {"type": "int"},
            "choice": {"type": "string", "allowedValues": ["a", "b"]},
            "low": {"type": "int", "minValue": 3},
            "long": {"type": "string", "maxLength": 2},
            "odd": {"type": "text"},
            "bare": {},
        }
    )
    given = {"number": "1", "choice": "c", "low": 2, "long": "abc", "odd": 1, "extra": 1, "bare": 1}
    assert faults(source, given) == [
        "the parameter 'extra' is not declared in the template; declared are missing, number, choice, low, long, odd, "
        "bare",
        "the parameter 'missing' has neither a value nor a default; give it a value",
        "the parameter 'number' must be an integer, but is a string",
        "the parameter 'choice' is not one of the allowed values: 'a', 'b'",
        "the parameter 'low' must be at least 3, but is 2",
        "the parameter 'long' must have at most 2 characters, but has 3",
        "the parameter 'odd' 'text' is not a type; types are array, bool, int, object, secureObject, secureString, string",
        "the parameter 'bare' has no type; types are array, bool, int, object, secureObject, secureString, string",
    ]


def test_fault_has_the_line_of_the_declaration() -> None:
    """The place of a parameter's fault is its declaration in the template."""
    text = '{\n"parameters": {\n  "p": {"type": "int"}},\n"resources": []}'
    with pytest.raises(TemplateError, match=r"^t\.json:3:3: the parameter 'p' must be an integer"):
        run(parse(text, "t.json"), {"p": "x"})


def test_no_secret_in_a_message() -> None:
    """A secret of the wrong form is refused without being shown."""
    source = template(parameters={"pw": {"type": "securestring", "maxLength": 3}})
    assert "hidden" not in "".join(faults(source, {"pw": "hidden"}))


def test_names_are_found_in_any_case() -> None:
    """ARM compares parameter names without case."""
    source = template(
        parameters={"Name": {"type": "String"}},
        outputs={"o": {"type": "string", "value": "[parameters('NAME')]"}},
    )
    assert run(source, {"name": "x"}).outputs["o"].value == "x"


def test_defaults_use_other_parameters() -> None:
    """Defaults may name each other in any order, but not in a circle."""
    good = template(
        parameters={
            "a": {"type": "string", "defaultValue": "[concat(parameters('b'), '!')]"},
            "b": {"type": "string", "defaultValue": "x"},
        },
        outputs={"o": {"type": "string", "value": "[parameters('a')]"}},
    )
    assert run(good).outputs["o"].value == "x!"
    bad = template(
        parameters={
            "a": {"type": "string", "defaultValue": "[parameters('b')]"},
            "b": {"type": "string", "defaultValue": "[parameters('a')]"},
        }
    )
    assert faults(bad) == ["the parameter 'a' depends on itself"]


DEFINITIONS = {
    "port": {"type": "int", "minValue": 1, "maxValue": 65535},
    "rule": {
        "type": "object",
        "properties": {"port": {"$ref": "#/definitions/port"}, "note": {"type": "string", "nullable": True}},
        "additionalProperties": False,
    },
    "shape": {
        "type": "object",
        "discriminator": {
            "propertyName": "kind",
            "mapping": {
                "circle": {"properties": {"kind": {"type": "string"}, "r": {"type": "int"}}},
                "box": {"properties": {"kind": {"type": "string"}, "w": {"type": "int"}}},
            },
        },
    },
    "loop": {"$ref": "#/definitions/loop"},
}
TYPED = [
    ({"$ref": "#/definitions/rule"}, {"port": 80}, None),
    ({"$ref": "#/definitions/rule"}, {"port": 80, "note": None}, None),
    ({"$ref": "#/definitions/rule"}, {"port": 0}, "at port must be at least 1, but is 0"),
    ({"$ref": "#/definitions/rule"}, {}, "at port is required"),
    ({"$ref": "#/definitions/rule"}, {"port": 1, "x": 1}, "at x is not a property of this type"),
    ({"type": "array", "items": {"$ref": "#/definitions/port"}}, [1, "2"], "at [1] must be an integer"),
    (
        {"type": "array", "prefixItems": [{"type": "int"}], "items": False},
        [1, 2],
        "at [1] is one item too many",
    ),
    ({"$ref": "#/definitions/shape"}, {"kind": "box", "w": 1}, None),
    ({"$ref": "#/definitions/shape"}, {"kind": "box"}, "at w is required"),
    ({"$ref": "#/definitions/shape"}, {"kind": "line"}, "at kind must be one of circle, box"),
    ({"type": "object", "additionalProperties": {"type": "int"}}, {"a": "x"}, "at a must be an integer"),
    ({"type": "string", "nullable": True}, None, None),
    ({"$ref": "#/definitions/loop"}, 1, "the definition 'loop' leads back to itself"),
    ({"$ref": "#/definitions/nope"}, 1, "there is no definition 'nope'"),
]


@pytest.mark.parametrize(("schema", "value", "message"), TYPED)
def test_user_defined_types(schema: dict[str, Any], value: Any, message: str | None) -> None:
    """Definitions are followed, and a fault names the place inside of the value."""
    source = template(definitions=DEFINITIONS, parameters={"p": schema}, languageVersion="2.0")
    if message is None:
        run(source, {"p": value})
    else:
        assert message in faults(source, {"p": value})[0]
