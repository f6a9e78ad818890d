"""What is kept of Git between two looks is what Git would say now."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.repositories import make

from reconciler.errors import SourceError
from reconciler.source import Source
from reconciler.source.repository import _Turns

NAMES = ("HEAD", "main", "other", "main~1", "topic/deep")
STEPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "commit": (("commit", "--quiet", "--allow-empty", "-m", "more"),),
    "back": (("reset", "--quiet", "--soft", "HEAD~1"),),
    "branch": (("branch", "--force", "other", "HEAD~1"),),
    "tag": (("tag", "--force", "other", "HEAD"),),
    "unbranch": (("branch", "-D", "other"),),
    "deep": (("branch", "--force", "topic/deep", "HEAD"),),
    "link": (("symbolic-ref", "refs/heads/other", "refs/heads/topic/deep"),),
    "pack": (("pack-refs", "--all"),),
    "leave": (("checkout", "--quiet", "--detach"),),
    "return": (("checkout", "--quiet", "main"),),
}


def told(source: Source, name: str) -> str:
    try:
        return source.resolve(name)
    except SourceError as error:
        return str(error)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=4, max_size=8))
def test_what_is_resolved_is_what_git_says_whatever_moved(tmp_path: Path, steps: list[str]) -> None:
    """A ref may move, go, come back, be packed, or be hidden by another: a stale commit would be applied."""
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
    repository = make(tmp_path / "work")
    for _ in range(3):
        repository.git(*STEPS["commit"][0])
    kept = Source(str(repository.path), tmp_path / "cache")
    for step in ("deep", *steps):
        try:
            repository.git(*STEPS[step][0])
        except Exception:
            continue  # nothing to go back to, or nothing to remove
        fresh = Source(str(repository.path), tmp_path / "cache")
        assert [told(kept, name) for name in NAMES] == [told(fresh, name) for name in NAMES], step


def test_git_is_not_asked_again_while_nothing_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes for each tick are most of what a small environment costs without changes."""
    source = Source(str(make(tmp_path / "work").path), tmp_path / "cache")
    asked: list[str] = []
    resolve = source._resolve

    def counted(ref: str) -> str:
        asked.append(ref)
        return resolve(ref)

    monkeypatch.setattr(source, "_resolve", counted)
    assert len({source.resolve("HEAD") for _ in range(3)}) == 1
    assert asked == ["HEAD"]


def test_what_moved_while_it_was_resolved_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread fetches; then the branch is forced back, and looks as it did before the first look."""
    repository = make(tmp_path / "work")
    source = Source(str(repository.path), tmp_path / "cache")
    before, resolve = repository.git("rev-parse", "main").strip(), source._resolve

    def overtaken(ref: str) -> str:
        repository.git(*STEPS["commit"][0])
        return resolve(ref)

    with monkeypatch.context() as patch:
        patch.setattr(source, "_resolve", overtaken)
        assert source.resolve("main") != before
    repository.git(*STEPS["back"][0])
    assert source.resolve("main") == before


def test_a_fetch_serves_those_who_asked_before_it_began_and_nobody_else() -> None:
    """Who asks while one runs may know of a push that it has not seen: that one does not answer."""
    turns, first, release = _Turns(), threading.Event(), threading.Event()
    done: list[int] = []

    def work() -> None:
        first.set()
        assert release.wait(20)
        done.append(1)

    threads: list[threading.Thread] = [threading.Thread(target=turns.share, args=(work,))]
    threads[0].start()
    assert first.wait(20)
    entered = threading.Barrier(6)

    def late() -> None:
        entered.wait(20)
        turns.share(work)

    threads += [threading.Thread(target=late) for _ in range(5)]
    for thread in threads[1:]:
        thread.start()
    entered.wait(20)
    release.set()
    for thread in threads:
        thread.join(20)
    assert 2 <= len(done) <= 6
    turns.share(work)
    assert turns._begun == turns._ended == len(done)


def test_a_fetch_that_failed_serves_nobody() -> None:
    turns = _Turns()

    def fails() -> Any:
        raise SourceError("no answer")

    for _ in range(2):
        with pytest.raises(SourceError):
            turns.share(fails)
    done: list[int] = []
    turns.share(lambda: done.append(1))
    assert done == [1]
