"""ARM's limits, and our own: no template runs, grows or nests without end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.templates import run, template, thing, value_of

from reconciler.armtemplate import TemplateError, parse


def message(source: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        run(source)
    return str(caught.value)


def strings(count: int) -> dict[str, Any]:
    return {f"n{place}": {"type": "string", "defaultValue": "x", "value": "x"} for place in range(count)}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (template(parameters=strings(257)), "the template has 257 parameters; the limit is 256"),
        (template(variables=strings(257)), "the template has 257 variables; the limit is 256"),
        (template(outputs=strings(65)), "the template has 65 outputs; the limit is 64"),
        (
            template(
                *(
                    thing(f"[concat('{part}', copyIndex())]", copy={"name": part, "count": 401})
                    for part in "ab"
                )
            ),
            "the template has 802 resources; the limit is 800",
        ),
        (
            template(variables={"v": "[concat('" + "x" * 24_576 + "')]"}),
            "the expression has 24,588 characters; the limit is 24,576",
        ),
    ],
    ids=["parameters", "variables", "outputs", "resources", "expression"],
)
def test_limits_of_arm(source: dict[str, Any], wanted: str) -> None:
    """What Azure would refuse is refused before any call."""
    assert wanted in message(source)


def test_exactly_at_the_limits() -> None:
    """The limits themselves are allowed."""
    run(template(parameters=strings(256), variables=strings(256), outputs=strings(64)))


def test_file_size() -> None:
    """A template may have 4 MB."""
    text = json.dumps(template(metadata={"pad": "x" * 4_194_304}))
    assert "larger than 4 MB" in message(parse(text, "t.json"))


BOMBS = {
    "text that doubles": "reduce(range(0, 9999), 'aa', lambda('c', 'n', concat(lambdaVariables('c'), lambdaVariables('c'))))",
    "arrays that double": "reduce(range(0, 40), 'a', lambda('c', 'n', createArray(lambdaVariables('c'), lambdaVariables('c'))))",
    "unknowns that double": "reduce(range(0, 40), createArray(deployer().objectId), lambda('c', 'n', "
    "createArray(string(lambdaVariables('c')), string(lambdaVariables('c')))))",
    "depth": "reduce(range(0, 9999), 'a', lambda('c', 'n', createArray(lambdaVariables('c'))))",
    "loops in loops": "map(range(0, 9999), lambda('a', map(range(0, 9999), lambda('b', 1))))",
    "ranges in loops": "map(range(0, 9999), lambda('a', map(range(0, 9999), lambda('b', length(range(0, 9999))))))",
    "nested calls": "concat(" * 2000 + "'a'" + ")" * 2000,
}


@pytest.mark.parametrize("expression", BOMBS.values(), ids=BOMBS)
def test_bombs_are_given_up(expression: str) -> None:
    """What would eat all time or memory ends in a fault of our own kind."""
    with pytest.raises(TemplateError):
        value_of(expression)


def test_functions_that_call_themselves() -> None:
    """A user function without an end is stopped."""
    call = {"parameters": [], "output": {"type": "int", "value": "[a.f()]"}}
    functions = [{"namespace": "a", "members": {"f": call}}]
    assert "call each other more than 40 levels deep" in message(
        template(functions=functions, variables={"v": "[a.f()]"})
    )


def test_loops_of_nested_deployments() -> None:
    """Deployments in deployments, each looped, are given up instead of expanded for ever."""
    inner = template(thing("[concat('x', copyIndex())]", copy={"name": "l", "count": 800}))
    for _ in range(3):
        properties = {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": inner,
        }
        looped = thing("[concat('d', copyIndex())]", copy={"name": "l", "count": 800}, properties=properties)
        inner = template({**looped, "type": "Microsoft.Resources/deployments"})
    assert "a million steps" in message(inner)
