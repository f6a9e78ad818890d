"""Every call of three runs of the sample goes wrong in every way, one at a time: afterwards all comes to be as Git
says, nothing was made twice, nothing of others was touched, and no secret was told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

import pytest
from support.bad_luck import LONG_AGO, WAYS, Way, storm, strike
from support.rig import Rig
from support.whole import COMMITTED, DRIFTED, FIRST, MOMENTS, at

SHARE = {FIRST: 1, DRIFTED: 1, COMMITTED: 1}
"""How many calls of each run go wrong in each way where not all of them do."""
Record = Callable[[str, object], None]


def clean(rig: Rig, moment: str, way: Way) -> int:
    """How many calls of the run can go wrong so."""
    if (calls := rig.journals.get(moment)) is None:
        at(rig, moment)
        assert rig.tick().result == "done"
        calls = rig.journals[moment] = rig.sandbox.journal()
    return sum(way.meant(entry) for entry in calls)


def swept(rig: Rig, moment: str, way: Way, calls: Iterable[int], record: Record) -> None:
    """Let each of these calls go wrong, until there is none of that number."""
    cases, most, wrong = 0, 0, []
    for call in calls:
        at(rig, moment)
        struck = strike(rig, way, call)
        cases += struck
        try:
            most = max(most, rig.converges())
        except AssertionError as fault:
            wrong.append(f"{way.name} at call {call + 1}: {fault}")
        wrong += [f"{way.name} at call {call + 1}: {each}" for each in rig.wrongs(moment)]
        if not struck:
            break
    record("proved", {"what": "fault sweep", "counts": {"cases": cases, "converged": cases - len(wrong)}})
    assert wrong == [], "\n".join(wrong)
    assert cases > 0


def spread(rig: Rig, moment: str, way: Way) -> list[int]:
    """Some calls, evenly over the run, and other ones for each way."""
    calls, wanted = clean(rig, moment, way), SHARE[moment]
    offset = WAYS.index(way) / len(WAYS)
    return sorted({int((number + offset) * calls / wanted) for number in range(wanted)})


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_some_calls_go_wrong(rig: Rig, moment: str, way: Way, record_property: Record) -> None:
    """The share of the sweep that each run of the tests takes."""
    swept(rig, moment, way, spread(rig, moment, way), record_property)


@pytest.mark.prove
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_every_call_goes_wrong(rig: Rig, moment: str, way: Way, record_property: Record) -> None:
    """From the first on, until the run ends before the call that was to go wrong."""
    least = clean(rig, moment, way)
    swept(rig, moment, way, count(), record_property)
    assert least > 0


def stormy(rig: Rig, moment: str, share: float, seeds: Iterable[int], record: Record) -> None:
    cases, wrong = 0, []
    for seed in seeds:
        at(rig, moment)
        storm(rig, share, seed, ticks=3)
        cases += 1
        try:
            rig.converges()
        except AssertionError as fault:
            wrong.append(f"{share:.0%}, seed {seed}: {fault}")
        wrong += [f"{share:.0%}, seed {seed}: {each}" for each in rig.wrongs(moment)]
    record("proved", {"what": "random faults", "counts": {"cases": cases, "converged": cases - len(wrong)}})
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(("moment", "share"), [(FIRST, 0.1), (DRIFTED, 0.2), (COMMITTED, 0.3)])
def test_many_calls_go_wrong(rig: Rig, moment: str, share: float, record_property: Record) -> None:
    """A share of all calls of three ticks, in all ways mixed."""
    stormy(rig, moment, share, range(1), record_property)


@pytest.mark.prove
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("moment", MOMENTS)
def test_many_calls_go_wrong_in_many_ways(
    rig: Rig, moment: str, share: float, record_property: Record
) -> None:
    """The same with other dice."""
    stormy(rig, moment, share, range(20), record_property)


def test_a_workspace_that_azure_misses_once_gets_no_job_twice(rig: Rig) -> None:
    """One late read says that the workspace has gone. It is deployed again, which changes nothing, and what is
    in it is written again; names of jobs are not unique, so that each is looked for before it is made."""
    rig.sandbox.fault("stale", match={"path": "/nowhere"}, seconds=LONG_AGO, times=1)  # the past is kept now
    at(rig, FIRST)
    rig.converges()
    rig.running = None  # who has been warm has read the workspace already
    late = {"method": "GET", "path": "*/workspaces/*-dbw"}
    rig.sandbox.fault("stale", match=late, seconds=LONG_AGO, times=1)
    since = rig.sandbox.journal()[-1]["n"]
    rig.tick()
    assert any(call["path"].endswith("/workspace/import") for call in rig.sandbox.writes(since)), "not missed"
    rig.sandbox.control("DELETE", "faults")
    rig.converges()
    assert rig.wrongs(FIRST) == []
