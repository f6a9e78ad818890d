"""Unknowns that can be answered now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compiler import bare_program
from .context import Context
from .deployment import Deployment
from .env import Env
from .errors import Fault, Problem, TemplateError
from .frame import Frame
from .reader import Template
from .run import Run
from .values import Unknown, find_key, quote


def resolve(value: Any, context: Context) -> Any:
    """The value with every Unknown replaced whose resources, lists and secrets the context can answer.

    What it cannot answer stays, folded as far as possible. Raises TemplateError where an answer does not fit
    the expression, such as a property that the resource does not have.
    """
    run = Run(context, Template({}))
    target = context.target(None)
    info = {"name": context.deployment_name, "properties": {}}
    frame = Frame(run, {}, run.source, (), target, {}, info)
    deployment = Deployment(run, frame, {}, run.source, (), target, None)
    env = Env(run, frame, deployment, arguments=_Secrets(context.secure_parameters))
    return _resolve(value, env)


class _Secrets(dict[str, Any]):
    """Every secure parameter has a value or is an Unknown; none is missing."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        held = find_key(self.known, name)
        if held is not None:
            return self.known[held]
        return Unknown(f"parameters({quote(name)})", True, (), (name,))


def _resolve(value: Any, env: Env) -> Any:
    if isinstance(value, Unknown):
        return _one(value, env)
    if isinstance(value, Mapping):
        return {key: _resolve(item, env) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve(item, env) for item in value]
    return value


def _one(value: Unknown, env: Env) -> Any:
    try:
        result = bare_program(value.expression)(env)
    except Problem as problem:
        fault = Fault(
            problem.message, path="$", expression=value.expression, expression_column=problem.column
        )
        raise TemplateError((fault,)) from None
    if isinstance(result, Unknown) and result.expression == value.expression:
        return value
    return result
