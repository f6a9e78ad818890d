"""A rule for a text, in a pattern and in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

FAULT = "fault"
"""The type of our own validation errors; their context holds `message` and `hint`."""


def fault(message: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError(FAULT, "{message} {hint}", {"message": message, "hint": hint})


def shown(value: object) -> str:
    """A value as a message quotes it, cut short."""
    text = str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


@dataclass(frozen=True)
class Rule:
    """A pattern that the whole text must match, with its meaning in words.

    Where `reference` is set, a `${…}` is let through; which ones may stand there is checked elsewhere."""

    pattern: str
    words: str
    example: str
    reference: bool = False
    quoted: bool = True
    """Whether a message may quote the value; not where it may hold a password."""
    normal: Callable[[str], str] = str
    hint: str = ""
    """Where to find it; by default the example."""

    def check(self, value: str) -> str:
        if self.reference and value.startswith("${"):
            return value
        if re.fullmatch(self.pattern, value) is None:
            name = shown(value) if self.quoted else "This"
            raise fault(f"{name} is not {self.words}.", self.hint or f"For example `{self.example}`.")
        return self.normal(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        pattern = rf"^\$\{{.*\}}$|^(?:{self.pattern})$" if self.reference else f"^(?:{self.pattern})$"
        return {**handler(schema), "pattern": pattern, "examples": [self.example]}


def from_text(parse: Callable[[str], Any], words: str) -> Callable[[object], Any]:
    def validate(value: object) -> Any:
        if not isinstance(value, str):
            if isinstance(value, int | float | bool | list | dict) or value is None:
                raise fault(f"{shown(value)} is not {words}.")
            return value  # a value of Python's own type, given by code
        return parse(value)

    return validate
