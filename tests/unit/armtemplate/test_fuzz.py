"""Whatever a template holds, the evaluator answers with a value or with an error of its own kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.templates import CONTEXT, corpus_files, read_text, template, thing

from reconciler.armtemplate import Context, TemplateError, evaluate, parse, resolve, to_json, to_template
from reconciler.armtemplate.compiler import LAZY, SCOPED
from reconciler.armtemplate.functions import PURE

NAMES = sorted(
    {*(function.name for function in PURE.values()), *SCOPED, *LAZY, "listKeys", "my.f", "nope"} - {"."}
)
ATOMS = [
    "'a'",
    "''",
    "0",
    "-1",
    "99999",
    "true()",
    "null()",
    "createArray(1, 'a')",
    "createObject('a', 1)",
    "parameters('p')",
    "variables('v')",
    "reference('x')",
    "deployer().objectId",
    "'2026-01-31T20:15:00Z'",
    "'10.0.0.0/24'",
    "'A.B/things'",
    "lambda('a', lambdaVariables('a'))",
    "lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b')))",
]
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.builds(
            lambda name, args: f"{name}({', '.join(args)})",
            st.sampled_from(NAMES),
            st.lists(inner, max_size=4),
        )
        | st.builds(
            lambda base, link: base + link, inner, st.sampled_from([".a", "[0]", "['a']", ".?a", "[1].a"])
        )
    ),
    max_leaves=12,
)
JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
VALUES = (
    EXPRESSIONS.map(lambda text: f"[{text}]") | JUNK | st.dictionaries(st.text(max_size=3), JUNK, max_size=2)
)
OPEN = Context(opaque_secure=True)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def survives(source: Any, context: Context = CONTEXT) -> None:
    """Evaluate, write back and resolve; only errors of our own kind may come out."""
    try:
        made = evaluate(source, {}, context)
        bodies = [item.body for item in made.resources]
        json.dumps(to_json(bodies))
        json.dumps(to_template(bodies))
        resolve(bodies, CONTEXT)
    except TemplateError as error:
        assert str(error)


def check_expression(text: str) -> None:
    outputs = {"o": {"type": "object", "value": {"it": f"[{text}]"}}}
    parameters = {"p": {"type": "array", "defaultValue": [1, "a", {"b": None}]}}
    resource = thing(properties={"a": f"[{text}]"}, copy={"name": "l", "count": 2})
    survives(template(resource, outputs=outputs, parameters=parameters, variables={"v": {"a": 1.5}}))


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
def test_any_expression(text: str) -> None:
    """Functions get arguments of every kind and number, known and unknown."""
    check_expression(text)


@pytest.mark.prove
@given(EXPRESSIONS)
@settings(max_examples=20_000, deadline=None, suppress_health_check=SLOW)
def test_very_many_expressions(text: str) -> None:
    """The same, for long."""
    check_expression(text)


FIELDS = st.sampled_from(
    [
        "type",
        "name",
        "apiVersion",
        "copy",
        "condition",
        "dependsOn",
        "scope",
        "resources",
        "properties",
        "existing",
    ]
)
SECTIONS = st.sampled_from(
    [
        "parameters",
        "variables",
        "functions",
        "definitions",
        "resources",
        "outputs",
        "$schema",
        "languageVersion",
    ]
)


@given(st.dictionaries(FIELDS, VALUES), st.dictionaries(SECTIONS, VALUES, max_size=2))
@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
def test_any_structure(fields: dict[str, Any], sections: dict[str, Any]) -> None:
    """Fields and sections of the wrong kind are faults, not accidents."""
    survives({**template({**thing(), **fields}), **sections})


@given(st.text(alphabet="[]()'.,abc01 \n", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_as_an_expression(text: str) -> None:
    """The parser of expressions takes or refuses any text."""
    survives(template(outputs={"o": {"type": "string", "value": f"[{text}]"}}))


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from paths(item, (*path, key))


def real_templates() -> list[Any]:
    found = corpus_files("arm-quickstarts/**/azuredeploy.json", "arm-bicep-oracle/compiled-templates/*.json")
    return [parse(read_text(path)).root for path in found]


def mutate(root: Any, data: st.DataObject) -> Any:
    """Replace, remove or move one to four values of a template."""
    changed = deepcopy(root)
    for _ in range(data.draw(st.integers(1, 4))):
        places = list(paths(changed))
        path = data.draw(st.sampled_from(places))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        action = data.draw(st.integers(0, 2))
        if action == 0:
            del holder[path[-1]]
        elif action == 1:
            holder[path[-1]] = data.draw(VALUES)
        else:
            other = changed
            for key in data.draw(st.sampled_from(places)):
                other = other[key] if isinstance(other, dict | list) and _has(other, key) else other
            holder[path[-1]] = deepcopy(other)
        if not list(paths(changed)):
            break
    return changed


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else isinstance(key, int) and key < len(holder)


REAL = real_templates()
needs_corpus = pytest.mark.skipif(
    not REAL, reason="RECONCILER_CORPUS is not set: there are no real templates to damage"
)


@needs_corpus
@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_damaged_real_templates(data: st.DataObject) -> None:
    """Real templates with values replaced, removed and moved."""
    survives(mutate(data.draw(st.sampled_from(REAL)), data), OPEN)


@pytest.mark.prove
@needs_corpus
@given(st.data())
@settings(max_examples=5_000, deadline=None, suppress_health_check=SLOW)
def test_many_damaged_real_templates(data: st.DataObject) -> None:
    """The same, for long."""
    survives(mutate(data.draw(st.sampled_from(REAL)), data), OPEN)
