"""What everybody gets wrong once: one message each, with the place and the cure, and nothing is written by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mistakes.bench import Mistake, bench, make
from support.mistakes.page import MISTAKES, frame, message, messages, section, written
from support.sandbox import Sandbox


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all of them; it is emptied before each."""
    sandbox = Sandbox.start(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.stop()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.slug)
def test_a_mistake_is_told_in_one_message_with_its_place_and_its_cure(
    mistake: Mistake, tmp_path: Path, running: Sandbox
) -> None:
    with bench(tmp_path, running) as desk:
        made = make(mistake, desk)
        come = mistake.absent and desk.there(mistake.absent)
    assert made.ran.code == mistake.code, made.text
    assert "Traceback" not in made.text
    assert messages(made.text) == 1, f"one message, no other that follows from it:\n{made.text}"
    assert [part for part in mistake.told if part not in message(made.text)] == [], made.text
    if not mistake.calls:
        assert made.journal == [], "a mistake in Git or on the command line makes no call"
    done = [entry for entry in made.journal if entry["write"] and (entry["status"] or 0) < 400]
    assert mistake.writes or done == [], "nothing is written"
    assert not come, "what the mistake is about has not come about"
    assert section(mistake, made) in written(), (
        f"`make mistakes` writes the page anew:\n{section(mistake, made)}"
    )


def test_the_page_has_each_mistake_once_in_its_chapter() -> None:
    """What stands below a heading is looked at where the mistake is made."""
    assert [line for line in written().splitlines() if line.startswith("#")] == frame()


def test_there_are_thirty_and_more() -> None:
    assert len({mistake.slug for mistake in MISTAKES}) == len(MISTAKES) >= 30
