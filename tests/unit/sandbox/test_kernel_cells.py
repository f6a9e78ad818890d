"""Databricks' source format, read into cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kernel.cells import Cell, cells

HEADER = "# Databricks notebook source\n"
BREAK = "\n\n# COMMAND ----------\n\n"


def read(*parts: str, language: str = "PYTHON", header: str = HEADER) -> list[tuple[str, str]]:
    return [(cell.kind, cell.text) for cell in cells(language, header + BREAK.join(parts))]


def test_commands_are_cells() -> None:
    """Empty ones are none; the lines tell where an error is."""
    found = cells("PYTHON", f"{HEADER}a = 1{BREAK}{BREAK}b = 2\nc = 3\n")
    assert found == [Cell("python", "a = 1\n", 2), Cell("python", "b = 2\nc = 3\n", 10)]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("# MAGIC %md\n# MAGIC # Title", ("md", "# Title")),
        ("# MAGIC %md # Title", ("md", "# Title")),
        ("# MAGIC %sql select 1\n# MAGIC from x", ("sql", "select 1\nfrom x")),
        ('# MAGIC %run ./other $a="b"', ("run", './other $a="b"')),
        ("# MAGIC %pip install x", ("pip", "install x")),
        ("# MAGIC %md-sandbox\n# MAGIC x", ("md-sandbox", "x")),
        ("# MAGIC\n# MAGIC %md\n# MAGIC x", ("md", "x")),
        ("# DBTITLE 1,Name\n# MAGIC %md\n# MAGIC x", ("md", "x")),
        ("# MAGIC print(1)", ("python", "print(1)")),
        ("# COMMENT\nx = 1", ("python", "# COMMENT\nx = 1")),
        ("x = 1\n# MAGIC is a comment here", ("python", "x = 1\n# MAGIC is a comment here")),
    ],
)
def test_magics_name_the_kind_of_a_cell(text: str, cell: tuple[str, str]) -> None:
    assert read(text) == [cell]


def test_sql_notebooks_have_their_own_marks() -> None:
    source = (
        "-- Databricks notebook source\nselect 1\n\n-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC x = 1"
    )
    assert [(cell.kind, cell.text.strip()) for cell in cells("SQL", source)] == [
        ("sql", "select 1"),
        ("python", "x = 1"),
    ]


def test_lines_may_end_as_on_windows_and_the_header_may_be_missing() -> None:
    assert read("a = 1", "b = 2", header="")[1] == ("python", "b = 2")
    assert cells("PYTHON", f"{HEADER}a = 1{BREAK}b = 2".replace("\n", "\r\n"))[1].text == "b = 2"


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """A notebook is what somebody typed."""
    for language in ("PYTHON", "SQL", "SCALA", "R"):
        assert all(cell.text or cell.kind for cell in cells(language, text))
