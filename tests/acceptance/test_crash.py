"""Killed anywhere in an apply: the next tick converges, and nothing is created twice."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
from support.crash import Doomed
from support.created import created
from support.project import Project, sample
from support.sandbox import Sandbox

CALLS = 18
"""How many calls an apply of the sample's dev makes, sign-in included: each one is killed at."""


def killed(project: Project, after: int, when: str) -> int | None:
    """Apply dev in a process that is killed when its call number `after` + 1 arrives; its exit code."""
    place = ("--repo", str(project.repository.path), "--state", str(project.state))
    doomed = Doomed("apply", "dev", "--yes", "--json", *place, variables=project.sandbox.env)
    project.sandbox.fault("kill", after=after, times=1, pid=doomed.pid, when=when)
    code = doomed.go()
    project.sandbox.control("DELETE", "faults")
    return code


def test_every_call_is_killed_at(tmp_path: Path, sandbox: Sandbox) -> None:
    """One kill more than there are calls reaches nobody, so the sweep below leaves none out."""
    assert killed(sample(tmp_path, sandbox), CALLS, "before") == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("after", range(CALLS))
def test_killed_at_a_call(tmp_path: Path, sandbox: Sandbox, after: int, when: str) -> None:
    """before: the call has no effect; after: it has, and its answer is never seen."""
    project = sample(tmp_path, sandbox)
    code = killed(project, after, when)
    assert code == -signal.SIGKILL
    ticked = project.run("tick", "dev")
    assert ticked.code == 0, ticked.text
    planned = project.run("plan", "dev")
    assert (planned.code, planned.json["changes"], planned.json["summary"]["unchanged"]) == (0, [], 12)
    times = Counter(created(sandbox))
    assert len(times) == 12
    assert set(times.values()) == {1}, times
