"""What may hold a tick is asked of the very commit that is applied, however fast Git moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from support.hosted import Hosted, hosted, one

from reconciler.engine import Reconciler
from reconciler.record import State
from reconciler.state import Lease, Store


@dataclass
class Overtaken:
    """A store; just before its first lock of `b` is taken, somebody pushes, and another thread fetches."""

    store: Store
    host: Hosted
    files: dict[str, str | bytes]
    pushed: str = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    @contextmanager
    def lock(self, environment: str, holder: str) -> Iterator[Lease]:
        if not self.pushed:
            self.pushed = self.host.push(self.files)
        with self.store.lock(environment, holder) as lease:
            yield lease


def overtaken(host: Hosted, files: dict[str, str | bytes]) -> tuple[Reconciler, Overtaken]:
    """An engine where `a` is healthy at the head, and a push overtakes the first tick. It may not sign in."""
    engine = host.engine()
    engine.checkout.fetch()
    commit = engine.checkout.snapshot("a").commit
    notes = {"healthy": commit, "last": {"commit": commit, "result": "done"}}
    engine.store.save(replace(State.new("a"), commit=commit, notes=notes))

    def sign_in(*_: object) -> NoReturn:
        pytest.fail("what was not looked at is applied")

    store = Overtaken(engine.store, host, files)
    planner = replace(engine.planner, sign_in=sign_in)
    return replace(engine, store=cast(Store, store), planner=planner), store


def test_a_commit_that_overtakes_a_tick_is_held_as_well(tmp_path: Path) -> None:
    """Else a push at the wrong moment would be in production before the environment that comes first."""
    host = hosted(tmp_path, {**one("a"), **one("b", policy="after: [a]\n")})
    engine, store = overtaken(host, {"arm/a.json": "{}", "arm/b.json": "{}"})
    tick = engine.tick("b")
    assert (tick.result, tick.commit) == ("held", store.pushed)
    assert "same content" in tick.reason


def test_a_commit_that_asks_for_approval_is_not_applied_by_a_tick_that_it_overtakes(tmp_path: Path) -> None:
    """The tick began without a need for approval; by the time it holds the lock, Git says `sync: manual`."""
    host = hosted(tmp_path, {**one("a"), **one("b")})
    engine, store = overtaken(host, one("b", policy="policy: {sync: manual}\n"))
    asked: list[str] = []

    def plan(name: str, state: State, *, commit: str | None = None, offline: bool = False) -> NoReturn:
        asked.append(engine.checkout.snapshot(name).commit)
        raise Planned

    object.__setattr__(engine.planner, "plan", plan)
    with pytest.raises(Planned):
        engine.tick("b")
    assert asked == [store.pushed], "it is planned alone"


class Planned(Exception):
    """It came to a plan that is not applied."""
