"""What only Azure knows: tracked, folded, and put in when it is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.templates import CONTEXT, run, template, thing, thing_id, value_of

from reconciler.armtemplate import (
    Context,
    KeyVaultReference,
    TemplateError,
    Unknown,
    evaluate,
    resolve,
    to_json,
    to_template,
)

KV = "/subscriptions/S/resourceGroups/G/providers/A.B/vaults/kv"
REF = "reference(resourceId('A.B/vaults', 'kv'), '2020-01-01')"
CLOSED = f"reference('{KV}', '2020-01-01')"
PARAMETERS = {"p": {"type": "string", "defaultValue": "known"}}

FOLDED = [
    (f"{REF}.uri", f"{CLOSED}.uri"),
    (f"concat(parameters('p'), '-', {REF}.uri)", f"concat('known', '-', {CLOSED}.uri)"),
    (f"if(equals(parameters('p'), 'known'), 'yes', {REF}.x)", "yes"),
    (
        f"if(equals({REF}.x, 1), parameters('p'), fail('no'))",
        f"if(equals({CLOSED}.x, 1), 'known', fail('no'))",
    ),
    (f"or({REF}.on, equals(parameters('p'), 'known'))", True),
    (f"and({REF}.on, true())", f"{CLOSED}.on"),
    (f"coalesce(null(), {REF}.a, {REF}.b)", f"coalesce({CLOSED}.a, {CLOSED}.b)"),
    (f"createObject('a', 1, 'b', {REF}.b).a", 1),
    (f"length(createArray({REF}.a, 2))", 2),
    (f"createArray(1, {REF}.list[0])[1]", f"{CLOSED}.list[0]"),
    (
        f"map({REF}.list, lambda('i', concat(lambdaVariables('i').n, parameters('p'))))",
        f"map({CLOSED}.list, lambda('i', concat(lambdaVariables('i').n, 'known')))",
    ),
    (f"filter(createArray(1, {REF}.n), lambda('i', true()))[0]", 1),
    (f"string(createObject('a', {REF}.a))", f"string(createObject('a', {CLOSED}.a))"),
    (f"{REF}['it''s']", f"{CLOSED}['it''s']"),
    (
        f"resourceId('A.B/c', {REF}.name)",
        f"concat('/subscriptions/S/resourceGroups/G/providers/A.B/c/', {CLOSED}.name)",
    ),
]


@pytest.mark.parametrize(("expression", "wanted"), FOLDED, ids=[pair[0][:50] for pair in FOLDED])
def test_folding(expression: str, wanted: Any) -> None:
    """Everything known is folded in; what remains is the smallest expression that Azure can evaluate."""
    got = value_of(expression, parameters=PARAMETERS)
    assert (got.expression if isinstance(got, Unknown) else got) == wanted


def test_an_unknown_tells_what_it_waits_for() -> None:
    """References, secrecy and secure parameters go with the value through any function."""
    source = template(
        parameters={"pw": {"type": "secureString"}},
        outputs={
            "o": {
                "type": "object",
                "value": {"it": f"[concat(parameters('pw'), {REF}.a, listKeys('{KV}', 'v').k)]"},
            }
        },
    )
    made = evaluate(source, {"pw": "hidden"}, replace(CONTEXT, opaque_secure=True)).outputs["o"]
    unknown = made.value["it"]
    assert (unknown.secure, unknown.references, unknown.parameters) == (True, (KV,), ("pw",))
    assert made.secure
    assert "hidden" not in unknown.expression


def test_unknowns_inside_structures_stay_leaves() -> None:
    """One unknown tag does not make all tags unknown."""
    got = value_of(f"union(createObject('a', 1), createObject('b', {REF}.b))")
    assert got["a"] == 1
    assert isinstance(got["b"], Unknown)


def test_resolve_answers_what_it_can() -> None:
    """References in any spelling of the id, lists and secrets are put in; the rest stays, folded."""
    value = {
        "known": 1,
        "uri": Unknown(f"concat('x-', {CLOSED}.uri)", references=(KV,)),
        "full": Unknown(f"reference('{KV}', 'v', 'Full').location", references=(KV,)),
        "key": Unknown(f"listKeys('{KV}', 'v').keys[0]", True, (KV,)),
        "secret": [Unknown("concat(parameters('pw'), '!')", True, (), ("pw",))],
        "open": Unknown(f"concat({CLOSED}.uri, reference('/other').a)"),
    }
    live = {KV.upper(): {"location": "west", "properties": {"uri": "U"}}}
    context = Context(references=live, lists=lambda *call: {"keys": [call[0]]}, secure_parameters={"PW": "s"})
    got = resolve(value, context)
    assert {key: got[key] for key in ("known", "uri", "full", "key", "secret")} == {
        "known": 1,
        "uri": "x-U",
        "full": "west",
        "key": "listKeys",
        "secret": ["s!"],
    }
    assert got["open"].expression == "concat('U', reference('/other').a)"
    assert resolve(value, Context())["uri"] == value["uri"]


def test_resolve_refuses_what_the_answer_does_not_have() -> None:
    """A misspelt property shows up as soon as the resource is there, not as an unknown for ever."""
    context = Context(references={KV: {"properties": {"vaultUri": "U"}}})
    with pytest.raises(TemplateError, match="the property 'vaultUrl' does not exist"):
        resolve(Unknown(f"{CLOSED}.vaultUrl"), context)


def test_back_to_a_template() -> None:
    """Unknowns become expressions again, and text that looks like one is escaped."""
    value = {"a": Unknown("reference('x').y"), "b": "[not one]", "c": ["[half", 1]}
    assert to_template(value) == {"a": "[reference('x').y]", "b": "[[not one]", "c": ["[half", 1]}
    assert to_json(value)["a"] == {"$unknown": "reference('x').y"}


@pytest.mark.parametrize(("expression", "wanted"), FOLDED, ids=[pair[0][:50] for pair in FOLDED])
def test_a_residual_evaluates_to_itself(expression: str, wanted: Any) -> None:
    """What is written back into a template means the same there."""
    got = value_of(expression, parameters=PARAMETERS)
    again = run(template(outputs={"o": {"type": "object", "value": {"it": to_template(got)}}}))
    assert again.outputs["o"].value["it"] == got


def test_vault_references() -> None:
    """A parameter from a vault is a secret unknown; where it comes from is told beside it."""
    source = template(
        thing(properties={"pw": "[parameters('pw')]"}), parameters={"pw": {"type": "securestring"}}
    )
    reference = {"reference": {"keyVault": {"id": KV}, "secretName": "s"}}
    made = run(source, {"pw": reference})
    assert made.resources[0].body["properties"]["pw"] == Unknown("parameters('pw')", True, (), ("pw",))
    assert made.secrets == {"pw": KeyVaultReference(KV, "s")}


def test_names_known_in_part() -> None:
    """A name with an unknown in it keeps its known segments, so that it is found in the right place."""
    source = template(
        thing("base"),
        {
            "type": "A.B/things/parts",
            "apiVersion": "v",
            "name": "[concat('base/', guid(deployer().objectId))]",
        },
    )
    made = run(source)
    assert made.resources[1].id == thing_id("base") + "/parts/[guid(deployer().objectId)]"
    assert "known to Azure only" in str(made.warnings[0])


def test_slashes_inside_of_an_unknown_separate_nothing() -> None:
    """The id that a name waits for has slashes of its own; they are not segments of the name."""
    inner = template(
        {"type": "A.B/things/parts", "apiVersion": "v", "name": "[format('x/{0}', parameters('p'))]"},
        parameters={"p": {"type": "string"}},
    )
    properties = {
        "mode": "Incremental",
        "expressionEvaluationOptions": {"scope": "inner"},
        "template": inner,
        "parameters": {"p": {"value": f"[{REF}.name]"}},
    }
    source = template(
        {"type": "Microsoft.Resources/deployments", "apiVersion": "v", "name": "d", "properties": properties}
    )
    assert run(source).resources[0].id == thing_id("x") + f"/parts/[{CLOSED}.name]"


@pytest.mark.parametrize("field", ["condition", "name"])
def test_no_reads_where_arm_forbids_them(field: str) -> None:
    """Conditions and names must be known before the deployment starts."""
    with pytest.raises(TemplateError, match="the function 'reference' cannot be used in"):
        run(
            template(thing(**{field: f"[{REF}.a]"}))
            if field == "condition"
            else template(thing(f"[{REF}.a]"))
        )
