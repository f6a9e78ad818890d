"""The number of cases that were tried, told at the end; `build/prove.json` keeps those of the long proofs."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from typing import Any

from support.sandbox import ROOT

KEPT = ROOT / "build/prove.json"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add up what tests have put into their reports as the property `proved`: {what, counts}."""
    reports = [each for reports in terminalreporter.stats.values() for each in reports]
    took = {each.nodeid: each.duration for each in reports if getattr(each, "when", "") == "call"}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for report in reports:
        if getattr(report, "when", "") != "teardown":  # this one has the properties of all that came before
            continue
        for name, value in report.user_properties:
            if name == "proved":
                counts[value["what"]].update(value["counts"])
                counts[value["what"]].update({"seconds": round(took.get(report.nodeid, 0))})
    if not counts:
        return
    terminalreporter.section("what was tried")
    for what, count in sorted(counts.items()):
        told = ", ".join(f"{number} {name}" for name, number in count.items() if name != "seconds")
        terminalreporter.write_line(f"{what}: {told}, in {count['seconds']} s of tests")
    if "prove" in str(terminalreporter.config.getoption("-m")).split():
        _keep(counts)


def _keep(counts: dict[str, Counter[str]]) -> None:
    """Put what was counted, and at which commit, beside what other runs have counted."""
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    before = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    now = {what: {**count, "commit": asked.stdout.strip()} for what, count in counts.items()}
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps({**before, **now}, indent=2, sort_keys=True) + "\n", "utf-8")
