"""Templates for tests: short ones to write by hand, and those of the corpus."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.armtemplate import Context, Evaluation, Template, evaluate, to_json

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
CORPUS = Path(os.environ["RECONCILER_CORPUS"]) if os.environ.get("RECONCILER_CORPUS") else None
CONTEXT = Context(subscription_id="S", resource_group="G", location="westeurope")
NO_CORPUS = "RECONCILER_CORPUS is not set: there are no templates of others to evaluate"


def template(*resources: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
    """A template with these resources and sections."""
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **sections}


def thing(name: str = "x", **fields: Any) -> dict[str, Any]:
    """A resource of a made-up type."""
    return {"type": "A.B/things", "apiVersion": "2020-01-01", "name": name, **fields}


def thing_id(name: str) -> str:
    """The id of such a resource in the context of these tests."""
    return f"/subscriptions/S/resourceGroups/G/providers/A.B/things/{name}"


def value_of(expression: str, context: Context = CONTEXT, **sections: Any) -> Any:
    """What an expression (without brackets) gives."""
    box = {"it": f"[{expression}]"}
    made = evaluate(template(outputs={"o": {"type": "object", "value": box}}, **sections), {}, context)
    return made.outputs["o"].value["it"]


def run(source: Mapping[str, Any] | Template, parameters: Mapping[str, Any] | None = None) -> Evaluation:
    """The evaluation in the context of these tests."""
    return evaluate(source, parameters, CONTEXT)


def plain(made: Evaluation) -> list[dict[str, Any]]:
    """Resources as the documentation shows them: their fields, with type and full name."""
    return [
        {
            "id": item.id,
            "type": item.type,
            "apiVersion": item.api_version,
            "name": item.name,
            **to_json(item.body),
        }
        for item in made.resources
        if not item.existing
    ]


def corpus_files(*patterns: str) -> list[Path]:
    """Files of the corpus; none where it is not there."""
    if CORPUS is None:
        return []
    return sorted(path for pattern in patterns for path in CORPUS.glob(pattern) if path.is_file())


def corpus_name(path: Path) -> str:
    assert CORPUS is not None
    return path.relative_to(CORPUS).as_posix()


def read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def read_json(path: Path) -> Any:
    return json.loads(read_text(path))
