"""The ARM template language, evaluated offline. See README.md beside this file."""

from __future__ import annotations

from .context import Context, context_from_json
from .errors import Fault, Position, TemplateError
from .evaluate import Evaluation, NestedDeployment, Resource, evaluate
from .outputs import Output
from .parameters import parse_parameters
from .reader import Template, parse
from .resolve import resolve
from .values import KeyVaultReference, Unknown, to_json, to_template

__all__ = [
    "Context",
    "Evaluation",
    "Fault",
    "KeyVaultReference",
    "NestedDeployment",
    "Output",
    "Position",
    "Resource",
    "Template",
    "TemplateError",
    "Unknown",
    "context_from_json",
    "evaluate",
    "parse",
    "parse_parameters",
    "resolve",
    "to_json",
    "to_template",
]
