"""One run of the loop as a value: what was planned, what was done, and the line that the history keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler import lastplan
from reconciler.desired import Desired
from reconciler.graph import Graph
from reconciler.outcome import Outcome, Result
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.redaction import cleaned
from reconciler.resource import Key, Observation


@dataclass(frozen=True)
class Planned:
    """A plan with all that it was made from. unplaced: what waits for the address of its workspace.
    drawn: `lastplan.drawing` of it, where that is known."""

    plan: Plan
    state: State
    graph: Graph = field(default_factory=Graph)
    live: Mapping[Key, Observation] = field(default_factory=dict)
    desired: Desired | None = None
    others: Mapping[str, Any] = field(default_factory=dict)
    pauses: tuple[Key, ...] = ()
    unplaced: frozenset[Key] = frozenset()
    calls: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    drawn: Mapping[str, Any] | None = None

    def document(self, time: str, first: Planned | None = None) -> dict[str, Any]:
        """The plan for those who look later, see `lastplan.document`."""
        environment = self.desired.environment if self.desired is not None else None
        return lastplan.document(
            self.plan,
            self.drawn or lastplan.drawing(self.graph, self.state),
            time,
            first=first.plan if first is not None else None,
            sync=environment.policy.sync if environment is not None else "auto",
            calls=self.calls,
            warnings=self.warnings,
        )


@dataclass(frozen=True)
class Tick:
    """What one run of the loop did. result: done, pending, failed, held or suspended.

    began: when Git was asked, by our clock, ISO 8601; what was asked for before that is answered by this."""

    environment: str
    commit: str
    result: str
    planned: Planned | None = None
    outcomes: tuple[Outcome, ...] = ()
    reason: str = ""
    checks: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    calls: Mapping[str, int] = field(default_factory=dict)
    began: str = ""


def result_of(plan: Plan, outcomes: Iterable[Outcome]) -> str:
    """done, pending or failed: the worst of what the plan waits for and the outcomes tell."""
    results = {outcome.result for outcome in outcomes}
    waits = {held.code for held in plan.waiting}
    if Result.FAILED in results or "backoff" in waits:
        return "failed"
    if Result.PENDING in results or waits:
        return "pending"
    return "done"


def history_line(tick: Tick, now: datetime) -> dict[str, Any]:
    """One tick as it is kept: small, and without any value of a resource."""
    plan = tick.planned.plan if tick.planned else None
    line: dict[str, Any] = cleaned(
        {
            "time": now.isoformat(timespec="seconds"),
            "commit": tick.commit,
            "result": tick.result,
            "reason": tick.reason,
            "seconds": tick.seconds,
            "calls": dict(tick.calls),
            "summary": plan.summary if plan else {},
            "checks": [dict(check) for check in tick.checks],
            "outcomes": [
                {"key": str(o.key), "action": o.action.value, "result": o.result.value, "error": o.error}
                for o in tick.outcomes
            ],
        }
    )
    return line
