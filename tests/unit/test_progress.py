"""What is told while a run goes on: counts and time for each wave, failures at once, no flood, nothing with --json."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from support.graphs import key

from reconciler.change import Action, Change
from reconciler.cli.progress import MOST_DONE, Shown
from reconciler.diff import Cause
from reconciler.outcome import Outcome, Result


def console(terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=200, no_color=True, highlight=False, force_terminal=terminal)


def wave(shown: Shown, count: int, failed: tuple[int, ...] = ()) -> None:
    """One wave of creates, of which some fail."""
    changes = tuple(Change(key(f"n{number}"), Action.CREATE, Cause.NEW) for number in range(count))
    shown("wave", changes, ())
    for number, each in enumerate(changes):
        result = Result.FAILED if number in failed else Result.DONE
        error = "Azure refused it." if number in failed else ""
        shown("done", (), (Outcome(each.key, Action.CREATE, result, 0.5, error),))


def told(screen: Console) -> str:
    file: Any = screen.file
    return re.sub(r"\d+\.\d s", "1.2 s", file.getvalue())


def test_a_wave_is_told_with_its_counts_its_failures_and_its_time() -> None:
    screen = console()
    wave(Shown(screen), 3, failed=(1,))
    lines = told(screen).splitlines()
    assert lines[0].startswith("wave 1: 3 +  ") and lines[0].endswith(" and 2 more …")
    assert f"  failed create {key('n1').plain} 1.2 s" in lines
    assert "      Azure refused it." in lines
    assert lines[-1] == "wave 1: 2 done, 1 failed in 1.2 s"


def test_of_a_large_wave_only_what_did_not_come_about_is_listed() -> None:
    screen = console()
    wave(Shown(screen), 500, failed=(7,))
    assert len(told(screen).splitlines()) == 4
    assert told(screen).endswith("wave 1: 499 done, 1 failed in 1.2 s\n")
    assert MOST_DONE < 500


def test_a_check_is_told_when_it_starts_and_when_it_ends_and_not_at_each_look() -> None:
    screen, running = console(), SimpleNamespace(result="running", error="", url="", seconds=0.0)
    shown = Shown(screen)
    shown.tasks["integration"] = 0  # type: ignore[assignment]
    shown("check", (), (("integration", running),))
    assert told(screen) == ""
    ended = SimpleNamespace(result="failed", error="It raised.\nmore", url="https://adb/run/1", seconds=34.0)
    shown("check", (), (("integration", ended),))
    assert told(screen).split() == [
        "check",
        "integration:",
        "failed",
        "34",
        "s:",
        "It",
        "raised.",
        "https://adb/run/1",
    ]


def test_on_a_terminal_a_moving_line_goes_on_until_the_wave_has_ended() -> None:
    screen = console(terminal=True)
    shown = Shown(screen)
    shown.working("reading what is live of dev")
    assert shown.live is not None
    shown("wave", (Change(key("a"), Action.CREATE, Cause.NEW),), ())
    assert [task.description for task in shown.live.tasks] == ["wave 1"]
    shown("done", (), (Outcome(key("a"), Action.CREATE, Result.DONE),))
    assert shown.live is None
    file: Any = screen.file
    assert "0:00:0" in file.getvalue(), "how long it has been going on"


def test_without_a_console_nothing_is_told() -> None:
    shown = Shown(None)
    shown.working("reading")
    wave(shown, 2)
    assert (shown.live, shown.wave) == (None, 0)
