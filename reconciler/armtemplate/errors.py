"""What can be wrong with a template, and where.

TemplateError          the only exception that leaves this package; holds every Fault found
Problem                internal: one expression failed; becomes a Fault once its place is known
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file. Lines and columns count from 1; 0 means that the text is not known."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return (
            f"{self.file or 'template'}:{self.line}:{self.column}" if self.line else self.file or "template"
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: what, where in the file, and where in the expression (from 1)."""

    message: str
    position: Position = Position()
    path: str = "$"
    expression: str | None = None
    expression_column: int | None = None

    def __str__(self) -> str:
        text = f"{self.position}: {self.message}"
        if self.path != "$":
            text += f" (at {self.path}"
            if self.expression is not None:
                shown = self.expression if len(self.expression) <= 160 else self.expression[:157] + "..."
                text += f", in {shown}"
                if self.expression_column:
                    text += f" column {self.expression_column}"
            text += ")"
        return text


class TemplateError(Exception):
    """The template, its parameters or their combination cannot be evaluated.

    `faults` holds everything found, in the order found; `str()` is one line for each.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word without regard to case, "" where none is near."""
    folded = {name.lower(): name for name in known}
    near = get_close_matches(word.lower()[:100], folded, 1, 0.75)
    return f"; did you mean '{folded[near[0]]}'?" if near else ""


class Problem(Exception):
    """One expression cannot be evaluated.

    `column` counts from 1 in the expression's text with its brackets. `silent` marks the echo of a
    fault that is reported already, such as the use of a variable that is itself broken.
    """

    def __init__(self, message: str, column: int | None = None, *, silent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.silent = silent
