"""The functions of the template language: one table per page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import array, cidr, date, hash, lambda_, numeric, object, string
from .signature import Function

PURE: Final[Mapping[str, Function]] = {
    function.name.lower(): function
    for module in (array, cidr, date, hash, lambda_, numeric, object, string)
    for function in module.FUNCTIONS
}
"""Functions of their arguments alone, by their name in lower case."""
