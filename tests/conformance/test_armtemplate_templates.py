"""The evaluator on real templates of others: it evaluates them, or says clearly what it cannot do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.templates import NO_CORPUS, corpus_files, corpus_name, read_text

from reconciler.armtemplate import Context, TemplateError, evaluate, parse, parse_parameters, to_json
from reconciler.armtemplate.reader import Template

PATTERNS = ("arm-quickstarts/**/*.json", "arm-bicep-oracle/compiled-templates/*.json")
PUBLISHED = ("adf-repos/_published-pairs/**/*.json", "adf-repos/_gallery-templates/**/*.json")
A_MOMENT = "2026-01-31T20:15:00Z"
AN_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/"
    "Microsoft.Storage/storageAccounts/given"
)
OWN_VALUES = {
    # Parameters whose text is taken apart by the template, so that any text would not do.
    "PauseTime": A_MOMENT,
    "ResumeTime": A_MOMENT,
    "someArray": ["a", "b", "c"],
}
ACCOUNTS = [{"name": f"account{place}", "location": "westeurope"} for place in range(3)]
REFUSED = {
    "arm-bicep-oracle/compiled-templates/Loops_LF.json": "reads one element more than its own variable has",
    "arm-bicep-oracle/compiled-templates/LoopsIndexed_LF.json": "reads one element more than its own variable has",
}


def templates(*patterns: str) -> list[Path]:
    return [path for path in corpus_files(*patterns) if is_template(path)]


def is_template(path: Path) -> bool:
    try:
        root = parse(read_text(path)).root
    except (TemplateError, UnicodeDecodeError):
        return False
    return isinstance(root, dict) and "deploymenttemplate.json" in str(root.get("$schema")).lower()


def own_value(name: str, schema: dict[str, Any]) -> Any:
    """A value of the parameter's type."""
    if name.lower() in {key.lower() for key in OWN_VALUES}:
        return next(value for key, value in OWN_VALUES.items() if key.lower() == name.lower())
    if schema.get("allowedValues"):
        return schema["allowedValues"][0]
    kind = str(schema.get("type", "string")).lower()
    plain = {"int": schema.get("minValue", 1), "bool": True, "object": {}, "secureobject": {}}
    if kind == "array":
        return ACCOUNTS if name == "accounts" else []
    most = schema.get("maxLength", 20)
    return plain.get(kind, name.lower().ljust(max(schema.get("minLength", 1), 8), "x")[:most])


def parameters_of(path: Path, source: Template) -> dict[str, Any]:
    """The parameters that lie beside the template, with values of our own for placeholders and missing ones."""
    beside = path.with_name(path.stem + ".parameters.json")
    values = parse_parameters(read_text(beside), beside.name) if beside.exists() else {}
    for name, schema in (source.root.get("parameters") or {}).items():
        given = values.get(name)
        if isinstance(given, str) and given.startswith(("GEN-", "GET-PREREQ-")):
            values[name] = AN_ID if name.lower().endswith("resourceid") else own_value(name, schema)
        elif name not in values and "defaultValue" not in schema and not schema.get("nullable"):
            values[name] = own_value(name, schema)
    return values


FILES = templates(*PATTERNS)
pytestmark = pytest.mark.skipif(not FILES, reason=NO_CORPUS)


@pytest.mark.parametrize("path", FILES, ids=corpus_name)
def test_template_evaluates(path: Path) -> None:
    """A real template evaluates with its parameters to resources that are plain JSON, each with an id."""
    source = parse(read_text(path), path.name)
    values = parameters_of(path, source)
    if corpus_name(path) in REFUSED:
        with pytest.raises(TemplateError, match=r"out of bounds"):
            evaluate(source, values, Context(location="westeurope"))
        return
    made = evaluate(source, values, Context(location="westeurope"))
    for item in made.resources:
        assert item.id.startswith("/")
        assert item.id.lower().endswith("/" + item.name.rpartition("/")[2].lower())
        json.dumps(to_json(item.body))
        assert set(item.depends_on) <= {other.id for other in made.resources}


def test_few_are_refused() -> None:
    """At most 2 of 100 real templates are refused, and each of those is named with its reason."""
    assert len(REFUSED) <= len(FILES) * 0.02


@pytest.mark.parametrize("path", templates(*PUBLISHED), ids=corpus_name)
def test_published_template_evaluates(path: Path) -> None:
    """What Data Factory itself publishes evaluates, or is refused where it is not a template of Azure."""
    source = parse(read_text(path), path.name)
    types = [str(item.get("type")) for item in source.root["resources"]]
    values = parameters_of(path, source)
    if not all("/" in name for name in types):
        with pytest.raises(TemplateError, match="incorrect segment lengths"):
            evaluate(source, values, Context(location="westeurope"))
        return
    assert evaluate(source, values, Context(location="westeurope")).resources
