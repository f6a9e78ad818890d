"""The evaluator against results that Azure's documentation and Microsoft's own engine give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.templates import NO_CORPUS, corpus_files, plain, read_json, value_of

from reconciler.armtemplate import TemplateError, context_from_json, evaluate, parse, to_json

CASES = corpus_files("arm-functions/*.json", "arm-bicep-oracle/cases/*.json")
WRONG_CASES = {
    # The documentation prints the group of the author's own subscription, where the name had another case.
    ("cross-resource-group-properties", "linkedRG"): "Linked resource group is linkedGroup",
}
SERVICE_ONLY = {
    # The hash is computed inside of the service; the printed template is of another version of the sample
    # (its output's type has a capital letter there).
    ("deployment", "deploymentOutput"): ("templateHash", "template"),
}
pytestmark = pytest.mark.skipif(not CASES, reason=NO_CORPUS)


def same(left: Any, right: Any) -> bool:
    """Equal in value and type; the order of an object's keys means nothing."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """A template gives exactly the outputs, the resources or the error that are stated for it."""
    case = read_json(path)
    context = context_from_json(case.get("context", {}))
    source = parse(json.dumps(case["template"]), path.name)
    if "expectedError" in case:
        with pytest.raises(TemplateError) as caught:
            evaluate(source, case["parameters"], context)
        assert case["expectedError"] in str(caught.value)
        return
    made = evaluate(source, case["parameters"], context)
    for name, wanted in case.get("expectedOutputs", {}).items():
        check_output(case["name"], name, to_json(made.outputs[name].value), wanted)
    if "expectedResources" in case:
        check_resources(plain(made), case["expectedResources"])


def check_output(case: str, name: str, got: Any, wanted: Any) -> None:
    wanted = WRONG_CASES.get((case, name), wanted)
    if (case, name) in SERVICE_ONLY:
        hidden = SERVICE_ONLY[case, name]
        got, wanted = drop(got, hidden), drop(wanted, hidden)
    assert same(got, wanted), f"{name}: {got!r} instead of {wanted!r}"


def drop(value: Any, hidden: tuple[str, ...]) -> Any:
    properties = {key: item for key, item in value["properties"].items() if key not in hidden}
    return {**value, "properties": properties}


def check_resources(got: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Compare as sets: Microsoft's engine lists resources without a loop first, we keep the template's order."""
    with_id = any("id" in item for item in wanted)
    kept = [{key: value for key, value in item.items() if with_id or key != "id"} for item in got]

    def by_name(item: dict[str, Any]) -> str:
        return f"{item['type']} {item['name']}"

    assert [by_name(item) for item in sorted(kept, key=by_name)] == sorted(map(by_name, wanted))
    for left, right in zip(sorted(kept, key=by_name), sorted(wanted, key=by_name), strict=True):
        assert same(left, right)


def vectors(name: str, *keys: str) -> list[Any]:
    found = corpus_files(f"arm-bicep-oracle/{name}")
    source = read_json(found[0]) if found else {}
    return [item for key in keys for item in source.get(key, [])]


@pytest.mark.parametrize(
    "row", vectors("function-vectors.json", "vectors"), ids=lambda row: row["expression"]
)
def test_function_vector(row: dict[str, Any]) -> None:
    """A single call gives the value that the service's own engine gave."""
    assert same(value_of(row["expression"][1:-1]), row["expected"])


@pytest.mark.parametrize(
    "row",
    vectors("hash-vectors.json", "uniqueString", "guid"),
    ids=lambda row: f"{row['function']}{row['args']}",
)
def test_hash_vector(row: dict[str, Any]) -> None:
    """`uniqueString` and `guid` give Azure's own values: names of real resources depend on it."""
    args = ", ".join("'" + arg.replace("'", "''") + "'" for arg in row["args"])
    assert value_of(f"{row['function']}({args})") == row["expected"]
