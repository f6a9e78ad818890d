"""Two instances of the app, each with a mirror of its own: none brings back what the other has left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from support.hosted import one
from support.project import identity, template
from support.pulls import Side, github
from support.sandbox import Sandbox

from reconciler import settings
from reconciler.engine import Reconciler
from reconciler.source import Source
from reconciler.state import Lease, Store


@dataclass
class Slow:
    """A store whose lock is taken late: something `happens` before, once."""

    store: Store
    happens: list[Callable[[], Any]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def lock(self, environment: str, holder: str) -> AbstractContextManager[Lease]:
        while self.happens:
            self.happens.pop()()
        return self.store.lock(environment, holder)


@pytest.fixture
def side(tmp_path: Path, sandbox: Sandbox) -> Side:
    return github(tmp_path, sandbox, one("a"))


def instance(side: Side, folder: Path, *happens: Callable[[], Any]) -> Reconciler:
    """The app once more, with a mirror in `folder`."""
    made = settings.engine(side.settings)
    source = Source(side.settings.repository, folder, made.checkout.source._sign_in)
    checkout = replace(made.checkout, source=source)
    store = cast(Store, Slow(made.store, list(happens)))
    return replace(made, checkout=checkout, planner=replace(made.planner, checkout=checkout), store=store)


def tagged(value: str) -> dict[str, str | bytes | None]:
    return {"arm/a.json": json.dumps(template(identity("a", version=value)))}


def test_a_commit_that_another_instance_went_past_is_not_applied_again(side: Side, tmp_path: Path) -> None:
    """One fetches commit 1 and is slow; another fetches commit 2 and applies it; then the first goes on."""
    commits = [side.push(tagged("one"))]
    quick = instance(side, tmp_path / "quick")

    def meanwhile() -> None:
        commits.append(side.push(tagged("two")))
        assert quick.tick("a").result == "done"

    slow = instance(side, tmp_path / "slow", meanwhile)
    tick = slow.tick("a")
    assert (tick.result, tick.commit) == ("done", commits[1])
    assert tick.outcomes == (), "there is nothing left to do"
    writes = [entry for entry in side.sandbox.writes() if "/deployments/" in entry["path"]]
    assert len(writes) == 1


def test_a_branch_that_was_put_back_is_followed(side: Side, tmp_path: Path) -> None:
    """A commit that is older because somebody forced the branch is what Git says."""
    app = instance(side, tmp_path / "one")
    first = side.push(tagged("one"))
    assert app.tick("a").commit == first
    assert app.tick("a").commit == first
    second = side.push(tagged("two"))
    assert app.tick("a").commit == second
    side.work.git("reset", "--quiet", "--hard", first)
    side.work.git("push", "--quiet", "--force", str(side.bare), "main")
    tick = app.tick("a")
    assert (tick.result, tick.commit, len(tick.outcomes)) == ("done", first, 1)
