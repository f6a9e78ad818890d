"""What the model finds wrong, in words for people and with the place in the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.environment.rule import FAULT, shown
from reconciler.environment.schema import model_schema, object_at
from reconciler.environment.suggest import did_you_mean
from reconciler.errors import Fault
from reconciler.yamlfile import Node, Place, Step, kind

WANTED = {
    "string_type": "text",
    "bool_type": "`true` or `false`",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
"""pydantic's error types that say only that a value is of another kind."""


def faults(
    error: ValidationError, tree: Node, told: Collection[Place], partial: bool
) -> Iterator[tuple[Place, Fault]]:
    """Every error of the model with its place.

    told: places whose value is known to be wrong already, which are left out.
    partial: some of the input could not be read, so nothing is said to be missing."""
    schema = model_schema()
    details = error.errors(include_url=False)
    wrong_inside = {detail["loc"][:-1] for detail in details}
    for detail in details:
        if detail["type"] == "too_short" and detail["loc"] in wrong_inside:
            continue  # pydantic counts only the items that are right
        node, path, rest = _locate(tree, detail["loc"])
        is_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
        missing = detail["type"] == "missing"
        if missing and partial:
            continue
        place = node.key if node.key and (is_key or (missing and rest)) else node.place
        if place in told and not (missing and rest):
            continue
        name = _name(rest or path)
        around = object_at(schema, path if rest else path[:-1])
        yield place, Fault(str(place), *_words(detail, name, around))


def _locate(tree: Node, steps: tuple[Step, ...]) -> tuple[Node, tuple[Step, ...], tuple[Step, ...]]:
    """The node nearest to a location, its path, and the steps that lead to no node (a missing key)."""
    node = tree
    path: list[Step] = []
    rest: list[Step] = []
    for step in steps:
        child = node.child(step)
        if child is None:
            rest += [step] if step != "[key]" else []
        else:
            node = child
            path.append(step)
    return node, tuple(path), tuple(rest)


def _name(path: tuple[Step, ...]) -> str:
    """The key that a path ends in; of an item of a list, that of the list."""
    return next((step for step in reversed(path) if isinstance(step, str)), "the file")


def _words(detail: ErrorDetails, name: str, around: Mapping[str, Any]) -> tuple[str, str]:
    code, context = detail["type"], detail.get("ctx", {})
    known: Mapping[str, Any] = around.get("properties", {})
    if code == FAULT:
        return str(context["message"]), str(context["hint"])
    if code == "missing":
        return f"`{name}` is missing.", _example(known.get(name, {}))
    if code == "extra_forbidden":
        return f"`{name}` is not known here.", did_you_mean(name, known) or f"Known are {', '.join(known)}."
    if code == "literal_error":
        choices = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
        one = f"It must be {' or '.join(choices)}." if len(choices) > 1 else f"Write `{choices[0]}`."
        guess = did_you_mean(str(detail["input"]), choices)
        return f"{shown(detail['input'])} cannot be the value of `{name}`.", guess or one
    if code in ("string_too_short", "too_short"):
        return f"`{name}` must not be empty.", ""
    if code in WANTED:
        return _wrong_kind(code, name, detail["input"])
    return f"`{name}`: {detail['msg'][0].lower()}{detail['msg'][1:]}.", ""


def _wrong_kind(code: str, name: str, value: object) -> tuple[str, str]:
    hint = ""
    if code == "string_type" and isinstance(value, int | float):
        hint = "Put it in quotes."
    elif code == "bool_type" and isinstance(value, str):
        hint = "Write it without quotes."
    elif code == "tuple_type":
        hint = "Put `- ` before each item, or write [a, b]."
    return f"`{name}` must be {WANTED[code]}, not {kind(value)}.", hint


def _example(schema: Mapping[str, Any]) -> str:
    examples = [
        *schema.get("examples", []),
        *schema.get("enum", []),
        *([schema["const"]] if "const" in schema else []),
    ]
    return f"For example `{examples[0]}`." if examples and isinstance(examples[0], str) else ""
