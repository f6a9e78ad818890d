"""How activities run: a table from the type of an activity to its runner.

A runner is three functions. ``begin`` starts the activity; ``look`` is asked, at ``again`` and whenever
another activity of the run ends, how it goes; ``stop`` ends it when the run is cancelled. What a runner must
remember in between is its ``memo`` (JSON), which survives a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sandbox.clock import iso, parse_iso
from sandbox.services.arm.ids import ResourceId
from sandbox.world import World

Status = Literal["InProgress", "Succeeded", "Failed", "Skipped"]


@dataclass(frozen=True)
class Task:
    """One activity of one run. ``activity`` has its expressions resolved; ``key`` is the run in the store."""

    key: str
    run_id: str
    factory: ResourceId
    pipeline: str
    activity: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.activity["name"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """The `typeProperties`."""
        return self.activity.get("typeProperties") or {}


@dataclass(frozen=True)
class Progress:
    """How an activity goes. ``again`` is when to look again, at the latest; None: something else will tell.

    ``unplayed`` marks a failure that only the sandbox has: no branch of the pipeline may handle it.
    """

    status: Status
    output: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    memo: Mapping[str, Any] = field(default_factory=dict)
    again: datetime | None = None
    unplayed: bool = False


def failed(message: str, code: str = "2001") -> Progress:
    """An activity that failed by what its user asked for."""
    return Progress("Failed", code=code, message=message)


def _nothing(world: World, task: Task, memo: Mapping[str, Any]) -> None:
    return None


@dataclass(frozen=True)
class Runner:
    """The three functions of one type of activities."""

    begin: Callable[[World, Task], Progress]
    look: Callable[[World, Task, Mapping[str, Any]], Progress]
    stop: Callable[[World, Task, Mapping[str, Any]], None] = _nothing


def _wait(world: World, task: Task) -> Progress:
    seconds = task.settings.get("waitTimeInSeconds")
    try:
        delay = timedelta(seconds=int(str(seconds)))
    except (ValueError, OverflowError):
        return failed(f"The waitTimeInSeconds '{seconds}' is not a whole number.")
    if delay <= timedelta(0):
        return failed(f"The waitTimeInSeconds '{seconds}' is not above 0.")
    until = world.now() + delay
    return Progress("InProgress", memo={"until": iso(until)}, again=until)


def _waited(world: World, task: Task, memo: Mapping[str, Any]) -> Progress:
    until = parse_iso(memo["until"])
    if world.now() < until:
        return Progress("InProgress", memo=memo, again=until)
    return Progress("Succeeded")


RUNNERS: Mapping[str, Runner] = {"Wait": Runner(_wait, _waited)}
