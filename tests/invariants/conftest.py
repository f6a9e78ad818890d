"""One whole sample environment for each worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.bad_luck import ANSWER_SECONDS
from support.rig import Rig, pointed
from support.sandbox import Sandbox
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
