"""An app that stays up between ticks knows what Azure told the last time; it never takes that for today's answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import workspaces
from support.project import Azure, group
from support.sandbox import Sandbox
from support.workspaces import RESOURCE, notebook

from reconciler import settings

AZURE, WORKSPACES = "management.azure.com", ".azuredatabricks.net"


@pytest.fixture
def engine(tmp_path: Path, sandbox: Sandbox) -> Any:
    """That of an app that has ticked a workspace with one notebook twice."""
    made = workspaces.project(tmp_path, sandbox)
    made.repository.commit({"notebooks/prep.py": notebook()})
    settings.credential.cache_clear()
    place = replace(settings.read(), repository=str(made.repository.path), state=str(made.state))
    engine = settings.engine(place)
    for _ in range(2):
        assert engine.tick("one").result == "done"
    return engine


def test_workspaces_are_read_while_azure_is(engine: Any, sandbox: Sandbox) -> None:
    """What Azure tells is the same from tick to tick: nothing waits for it, and nothing is asked twice."""
    counted = []
    for late in (0.0, 0.5):
        if late:
            sandbox.fault("latency", match={"host": AZURE}, seconds=late, times=0)
        since = sandbox.journal()[-1]["n"]
        assert engine.tick("one").outcomes == ()
        counted.append([call["host"] for call in sandbox.journal(since)])
    quick, slow = counted
    assert sorted(quick) == sorted(slow)
    order = [host.endswith(WORKSPACES) for host in slow]
    assert order.index(True) < max(at for at, host in enumerate(slow) if host == AZURE), slow


def test_a_workspace_that_is_another_by_now_is_looked_at_anew(engine: Any, sandbox: Sandbox) -> None:
    """Somebody deletes it between two ticks: what was read at its old address counts for nothing."""
    Azure().call("DELETE", group("one", f"{RESOURCE}/team-dbw"), "2024-05-01")
    for _ in range(4):
        done = engine.tick("one")
    assert (done.result, done.outcomes, done.planned.plan.blocked) == ("done", (), ())
    listed = workspaces.person(sandbox).workspace.list(workspaces.FOLDER, recursive=True)
    assert [each.path for each in listed] == [f"{workspaces.FOLDER}/prep"]
