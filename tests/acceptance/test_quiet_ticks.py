"""A tick without changes: it makes no call that it need not make, however many resources there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.sandbox import ROOT

from benchmarks.parts.estate import Estate
from benchmarks.parts.place import expected, place


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.prove)])
def test_a_tick_without_changes_reads_each_arm_resource_and_each_page_once(
    count: int, tmp_path: Path
) -> None:
    """Counted in the sandbox's journal. A second look at anything would cost a call for each resource."""
    with place(Estate.of("quiet", count), folder=tmp_path) as there:
        (estate,) = there.estates
        assert estate.count == count
        first, second = (there.calls()["quiet"] for _ in range(2))
        assert [(call["method"], call["path"]) for call in first if call["method"] != "GET"] == []
        assert len(first) == len(second) == expected(estate)
        assert len({(call["host"], call["path"], str(call["query"])) for call in first}) == len(first)


@pytest.mark.parametrize("words", [("-c", "import function_app"), ("-m", "reconciler", "--help")])
def test_what_is_heavy_is_imported_when_it_is_needed(words: tuple[str, ...]) -> None:
    """A cold start imports what it answers with, and none of the SDKs that a tick needs."""
    heavy = ("azure.mgmt", "azure.identity", "azure.storage", "azure.keyvault", "databricks", "pyspark",
             "pydantic", "git", "dulwich", "ruamel", "jinja2", "requests", "cryptography")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert [name for name in sorted(imported) if name.startswith(heavy)] == []
