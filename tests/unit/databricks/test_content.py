"""Two notebooks are the same if the workspace's own rewriting is all that tells them apart."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.databricks import canonical, digest
from reconciler.databricks.content import COMMENTS

SENT = "# Databricks notebook source\nx = 1\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC \n# MAGIC text\n"


def source(text: str, language: str = "PYTHON") -> bytes:
    return canonical("notebook", language, "SOURCE", text.encode())


@pytest.mark.parametrize(
    "exported",
    [
        SENT.rstrip("\n"),
        SENT + "\n\n",
        SENT.replace("\n", "\r\n"),
        "\ufeff" + SENT,
        SENT.replace("# MAGIC \n", "# MAGIC\n"),
        SENT.replace("\n\n# COMMAND ----------\n\n", "\n# COMMAND ----------\n"),
        SENT.removeprefix("# Databricks notebook source\n"),
        SENT.replace("# Databricks notebook source\n", "# Databricks notebook source\n\n"),
    ],
    ids=["newline", "newlines", "crlf", "bom", "magic space", "blank lines", "header", "blank first line"],
)
def test_what_an_export_rewrites_is_no_difference(exported: str) -> None:
    assert source(exported) == source(SENT)


@pytest.mark.parametrize(
    "edited",
    [
        SENT.replace("x = 1", "x = 2"),
        SENT.replace("x = 1", " x = 1"),
        SENT.replace("x = 1", "x = 1\n\ny = 1"),
        SENT.replace("# COMMAND ----------", "# COMMAND ---------"),
        SENT + "\n# COMMAND ----------\n",
        SENT.replace("text", "Text"),
    ],
    ids=["value", "indent", "line", "joined cells", "empty cell", "case"],
)
def test_what_a_person_edits_is_a_difference(edited: str) -> None:
    assert source(edited) != source(SENT)


@pytest.mark.parametrize("language", COMMENTS)
def test_each_language_has_its_own_header_and_separator(language: str) -> None:
    comment = COMMENTS[language]
    text = f"{comment} Databricks notebook source\na\n{comment} COMMAND ----------\nb"
    assert source(text, language).decode().split("\n") == [
        f"{comment} Databricks notebook source",
        "a",
        "",
        f"{comment} COMMAND ----------",
        "",
        "b",
        "",
    ]


def test_a_file_is_kept_byte_for_byte() -> None:
    content = b"\xef\xbb\xbf# Databricks notebook source\r\n\xff"
    assert canonical("file", "", "AUTO", content) == content


def test_the_same_text_as_another_language_or_kind_is_another_content() -> None:
    text = SENT.encode()
    told = {
        digest("notebook", "PYTHON", "SOURCE", text),
        digest("notebook", "R", "SOURCE", text),
        digest("file", "", "AUTO", text),
    }
    assert len(told) == 3
    assert all(each.startswith("sha256:") and len(each) == 71 for each in told)


def jupyter(cells: list[dict[str, Any]], **metadata: Any) -> bytes:
    told = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return canonical("notebook", "PYTHON", "JUPYTER", json.dumps(told).encode())


def test_a_jupyter_notebook_is_the_same_after_import_runs_and_export() -> None:
    """The export bears outputs, counts, ids and marks of Databricks, and may name its language otherwise."""
    sent = jupyter(
        [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title\n", "more"]},
            {
                "cell_type": "code",
                "id": "b",
                "metadata": {},
                "execution_count": 3,
                "outputs": [],
                "source": "1 + 1\n",
            },
        ],
        kernelspec={"display_name": ".venv", "language": "python", "name": "python3"},
    )
    marks = {
        "application/vnd.databricks.v1+cell": {
            "nuid": "n",
            "showTitle": False,
            "title": "",
            "cellMetadata": {},
        }
    }
    came = jupyter(
        [
            {
                "cell_type": "code",
                "metadata": marks,
                "execution_count": 0,
                "outputs": [],
                "source": ["%md\n", "# Title\n", "more"],
            },
            {
                "cell_type": "code",
                "metadata": marks,
                "execution_count": 0,
                "outputs": [{"output_type": "stream", "name": "stdout", "text": ["2"]}],
                "source": ["1 + 1"],
            },
        ],
        **{
            "application/vnd.databricks.v1+notebook": {
                "language": "python",
                "widgets": {},
                "environmentMetadata": {"dependencies": []},
            }
        },
    )
    assert came == sent


@pytest.mark.parametrize(
    "cell",
    [
        {"cell_type": "code", "metadata": {}, "source": "1 + 2"},
        {"cell_type": "markdown", "metadata": {}, "source": "1 + 1"},
        {
            "cell_type": "code",
            "metadata": {"application/vnd.databricks.v1+cell": {"showTitle": True, "title": "Sum"}},
            "source": "1 + 1",
        },
    ],
    ids=["source", "kind", "title"],
)
def test_an_edited_jupyter_cell_is_a_difference(cell: dict[str, Any]) -> None:
    assert jupyter([cell]) != jupyter([{"cell_type": "code", "metadata": {}, "source": "1 + 1"}])


def test_libraries_of_a_notebooks_own_environment_count() -> None:
    mark = {"application/vnd.databricks.v1+notebook": {"environmentMetadata": {"dependencies": ["numpy"]}}}
    assert jupyter([], **mark) != jupyter([])


LINES = st.lists(
    st.sampled_from(
        [
            "# Databricks notebook source",
            "# COMMAND ----------",
            "# MAGIC ",
            "# MAGIC",
            "%md",
            "%md %md",
            "",
            "  ",
            "x",
            "\ufeff",
            "\r",
            "é",
        ]
    )
).map("\n".join)


@settings(deadline=None)
@given(LINES, st.sampled_from(["PYTHON", "SQL", "SCALA", "R"]))
def test_the_canonical_source_of_canonical_source_is_itself(text: str, language: str) -> None:
    once = source(text, language)
    assert source(once.decode(), language) == once


CELLS = st.lists(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown", "raw", None]), "source": LINES | st.lists(LINES)},
        optional={"id": st.text(max_size=2), "outputs": st.lists(st.integers(), max_size=1)},
    ),
    max_size=3,
)


@settings(deadline=None)
@given(CELLS)
def test_the_canonical_form_of_a_canonical_jupyter_notebook_is_itself(cells: list[dict[str, Any]]) -> None:
    once = jupyter(cells)
    assert canonical("notebook", "PYTHON", "JUPYTER", once) == once
    assert json.loads(once)["nbformat"] == 4


@settings(deadline=None)
@given(st.binary(), st.sampled_from(["SOURCE", "JUPYTER", "AUTO"]), st.sampled_from(["PYTHON", ""]))
def test_any_bytes_have_a_canonical_form(content: bytes, format: str, language: str) -> None:
    once = canonical("notebook", language, format, content)
    assert canonical("notebook", language, format, once) == once
