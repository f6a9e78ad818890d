"""The expressions that runs know: `@pipeline().parameters.x`, `@activity('a').output.y` and, in a dataset,
`@dataset().x`.

Pure. Everything else that Data Factory would evaluate is named by ``unplayed``, so that a run can refuse it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_STEP = r"(?:\.\w+|\['(?:[^']|'')+'\]|\[\d+\])"
_PARAMETER = re.compile(rf"@pipeline\(\)\.parameters({_STEP}+)")
_OUTPUT = re.compile(rf"@activity\('((?:[^']|'')+)'\)\.output({_STEP}*)")
_DATASET = re.compile(r"@dataset\(\)\.(\w+)")
_STEPS = re.compile(r"\.(\w+)|\['((?:[^']|'')+)'\]|\[(\d+)\]")


class EvaluationError(Exception):
    """What an expression asks for is not there; the message is Data Factory's."""


@dataclass(frozen=True)
class Values:
    """What expressions can see: the run's parameters, and the outputs of the activities that have ended."""

    parameters: Mapping[str, Any]
    outputs: Mapping[str, Any]


IN_PIPELINES = (_PARAMETER, _OUTPUT)
IN_DATASETS = (_DATASET,)


def unplayed(value: Any, played: tuple[re.Pattern[str], ...] = IN_PIPELINES) -> Iterator[str]:
    """The expressions in a JSON value that the sandbox does not know."""
    if isinstance(value, str):
        if _is_expression(value) and not any(known.fullmatch(value) for known in played):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from unplayed(item, played)
    elif isinstance(value, list):
        for item in value:
            yield from unplayed(item, played)


def in_dataset(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A JSON value of a dataset with its parameters put in. Raises EvaluationError."""
    if isinstance(value, Mapping):
        if value.get("type") == "Expression" and isinstance(value.get("value"), str):
            return in_dataset(value["value"], parameters)
        return {key: in_dataset(item, parameters) for key, item in value.items()}
    if isinstance(value, str) and (found := _DATASET.fullmatch(value)):
        return _walk(value, parameters, f".{found[1]}")
    return value


def resolved(value: Any, values: Values) -> Any:
    """A JSON value with its expressions replaced by what they stand for. Raises EvaluationError."""
    if isinstance(value, Mapping):
        if value.get("type") == "Expression" and isinstance(value.get("value"), str):
            return resolved(value["value"], values)
        return {key: resolved(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, values) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("@@"):
        return value[1:]
    if parameter := _PARAMETER.fullmatch(value):
        return _walk(value, values.parameters, parameter[1])
    if output := _OUTPUT.fullmatch(value):
        name = output[1].replace("''", "'")
        if name not in values.outputs:
            raise EvaluationError(_unknown(value, name, values.outputs))
        return _walk(value, values.outputs[name], output[2])
    return value


def _is_expression(text: str) -> bool:
    return (text.startswith("@") and not text.startswith("@@")) or "@{" in text.replace("@@{", "")


def _walk(expression: str, value: Any, path: str) -> Any:
    for name, quoted, index in _STEPS.findall(path):
        key = name or quoted.replace("''", "'")
        if index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif key and isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            raise EvaluationError(_unknown(expression, key or index, value))
    return value


def _unknown(expression: str, name: str, value: Any) -> str:
    # https://github.com/MicrosoftDocs/azure-docs/issues/5643
    known = ", ".join(value) if isinstance(value, Mapping) else ""
    return (
        f"The template language expression '{expression[1:]}' cannot be evaluated because property '{name}' "
        f"doesn't exist, available properties are '{known}'."
    )
