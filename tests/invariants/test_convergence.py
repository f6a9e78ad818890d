"""Random lives of small environments: commits, edits by hand, faults, suspensions, states lost and restored, in any
order. In the end all is as Git says and nothing is left to do, twice is as once, and what is theirs is untouched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from support.bad_luck import BY_CHANCE
from support.families import FAMILIES, Family, made, refusable, whole
from support.rig import TICKS, Rig, pointed
from support.sandbox import Sandbox

STEPS = 5
LEFT = {"exists"}
"""What may stay blocked where people made something themselves, or where nobody knows any more who did."""
GOOD_LUCK = None
parts = st.dictionaries(st.integers(0, 9), st.integers(0, 1), max_size=5)
some = st.integers(0, 9)


class Life(RuleBasedStateMachine):
    """One environment from its base on. `doubtful`: not all that is there can be proven to be ours."""

    rig: Rig
    family: Family

    def __init__(self) -> None:
        super().__init__()
        self.rig.project.repository.git("checkout", "--quiet", "-B", "now", "base")
        self.rig.back("base")
        self.doubtful = False
        self.suspended = False

    def named(self, chosen: int) -> str:
        return self.family.parts[chosen % len(self.family.parts)]

    @initialize(said=parts)
    def begin(self, said: dict[int, int]) -> None:
        self.commits(said)

    @rule(said=parts)
    def commits(self, said: dict[int, int]) -> None:
        self.family.commit(self.rig, whole({self.named(part): variant for part, variant in said.items()}))

    @rule(part=some, variant=st.integers(0, 1))
    def edit(self, part: int, variant: int) -> None:
        """By hand; what was not there is theirs from now on, as far as anybody knows."""
        before = self.rig.documents().keys()
        with refusable():
            self.family.put(self.rig.sandbox, self.named(part), variant)
        self.doubtful |= self.rig.documents().keys() != before

    @rule(part=some)
    def drop(self, part: int) -> None:
        with refusable():
            self.family.drop(self.rig.sandbox, self.named(part))

    @rule(way=st.sampled_from([GOOD_LUCK, *BY_CHANCE]), call=st.integers(0, 30), times=st.integers(1, 4))
    def tick(self, way: Any, call: int, times: int) -> None:
        """With a call or a few that go wrong, or without."""
        if way is not GOOD_LUCK:
            fault = {**way.fault, "match": dict(way.match), "after": call, "times": times}
            self.rig.sandbox.control("POST", "faults", fault)
        self.rig.tick()
        self.rig.sandbox.control("DELETE", "faults")
        self.rig.sandbox.advance("PT10M")

    @rule(stop=st.booleans())
    def suspend(self, stop: bool) -> None:
        engine = self.rig.engine()
        if stop:
            engine.suspend(self.rig.name, "a pause")
        else:
            engine.resume(self.rig.name)
        self.suspended = stop

    @rule()
    def lose_the_state(self) -> None:
        self._state_from(None)

    @rule()
    def restore_an_old_state(self) -> None:
        self._state_from(self.rig.kept("base"))

    def _state_from(self, place: Path | None) -> None:
        for path in self.rig.project.state.iterdir():
            if path.name != "cache":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if place is not None:
            shutil.copytree(place, self.rig.project.state, dirs_exist_ok=True)
        self.doubtful, self.suspended = True, False

    def teardown(self) -> None:
        """It converges; then nothing is written any more; and all of it can be removed, twice."""
        if self.suspended:
            assert self.rig.tick().result == "suspended"
            self.rig.engine().resume(self.rig.name)
        last = self._settled()
        held = [held for held in last["blocked"] if held["code"] not in LEFT]
        assert held == [] and (self.doubtful or not last["blocked"]), last["blocked"]
        self.rig.sandbox.control("DELETE", "journal")
        again = self._ticked()
        written = [entry for entry in self.rig.sandbox.journal() if entry["write"]]
        assert (again["outcomes"], written) == ([], []), "twice is not as once"
        assert self.rig.wrongs("base") == []
        for _ in range(2):
            gone = self.rig.engine().destroy(self.rig.name)
            assert gone.result == "done" or self.doubtful, gone  # theirs may need ours
            self.rig.sandbox.advance("PT10M")
        assert self.rig.wrongs("base") == []

    def _settled(self) -> Any:
        for _ in range(TICKS):
            last = self._ticked()
            if last["result"] == "done" and not last["outcomes"]:
                return last
            self.rig.sandbox.advance("PT10M")
        raise AssertionError(f"it does not come to rest: {last}")

    def _ticked(self) -> Any:
        done = self.rig.tick()
        assert done.said.startswith("{"), done.said
        return json.loads(done.said)


@pytest.fixture(scope="module")
def life_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox.start(tmp_path_factory.mktemp("life-sandbox"))
    yield running
    running.stop()


@pytest.fixture
def lived(
    tmp_path: Path, life_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., type[Life]]:
    """Gives a machine for a family."""

    def of(name: str) -> type[Life]:
        life_sandbox.reset()
        pointed(life_sandbox, monkeypatch)
        rig = made(FAMILIES[name], tmp_path / name, life_sandbox, monkeypatch)
        return type(f"Life of {name}", (Life,), {"rig": rig, "family": FAMILIES[name]})

    return of


def tried(machine: type[Life], examples: int, seed: int, record: Callable[[str, object], None]) -> None:
    """Live so many lives."""
    begun = 0

    class Counted(machine):  # type: ignore[misc,valid-type]
        def __init__(self) -> None:
            nonlocal begun
            begun += 1
            super().__init__()

    run_state_machine_as_test(
        lambda: Counted(),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
            print_blob=False,
        ),
    )
    record("proved", {"what": "random lives", "counts": {"examples": begun}})
    assert begun >= examples


@pytest.mark.parametrize("family", FAMILIES)
def test_some_lives_end_well(
    lived: Callable[..., type[Life]], family: str, record_property: Callable[[str, object], None]
) -> None:
    """A share of what is proved."""
    tried(lived(family), 5, 0, record_property)


@pytest.mark.prove
@pytest.mark.parametrize("family", FAMILIES)
def test_lives_end_well(
    lived: Callable[..., type[Life]], family: str, record_property: Callable[[str, object], None]
) -> None:
    """At least 2,000 of them, over all families."""
    tried(lived(family), 700, 1, record_property)
