"""The JSON Schema of an environment file, for editors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from reconciler.environment import values
from reconciler.environment.checks import ALTERNATIVES
from reconciler.environment.model import Environment
from reconciler.yamlfile import Step

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generated(GenerateJsonSchema):
    """With defaults as a file writes them."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return values.duration_text(dft)
        if isinstance(dft, values.Limit):
            return str(dft) if dft.percent else dft.amount
        return super().encode_default(dft)


@cache
def model_schema() -> dict[str, Any]:
    """The schema of a whole environment, with all that is required of it."""
    schema = Environment.model_json_schema(by_alias=True, schema_generator=_Generated)
    entries = schema["$defs"]["KeyVault"]["properties"]["secrets"]["patternProperties"]
    for pattern, secret in entries.items():
        entries[pattern] = {"anyOf": [{"type": "string"}, secret]}
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
    return {"$schema": DIALECT, **_lean(schema, keep_titles=True)}


def _lean(part: Any, *, keep_titles: bool = False) -> Any:
    """A schema without what pydantic adds and no editor needs: titles made from keys, defaults of null."""
    if isinstance(part, list):
        return [_lean(item) for item in part]
    if not isinstance(part, dict):
        return part
    lean = {}
    for key, value in part.items():
        if key in ("properties", "patternProperties", "$defs"):
            lean[key] = {name: _lean(below) for name, below in value.items()}
        elif key in ("examples", "enum", "const"):
            lean[key] = value
        elif not (key == "title" and not keep_titles) and not (key == "default" and value is None):
            lean[key] = _lean(value)
    return lean


def object_at(schema: Mapping[str, Any], path: tuple[Step, ...]) -> dict[str, Any]:
    """The part of a schema that describes the value at a path; any number stands for an item of a list."""
    here = _follow(schema, schema)
    for step in path:
        below = here.get("items") or here.get("properties", {}).get(step) or next(iter(_entries(here)), {})
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
    for below in (*here.get("properties", {}).values(), *_entries(here)):
        yield from _merging(below, schema, seen)


def _entries(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What describes the values of a map whose keys are free."""
    other = part.get("additionalProperties")
    return [*part.get("patternProperties", {}).values(), *([other] if isinstance(other, dict) else [])]
