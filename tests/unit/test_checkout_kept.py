"""What is kept in memory of a repository outlives what is kept of it on the disk, and stays small."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hosted import Hosted, hosted, one

from reconciler import checkout as checkout_
from reconciler.source import files


@pytest.fixture
def host(tmp_path: Path) -> Hosted:
    return hosted(tmp_path, {**one("a"), **one("b", policy="source: {branch: other}\n")})


def test_files_that_were_tidied_away_are_brought_back_when_they_are_read(
    host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A branch may rest for days: its folder is removed as old while its snapshot is still known."""
    host.push(one("c"), branch="other")
    checkout = host.engine().checkout
    checkout.fetch()
    first, other = checkout.snapshot("a"), checkout.snapshot("b")
    monkeypatch.setattr(checkout_, "VERIFIED_SECONDS", -1.0)
    checkout._kept.names.clear()
    for snapshot in (first, other):
        files.remove(snapshot.root)
    assert (checkout.names(first), checkout.names(other)) == (("a", "b"), ("a", "b", "c"))
    files.remove(other.root)
    environment = checkout.load("c", other)
    files.remove(other.root)
    assert len(checkout.desired(environment, other).graph) == 2


def test_little_is_kept_however_many_commits_there_are(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout_, "SNAPSHOTS", 2)
    checkout = host.engine().checkout
    for number in range(4):
        commit = host.push({"README.md": str(number)})
        checkout.fetch()
        assert checkout.names(checkout.snapshot()) == ("a", "b")
        assert checkout.environment("a", checkout.snapshot("a", commit)) is not None
    kept = checkout._kept
    assert max(len(kept.snapshots), len(kept.verified), len(kept.names)) <= 3
