"""A notebook's forms: Databricks source, Jupyter, and which of a file's forms it is. Pure.

docs.databricks.com, "Export and import Databricks notebooks": a source file begins with the header line in
the language's comment, cells are parted by `COMMAND ----------`, cells of another kind are commented with
`MAGIC`. Exported source has no newline at its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

COMMENTS: Mapping[str, str] = {"PYTHON": "#", "R": "#", "SQL": "--", "SCALA": "//"}
EXTENSIONS: Mapping[str, str] = {".py": "PYTHON", ".r": "R", ".sql": "SQL", ".scala": "SCALA"}
_SUFFIX = {language: suffix for suffix, language in EXTENSIONS.items()}
_KERNELS = {"python": "PYTHON", "python3": "PYTHON", "r": "R", "ir": "R", "sql": "SQL", "scala": "SCALA"}
_HEADER = "Databricks notebook source"
_DATABRICKS = "application/vnd.databricks.v1+notebook"


class FormatError(Exception):
    """The text is no notebook of the form it was said to be."""


def header(language: str) -> str:
    """The first line of a source file."""
    return f"{COMMENTS[language]} {_HEADER}"


def language_of(path: str, content: bytes) -> str | None:
    """The language when AUTO takes a file for a source notebook: by extension and first line."""
    language = EXTENSIONS.get(PurePosixPath(path).suffix.lower())
    first = content.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r ")
    return language if language and first == header(language).encode() else None


def suffix(language: str) -> str:
    """The extension of an exported source file, `.py`."""
    return _SUFFIX[language]


def cells(language: str, text: str) -> list[str]:
    """The commands of a source text, with or without the header line."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].rstrip() == header(language):
        lines = lines[1:]
    separator = f"{COMMENTS[language]} COMMAND ----------"
    found: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == separator:
            found.append([])
        else:
            found[-1].append(line)
    return ["\n".join(cell).strip("\n") for cell in found]


def source(language: str, commands: Sequence[str]) -> str:
    """The source text of commands, as an export answers it."""
    comment = COMMENTS[language]
    return f"{header(language)}\n" + f"\n\n{comment} COMMAND ----------\n\n".join(commands)


def normal(language: str, text: str) -> str:
    """A source text as the service keeps it: header, line ends, blank lines around cells."""
    return source(language, cells(language, text))


def from_jupyter(text: str) -> tuple[str, str]:
    """Language and source text of an `.ipynb`. Outputs are not kept. Raises FormatError."""
    try:
        document = json.loads(text)
        found = [(str(cell["cell_type"]), _text(cell.get("source", ""))) for cell in document["cells"]]
    except (ValueError, KeyError, TypeError) as fault:
        raise FormatError(f"The notebook is no valid Jupyter notebook: {fault!r}") from None
    language = _jupyter_language(document.get("metadata") or {})
    comment = COMMENTS[language]
    commands = []
    for kind, body in found:
        body = f"%md\n{body}" if kind == "markdown" and not body.startswith("%md") else body
        magic = kind == "markdown" or body.lstrip().startswith("%")
        commands.append(_magic(comment, body) if magic else body.strip("\n"))
    return language, source(language, commands or [""])


def to_jupyter(name: str, language: str, text: str) -> str:
    """The `.ipynb` of a source text."""
    document = {
        "cells": [_jupyter_cell(COMMENTS[language], cell) for cell in cells(language, text)],
        "metadata": {
            _DATABRICKS: {"language": language.lower(), "notebookName": name, "widgets": {}},
            "language_info": {"name": language.lower()},
        },
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    return json.dumps(document, indent=1)


def _jupyter_cell(comment: str, cell: str) -> dict[str, Any]:
    prefix = f"{comment} MAGIC"
    lines = cell.split("\n")
    if all(line.startswith(prefix) for line in lines):
        cell = "\n".join(line[len(prefix) :].removeprefix(" ") for line in lines)
        if cell.startswith("%md") and not cell.startswith("%md-"):
            body = cell.removeprefix("%md").removeprefix("\n").removeprefix(" ")
            return {"cell_type": "markdown", "metadata": {}, "source": _lines(body)}
    return {
        "cell_type": "code",
        "execution_count": 0,
        "metadata": {},
        "outputs": [],
        "source": _lines(cell),
    }


def _magic(comment: str, body: str) -> str:
    return "\n".join(f"{comment} MAGIC {line}".rstrip() for line in body.strip("\n").split("\n"))


def _jupyter_language(metadata: Mapping[str, Any]) -> str:
    named = (
        (metadata.get(_DATABRICKS) or {}).get("language"),
        (metadata.get("language_info") or {}).get("name"),
        (metadata.get("kernelspec") or {}).get("language"),
        (metadata.get("kernelspec") or {}).get("name"),
    )
    return next((_KERNELS[str(one).lower()] for one in named if str(one).lower() in _KERNELS), "PYTHON")


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
