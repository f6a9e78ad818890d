"""Azure is eventually consistent: an empty subscription converges over ticks, and nobody is told of failures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from support.created import created
from support.project import sample
from support.sandbox import Sandbox


def test_an_empty_sandbox_converges_over_ticks(tmp_path: Path, sandbox_lag: Sandbox) -> None:
    project = sample(tmp_path, sandbox_lag)
    results = []
    for _ in range(20):
        ticked = project.run("tick", "dev")
        results.append(ticked.code)
        assert ticked.code in (0, 3), ticked.text
        assert {o["result"] for o in ticked.json["outcomes"]} <= {"done", "pending"}, ticked.text
        if ticked.code == 0:
            break
        sandbox_lag.advance("PT2M")
    assert results[-1] == 0, results
    assert results[0] == 3, "nothing was late: the test shows nothing"
    sandbox_lag.advance("PT1H")
    planned = project.run("plan", "dev")
    assert (planned.code, planned.json["changes"]) == (0, [])
    assert max(Counter(created(sandbox_lag)).values()) == 1
