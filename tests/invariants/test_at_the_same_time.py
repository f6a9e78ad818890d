"""Others are at work too: a second reconciler, people, and people who push. Each time a call of a tick is answered
late, and something happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import workspaces
from support.hosted import until
from support.project import Azure
from support.rig import Rig
from support.whole import ADF, COMMITTED, DRIFTED, FACTORY, FIRST, GROUP, PIPELINE, at, vault

LATE = 2.0
"""Seconds of true time that a call waits for its answer."""


def meanwhile(rig: Rig, path: str, happens: Callable[[], None]) -> int | None:
    """Let something happen while the answer to a write to `path` is late in a tick of another process; how that
    tick ended."""
    rig.sandbox.fault("latency", match={"method": "P*", "path": path}, times=1, seconds=LATE)
    doomed = rig.doomed("tick", rig.name, "--json")
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(doomed.go)
        until(lambda: ended.done() or any(fault["seen"] for fault in rig.sandbox.control("GET", "faults")))
        assert not ended.done(), "the tick made no such call"
        happens()
        return ended.result()


def edited(rig: Rig) -> None:
    """By hand: a definition, a notebook, a secret and a job of the environment."""
    pipeline = Azure().get(f"{ADF}/pipelines/{PIPELINE}", "2018-06-01")["properties"]
    pipeline["description"] = "while it ran"
    Azure().call("PUT", f"{ADF}/pipelines/{PIPELINE}", "2018-06-01", {"properties": pipeline})
    client = workspaces.person(rig.sandbox, GROUP, f"{FACTORY}-dbw")
    workspaces.write(client, "/Shared/bikeshare/train", "print('while it ran')")
    vault().set_secret("made", "a value of theirs")
    (job,) = [job for job in client.jobs.list() if job.settings.name == "bikeshare-train"]
    client.jobs.delete(job.job_id)


@pytest.mark.parametrize("moment", [FIRST, DRIFTED])
def test_two_reconcilers_at_once(rig: Rig, moment: str) -> None:
    """One has the environment; the other is told so and writes nothing."""
    at(rig, moment)
    pair = [rig.doomed("tick", rig.name, "--json") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        ended = sorted(str(code) for code in pool.map(lambda doomed: doomed.go(), pair))
    assert ended in (["0", "0"], ["0", "1"]), "one after the other, or one of them alone"
    rig.converges()
    assert rig.wrongs(moment) == []


def test_a_second_one_finds_it_held(rig: Rig) -> None:
    """While a write of the first is under way."""
    at(rig, DRIFTED)
    seen = []
    assert meanwhile(rig, "*/secrets/put", lambda: seen.append(rig.tick())) == 0
    (second,) = seen
    assert second.said.startswith("StateLocked"), second.said
    assert rig.converges() <= 2
    assert rig.wrongs(DRIFTED) == []


def test_people_change_things_while_a_tick_runs(rig: Rig) -> None:
    """What they change before the tick comes to it, and after: all is put back, nothing is made twice."""
    at(rig, COMMITTED)
    assert meanwhile(rig, "*/workspace/import", lambda: edited(rig)) in (0, 1, 3)
    rig.sandbox.advance("PT10M")
    rig.converges()
    assert "description" not in Azure().get(f"{ADF}/pipelines/{PIPELINE}", "2018-06-01")["properties"] or (
        Azure().get(f"{ADF}/pipelines/{PIPELINE}", "2018-06-01")["properties"]["description"]
        != "while it ran"
    )
    client = workspaces.person(rig.sandbox, GROUP, f"{FACTORY}-dbw")
    assert "while it ran" not in workspaces.text_of(client, "/Shared/bikeshare/train")
    assert rig.wrongs(COMMITTED) == []


def test_a_push_while_a_tick_runs(rig: Rig) -> None:
    """The tick ends what it began, at its own commit; the next brings the new one, and nothing twice."""
    at(rig, DRIFTED)
    git = rig.project.repository.git
    assert meanwhile(rig, "*/secrets/put", lambda: git("checkout", "--quiet", "after") and None) == 0
    state = rig.engine().store.load(rig.name)
    assert state is not None and state.commit == git("rev-parse", "before")
    rig.converges()
    state = rig.engine().store.load(rig.name)
    assert state is not None and state.commit == git("rev-parse", "after")
    assert rig.wrongs(DRIFTED) == []
