"""Databricks' source format: a notebook as text, in cells. Pure.

https://docs.databricks.com/en/notebooks/notebook-export-import.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
_DEFAULT = {"PYTHON": "python", "SQL": "sql", "SCALA": "scala", "R": "r"}
_HEADER = "Databricks notebook source"
_MAGIC = re.compile(r"%([\w-]+)[ \t]*\n?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """One command: its kind (`python`, `sql`, `md`, `run`, …), its text, and the line where it begins."""

    kind: str
    text: str
    line: int


def cells(language: str, source: str) -> list[Cell]:
    """The commands of a notebook, without the empty ones."""
    mark = _COMMENT[language]
    lines = source.replace("\r\n", "\n").split("\n")
    separator = re.compile(rf"{re.escape(mark)} COMMAND -+\s*")
    found: list[Cell] = []
    start = 1 if lines[0].strip() == f"{mark} {_HEADER}" else 0
    for first, part in _parts(lines, start, separator):
        while part and not part[0].strip():
            part, first = part[1:], first + 1
        if any(line.strip() for line in part):
            found.append(_cell(language, mark, part, first + 1))
    return found


def _parts(lines: list[str], start: int, separator: re.Pattern[str]) -> Iterator[tuple[int, list[str]]]:
    first = start
    for at in range(start, len(lines)):
        if separator.fullmatch(lines[at]):
            yield first, lines[first:at]
            first = at + 1
    yield first, lines[first:]


def _cell(language: str, mark: str, lines: list[str], line: int) -> Cell:
    prefix = f"{mark} MAGIC"
    lines = ["" if text.startswith(f"{mark} DBTITLE") else text for text in lines]
    if not all(text.startswith(prefix) for text in lines if text.strip()):
        return Cell(_DEFAULT[language], "\n".join(lines), line)
    texts = [text[len(prefix) :].removeprefix(" ") for text in lines]
    found = _MAGIC.match("\n".join(texts).lstrip())
    if found is None:
        return Cell(_DEFAULT[language], "\n".join(texts), line)
    return Cell(found[1], found[2].rstrip(), line)
