"""The published schema: current, complete, and of use in an editor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.environment import json_schema
from reconciler.yamlfile import read

REPOSITORY = Path(__file__).parents[2]
COMMITTED = REPOSITORY / "schema" / "environment.schema.json"
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def properties(part: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = []
    if isinstance(part, dict):
        for name, below in part.get("properties", {}).items():
            found.append((f"{path}.{name}", below))
        for name, below in part.items():
            found += properties(below, f"{path}.{name}")
    elif isinstance(part, list):
        for below in part:
            found += properties(below, path)
    return found


def test_the_committed_schema_is_current() -> None:
    """Else: `reconciler schema > schema/environment.schema.json`."""
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == SCHEMA


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described() -> None:
    found = properties(SCHEMA)
    assert len(found) > 80
    assert [name for name, below in found if not below.get("description")] == []


@pytest.mark.parametrize("file", sorted(path.name for path in (REPOSITORY / "environments").glob("*.yaml")))
def test_the_sample_files_are_right_by_the_schema_each_by_itself(file: str) -> None:
    """Also the base, which lacks what the others add, and the others, which lack what the base says."""
    content = read((REPOSITORY / "environments" / file).read_bytes(), file).root.plain()
    assert [error.message for error in VALIDATOR.iter_errors(content)] == []


@pytest.mark.parametrize(
    "content",
    [
        {"nmae": "dev"},
        {"policy": {"sync": "automatic"}},
        {"azure": {"subscription": "one"}},
        {"azure": {"deployments": [{"name": "platform"}]}},
        {"keyVault": {"secrets": {"a": 5}}},
        {"checks": [{"name": "a", "http": "https://x.org", "databricksNotebook": "/a"}]},
        {"databricks": {"workspace": "https://evil.example.org"}},
        {"interval": "soon"},
    ],
)
def test_an_editor_marks_what_is_wrong(content: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(content)


def test_an_editor_takes_what_is_right() -> None:
    content = {
        "databricks": {"workspace": "${azure.platform.url}", "libraries": [{"build": "model/"}]},
        "keyVault": {"secrets": {"a": "${env:A}", "b": {"generate": {"length": 20}}}},
        "policy": {"limits": {"deletes": 3, "changes": "10%"}},
        "dataFactory": {"set": {"linkedService/*": {"properties.a": 1}}},
    }
    assert [error.message for error in VALIDATOR.iter_errors(content)] == []
