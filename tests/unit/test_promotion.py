"""An environment follows once those before it are healthy with the same content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.environments import DEV, snapshot

from reconciler.environment import load
from reconciler.promotion import held
from reconciler.record import State

TEST = DEV.replace("name: dev", "name: test\nafter: [dev]").replace("sample-dev", "sample-test")


def reason(
    root: Path, notes: dict[str, Any] | None, changed: Any, commit: str = "new", fit: bool = True
) -> str:
    """Why `test` has to wait, with dev's notes (None = no state), the paths that differ since, and dev's file fit
    or faulty."""
    environment = load(snapshot(root, test=TEST), "test")
    state = None if notes is None else State("dev", "line", notes=notes)
    return held(
        environment,
        commit,
        lambda name: state if name == "dev" else None,
        lambda *_: changed,
        lambda name: load(root, name) if fit else None,
    )


HEALTHY = {"healthy": "old", "last": {"result": "done"}}


@pytest.mark.parametrize(
    ("notes", "changed", "told"),
    [
        (None, (), "was not healthy yet"),
        ({}, (), "was not healthy yet"),
        (HEALTHY, (), ""),
        (HEALTHY, ("README.md", "environments/dev.yaml", "armx/main.json"), ""),
        (HEALTHY, ("environments/test.yaml",), ""),  # dev reads nothing of that: it counts as healthy with it
        (HEALTHY, ("environments/test.yaml", "environments/dev.yaml"), "same content"),
        (HEALTHY, ("environments/base.yaml",), "same content"),
        (HEALTHY, ("arm/main.json",), "same content"),
        (HEALTHY, None, "same content"),
        ({**HEALTHY, "last": {"result": "failed"}}, (), "not healthy now"),
        ({**HEALTHY, "last": {"result": "pending"}}, (), "not healthy now"),
        ({"healthy": "new", "last": {"result": "done"}}, None, ""),
    ],
)
def test_what_counts_is_the_content_that_this_environment_reads(
    tmp_path: Path, notes: dict[str, Any] | None, changed: Any, told: str
) -> None:
    why = reason(tmp_path, notes, changed)
    assert told in why if told else why == ""
    assert not told or why.startswith("dev comes first")


def test_nothing_is_known_of_what_a_faulty_file_reads(tmp_path: Path) -> None:
    """dev's file is faulty at this commit: whether it would be untouched cannot be told."""
    moved = ("environments/test.yaml",)
    assert reason(tmp_path, HEALTHY, moved) == ""
    assert "same content" in reason(tmp_path, HEALTHY, moved, fit=False)
