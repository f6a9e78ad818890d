"""One whole sample environment for each worker, and the number of cases that were tried, at the end."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bad_luck import ANSWER_SECONDS
from support.rig import Rig, pointed
from support.sandbox import ROOT, Sandbox
from support.whole import whole


@pytest.fixture(scope="session")
def whole_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The worker's own; see `rig`."""
    running = Sandbox.start(tmp_path_factory.mktemp("whole-sandbox"))
    with pytest.MonkeyPatch.context() as patch:
        pointed(running, patch)
        rig = whole(tmp_path_factory.mktemp("whole"), running, patch)
    yield rig
    running.stop()


@pytest.fixture
def rig(whole_rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """The whole sample environment, reached from this process without waiting."""
    monkeypatch.setattr("reconciler.providers.retries.ANSWER_SECONDS", ANSWER_SECONDS)
    return whole_rig.entered(monkeypatch)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many cases there were, and keep it in `build/prove.json` where the long proofs ran."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "proved" and report.when == "call":
                    counts[value["what"]].update(value["counts"])
                    counts[value["what"]].update({"seconds": round(report.duration)})
    if not counts:
        return
    terminalreporter.section("what was tried")
    for what, count in sorted(counts.items()):
        told = ", ".join(f"{number} {name}" for name, number in count.items() if name != "seconds")
        terminalreporter.write_line(f"{what}: {told}, in {count['seconds']} s of tests")
    if "prove" in str(terminalreporter.config.getoption("-m")).split():
        _kept(ROOT / "build/prove.json", counts)


def _kept(file: Path, counts: dict[str, Counter[str]]) -> None:
    """Put what was counted beside what other runs have counted."""
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**before, **counts}, indent=2, sort_keys=True) + "\n", "utf-8")
