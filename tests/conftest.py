"""Sandboxes for tests: one process for each pytest worker, emptied before each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.azurite import Azurite
from support.proved import pytest_terminal_summary
from support.sandbox import Sandbox, foreign_names

__all__ = ["pytest_terminal_summary"]


@pytest.fixture(scope="session", autouse=True)
def settings_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for users' settings of the tests' own, where keys for hashes are kept. What tools of the person
    who runs the tests read there (pip's mirror) is there too."""
    real = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    ours = tmp_path_factory.mktemp("settings")
    for each in real.iterdir() if real.is_dir() else ():
        if each.name != "reconciler":
            (ours / each.name).symlink_to(each)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(ours))
        yield ours


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The worker's sandbox, neither emptied nor pointed at: for what spans several tests."""
    running = Sandbox.start(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sandbox_lag_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The worker's sandbox with eventual consistency."""
    running = Sandbox.start(tmp_path_factory.mktemp("sandbox-lag"), lag=True)
    yield running
    running.stop()


@pytest.fixture
def sandbox(sandbox_process: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An empty sandbox that this process's SDK clients reach, as `sandbox.env` lets child processes."""
    return _pointed_at(sandbox_process, monkeypatch)


@pytest.fixture
def sandbox_lag(sandbox_lag_process: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Like `sandbox`, eventually consistent."""
    return _pointed_at(sandbox_lag_process, monkeypatch)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """The worker's Azure Storage: take containers and queues of your own, it is not emptied."""
    running = Azurite.start(tmp_path_factory.mktemp("azurite"))
    yield running
    running.stop()


def _pointed_at(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    running.reset()
    for name in foreign_names(os.environ):
        monkeypatch.delenv(name)
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value)
    return running
