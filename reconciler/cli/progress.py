"""What a run is at, told while it goes on: waves with counts and elapsed time, checks, long operations.

On a terminal a moving line shows how long it has been going on; elsewhere there are plain lines only."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from reconciler.cli.plantext import actions
from reconciler.outcome import Outcome, Result
from reconciler.render import escape

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

MARKS = {
    Result.DONE: "[green]done[/green]",
    Result.FAILED: "[red]failed[/red]",
    Result.PENDING: "[blue]pending[/blue]",
    Result.SKIPPED: "[yellow]skipped[/yellow]",
}
MOST_DONE = 20
"""In a wave of more changes, those that came about are counted only."""
RUNNING = "running"
CHECKS = {"passed": "green", "failed": "red"}


class Shown:
    """Takes the engine's events, see `apply.Progress`, and tells them on a console; on none, nothing."""

    def __init__(self, console: Console | None, verbose: bool = False) -> None:
        self.console, self.verbose = console, verbose
        self.wave = 0
        self.left = 0
        self.size = 0
        self.counts: Counter[Result] = Counter()
        self.began = 0.0
        self.live: Progress | None = None
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, event: str, changes: tuple[Any, ...], outcomes: tuple[Any, ...]) -> None:
        if self.console is None:
            return
        if event == "wave":
            self._wave(changes)
        elif event == "check":
            for name, record in outcomes:
                self._check(name, record)
        else:
            for outcome in outcomes:
                self._outcome(outcome)

    def working(self, what: str) -> None:
        """Something without events goes on, as reading does."""
        if self.console is not None:
            self._start(what, None)

    def pause(self) -> None:
        """Take the moving line away, as before a question and at the end."""
        if self.live is not None:
            self.live.stop()
        self.live, self.tasks = None, {}

    # Waves

    def _wave(self, changes: tuple[Any, ...]) -> None:
        assert self.console is not None
        self.pause()
        self.wave, self.left, self.size = self.wave + 1, len(changes), len(changes)
        self.counts, self.began = Counter(), time.monotonic()
        names = ", ".join(escape(change.key.plain) for change in changes[:1])
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        self.console.print(f"[dim]wave {self.wave}: {actions(changes)}  {names}{more} …[/dim]")
        self._start(f"wave {self.wave}", len(changes))

    def _outcome(self, outcome: Outcome) -> None:
        assert self.console is not None
        self.counts[outcome.result] += 1
        if outcome.result is not Result.DONE or self.size <= MOST_DONE or self.verbose:
            what = f"{outcome.action.value} {escape(outcome.key.plain)}"
            self.console.print(f"  {MARKS[outcome.result]} {what} [dim]{outcome.seconds:.1f} s[/dim]")
            if outcome.error:
                self.console.print(f"      {escape(outcome.error)}")
        if not self.left:
            return
        self.left -= 1
        if self.live is not None:
            for task in self.tasks.values():
                self.live.advance(task)
        if not self.left:
            self.pause()
            told = ", ".join(
                f"{self.counts[result]} {result.value}" for result in MARKS if self.counts[result]
            )
            self.console.print(
                f"[dim]wave {self.wave}: {told} in {time.monotonic() - self.began:.1f} s[/dim]"
            )

    # Checks

    def _check(self, name: str, record: Any) -> None:
        assert self.console is not None
        if record.result == RUNNING and name in self.tasks:
            return
        if record.result != RUNNING and name in self.tasks and self.live is not None:
            self.live.remove_task(self.tasks.pop(name))
        error = f": {escape(record.error.splitlines()[0])}" if record.error else ""
        colour = CHECKS.get(record.result, "blue")
        seconds = f" [dim]{record.seconds:.0f} s[/dim]" if record.seconds else ""
        told = f"check {escape(name)}: [{colour}]{record.result}[/{colour}]{seconds}{error}"
        self.console.print(f"  {told} [dim]{escape(record.url)}[/dim]".rstrip())
        if record.result == RUNNING:
            self._start(name, None)

    # The moving line

    def _start(self, name: str, total: int | None) -> None:
        if self.console is None or not self.console.is_terminal:
            return
        if self.live is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(20),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self.live = Progress(*columns, console=self.console, transient=True, redirect_stdout=False)
            self.live.start()
        self.tasks[name] = self.live.add_task(escape(name), total=total)
