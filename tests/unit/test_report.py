"""What is kept for people alone never stands in the way of a tick."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.checkout import Checkout
from reconciler.errors import StateError
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.report import Report
from reconciler.source import Source
from reconciler.state import FileStore
from reconciler.tick import Planned


@pytest.mark.parametrize("error", [StateError("no room"), TypeError("this is no JSON")], ids=["disk", "form"])
def test_a_plan_that_cannot_be_kept_ends_no_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def keep_plan(*_: Any) -> None:
        raise error

    store = FileStore(tmp_path / "state")
    monkeypatch.setattr(store, "keep_plan", keep_plan)
    report = Report(Checkout(Source(str(tmp_path), tmp_path / "cache"), lambda: b"k"), store)
    report.keep_plan(Planned(Plan("dev", "c"), State.new("dev")), datetime.now(UTC))
    assert str(error) in caplog.text
