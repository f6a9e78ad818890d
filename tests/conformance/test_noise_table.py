"""The page about noise tells the truth about the rules as they are."""

from __future__ import annotations

import pytest
from support.noise_table import DOC, document, measured, recordings
from support.recordings import CORPUS

pytestmark = pytest.mark.skipif(not CORPUS, reason="RECONCILER_CORPUS names no corpus")


def test_the_page_is_what_the_command_would_write() -> None:
    """A rule that was added or taken away moves its figures; `make noise` writes them anew."""
    page = DOC.read_text("utf-8")
    if f"recordings `{recordings()}`" not in page:
        pytest.skip("the page was made of other recordings than those that RECONCILER_CORPUS names")
    assert page == document(measured(), recordings()), "docs/noise.md is out of date: run `make noise`"


def test_no_type_has_a_false_change() -> None:
    """Neither when adopting nor against a baseline, on whatever recordings there are."""
    table = measured()
    assert {row.type: (row.invented, row.drifted) for row in table.rows.values() if row.invented} == {}
    assert {row.type: row.drifted for row in table.rows.values() if row.drifted} == {}
    assert sum(row.different for row in table.rows.values()) > 0
