"""A notebook's forms are turned into each other without loss."""

from __future__ import annotations

import json

import pytest

from sandbox.services.databricks import notebook_formats as formats

PYTHON = """# Databricks notebook source
# MAGIC %md
# MAGIC # Bikes
# MAGIC
# MAGIC by the hour

# COMMAND ----------

# MAGIC %sql
# MAGIC select 1

# COMMAND ----------

hours = [
    1,

    2,
]"""


@pytest.mark.parametrize(
    "sent",
    [
        PYTHON,
        PYTHON + "\n",
        PYTHON + "\n\n\n",
        PYTHON.replace("\n", "\r\n"),
        "\ufeff" + PYTHON,
        PYTHON.removeprefix("# Databricks notebook source\n"),
        PYTHON.replace("\n\n# COMMAND ----------\n\n", "\n# COMMAND ----------\n"),
    ],
)
def test_what_the_service_keeps_has_one_form(sent: str) -> None:
    """Line ends, the header, blank lines around cells and the newline at the end make no difference."""
    assert formats.normal("PYTHON", sent) == PYTHON


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "SQL",
            "-- Databricks notebook source\nselect 1\n\n-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC 1",
        ),
        ("SCALA", "// Databricks notebook source\nval x = 1\n\n// COMMAND ----------\n\n// MAGIC %md hello"),
        ("R", "# Databricks notebook source\nx <- 1"),
    ],
)
def test_every_language_has_its_own_comment(language: str, text: str) -> None:
    assert formats.normal(language, text) == text
    assert len(formats.cells(language, text)) == text.count("COMMAND ----------") + 1


def test_source_becomes_jupyter_and_comes_back() -> None:
    """Markdown and magic cells lose their comments on the way out and have them again on the way back."""
    document = json.loads(formats.to_jupyter("prep", "PYTHON", PYTHON))
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in document["cells"]]
    assert kinds == [
        ("markdown", "# Bikes\n\nby the hour"),
        ("code", "%sql\nselect 1"),
        ("code", "hours = [\n    1,\n\n    2,\n]"),
    ]
    assert formats.from_jupyter(json.dumps(document)) == ("PYTHON", PYTHON)


def test_a_notebook_of_jupyter_itself_is_taken() -> None:
    """Its kernel tells the language; outputs are not kept; texts may be one string."""
    document = {
        "cells": [{"cell_type": "code", "source": "1 + 1\n", "outputs": [{"text": "2"}], "metadata": {}}],
        "metadata": {"kernelspec": {"name": "ir", "language": "R"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    assert formats.from_jupyter(json.dumps(document)) == ("R", "# Databricks notebook source\n1 + 1")


@pytest.mark.parametrize("broken", ["", "[]", "{}", '{"cells": [{}]}', '{"cells": 7}'])
def test_what_is_no_notebook_is_refused(broken: str) -> None:
    with pytest.raises(formats.FormatError):
        formats.from_jupyter(broken)


@pytest.mark.parametrize(
    ("path", "content", "language"),
    [
        ("/a/x.py", b"# Databricks notebook source\nprint()", "PYTHON"),
        ("/a/x.py", b"# Databricks notebook source\r\nprint()", "PYTHON"),
        ("/a/x.py", b"# Databricks notebook source", "PYTHON"),
        ("/a/x.PY", b"# Databricks notebook source\n", "PYTHON"),
        ("/a/x.sql", b"-- Databricks notebook source\n", "SQL"),
        ("/a/x.scala", b"// Databricks notebook source\n", "SCALA"),
        ("/a/x.py", b"print()", None),
        ("/a/x.py", b"\n# Databricks notebook source\n", None),
        ("/a/x.sql", b"# Databricks notebook source\n", None),
        ("/a/x.txt", b"# Databricks notebook source\n", None),
    ],
)
def test_extension_and_header_make_a_notebook(path: str, content: bytes, language: str | None) -> None:
    """Either alone does not: then the file stays a file."""
    assert formats.language_of(path, content) == language
