"""The JSON Schema of an environment file, for editors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from reconciler.environment.checks import ALTERNATIVES
from reconciler.environment.model import Environment
from reconciler.yamlfile import Step

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def model_schema() -> dict[str, Any]:
    """The schema of a whole environment, with all that is required of it."""
    schema = Environment.model_json_schema(by_alias=True)
    secrets = schema["$defs"]["KeyVault"]["properties"]["secrets"]
    secrets["additionalProperties"] = {"anyOf": [{"type": "string"}, secrets["additionalProperties"]]}
    return schema


def json_schema() -> dict[str, Any]:
    """The schema of one file, for editors.

    A file may leave keys to the file that it extends, so a map that merges requires none here;
    an item of a list, which is replaced as a whole, does."""
    schema = deepcopy(model_schema())
    for pattern, names in ALTERNATIVES:
        item = object_at(schema, tuple(0 if step == "*" else step for step in pattern.split(".")))
        item["oneOf"] = [{"required": [name]} for name in names]
    for part in _merging(schema, schema, set()):
        part.pop("required", None)
        part.pop("oneOf", None)
    return {"$schema": DIALECT, **schema}


def object_at(schema: Mapping[str, Any], path: tuple[Step, ...]) -> dict[str, Any]:
    """The part of a schema that describes the value at a path; any number stands for an item of a list."""
    here = _follow(schema, schema)
    for step in path:
        other = here.get("additionalProperties")
        below = (
            here.get("items")
            or here.get("properties", {}).get(step)
            or (other if isinstance(other, dict) else {})
        )
        here = _follow(below, schema)
    return here


def _follow(part: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Through links and alternatives to the map or list that is meant, if any."""
    while "$ref" in part or "anyOf" in part:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
        else:
            part = next(
                (one for one in part["anyOf"] if "$ref" in one or one.get("type") in ("object", "array")), {}
            )
    return part if isinstance(part, dict) else dict(part)


def _merging(part: Mapping[str, Any], schema: Mapping[str, Any], seen: set[int]) -> Iterator[dict[str, Any]]:
    """The maps of a schema that no list holds."""
    here = _follow(part, schema)
    if id(here) in seen:
        return
    seen.add(id(here))
    yield here
    other = here.get("additionalProperties")
    for below in (*here.get("properties", {}).values(), *([other] if isinstance(other, dict) else [])):
        yield from _merging(below, schema, seen)
