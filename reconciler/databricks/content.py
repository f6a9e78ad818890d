"""What a notebook says, without what the workspace rewrites: two notebooks are the same if this is.

SOURCE: the workspace keeps cells, not the file. An export begins with the header, has one blank line around
each `# COMMAND ----------`, and no newline, or one, at its end; editors take the space off an
empty `# MAGIC ` (https://learn.microsoft.com/azure/databricks/notebooks/notebook-format).
JUPYTER: an export gives each cell a `nuid`, run times and limits under `application/vnd.databricks.v1+cell`,
resets execution counts, and shows a cell that begins with `%md` as Markdown, and the other way round.
Workspace files are kept byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

COMMENTS: Final = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
"""What begins a comment in each language that a notebook can have."""
HEADER: Final = "Databricks notebook source"
SEPARATOR: Final = "COMMAND ----------"
MAGIC: Final = "MAGIC"
NOTEBOOK_METADATA: Final = "application/vnd.databricks.v1+notebook"
CELL_METADATA: Final = "application/vnd.databricks.v1+cell"
LANGUAGES: Final = {
    "python": "PYTHON",
    "python3": "PYTHON",
    "ipython": "PYTHON",
    "sql": "SQL",
    "scala": "SCALA",
    "r": "R",
    "ir": "R",
}
"""How Jupyter's metadata name a language."""


def header(language: str) -> str:
    return f"{COMMENTS[language]} {HEADER}"


def lines(text: str) -> list[str]:
    """Lines as an author sees them, whatever ends them; other separators of Unicode belong to a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def canonical(kind: str, language: str, format: str, content: bytes) -> bytes:
    """The content without what the service rewrites. The result read again is itself.

    kind: `notebook` or `file`. What is no text, or no notebook in that format, stays as it is."""
    if kind != "notebook":
        return content
    try:
        text = content.decode("utf-8-sig")
        told = _jupyter(json.loads(text), language) if format == "JUPYTER" else _source(text, language)
        return told.encode()
    except (ValueError, RecursionError):
        return content


def digest(kind: str, language: str, format: str, content: bytes) -> str:
    """`sha256:…` of the canonical content and of what kind of object holds it."""
    begin = f"{kind}\0{language}\0".encode()
    return "sha256:" + hashlib.sha256(begin + canonical(kind, language, format, content)).hexdigest()


def jupyter_language(notebook: Mapping[str, Any]) -> str:
    """The language as the metadata name it: Databricks' own word first; `python` where they say nothing."""
    metadata = _map(notebook.get("metadata"))
    for place, field in (
        (NOTEBOOK_METADATA, "language"),
        ("kernelspec", "language"),
        ("language_info", "name"),
    ):
        named = _map(metadata.get(place)).get(field)
        if isinstance(named, str) and named:
            return named
    return "python"


# Source


def _source(text: str, language: str) -> str:
    comment = COMMENTS.get(language, "#")
    said = lines(text.removeprefix("\ufeff"))
    if said[0].rstrip() == f"{comment} {HEADER}":
        said = said[1:]
    cells = ["\n".join(_trimmed(_magic(cell, comment))) for cell in _cells(said, f"{comment} {SEPARATOR}")]
    between = f"\n\n{comment} {SEPARATOR}\n\n"
    return f"{comment} {HEADER}\n{between.join(cells)}\n"


def _cells(said: list[str], separator: str) -> Iterator[list[str]]:
    cell: list[str] = []
    for line in said:
        if line.rstrip() == separator:
            yield cell
            cell = []
        else:
            cell.append(line)
    yield cell


def _magic(cell: list[str], comment: str) -> list[str]:
    empty = f"{comment} {MAGIC}"
    return [empty if line.rstrip() == empty else line for line in cell]


def _trimmed(cell: list[str]) -> list[str]:
    """Without blank lines at either end."""
    first = next((index for index, line in enumerate(cell) if line.strip()), len(cell))
    last = next((index for index in range(len(cell), first, -1) if cell[index - 1].strip()), first)
    return cell[first:last]


# Jupyter


def _jupyter(notebook: Any, language: str) -> str:
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("no notebook")
    named = jupyter_language(notebook).lower()
    metadata: dict[str, Any] = {"language_info": {"name": language or LANGUAGES.get(named, named)}}
    dependencies = _dependencies(notebook)
    if dependencies:
        metadata[NOTEBOOK_METADATA] = {"environmentMetadata": {"dependencies": dependencies}}
    told = {
        "cells": [_cell(cell) for cell in notebook["cells"]],
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    return json.dumps(told, sort_keys=True, indent=1) + "\n"


def _dependencies(notebook: Mapping[str, Any]) -> Any:
    """The libraries of a notebook's own serverless environment; the service adds an empty one by itself."""
    own = _map(_map(notebook.get("metadata")).get(NOTEBOOK_METADATA))
    return _map(own.get("environmentMetadata")).get("dependencies")


def _cell(cell: Any) -> dict[str, Any]:
    cell = _map(cell)
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    said = _trimmed(lines(source if isinstance(source, str) else ""))
    kind = cell.get("cell_type") or "code"
    if kind == "code" and said and said[0].split()[:1] == ["%md"]:
        kind = "markdown"
    while kind == "markdown" and said and said[0].split()[:1] == ["%md"]:
        said = _trimmed([said[0].lstrip().removeprefix("%md").lstrip(), *said[1:]])
    told: dict[str, Any] = {
        "cell_type": str(kind),
        "metadata": {},
        "source": "\n".join(said),
    }
    shown = _map(_map(cell.get("metadata")).get(CELL_METADATA))
    if shown.get("showTitle") is True and isinstance(shown.get("title"), str):
        told["metadata"] = {CELL_METADATA: {"showTitle": True, "title": shown["title"]}}
    if told["cell_type"] == "code":
        told |= {"execution_count": None, "outputs": []}
    return told


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
