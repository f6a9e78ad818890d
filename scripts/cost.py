"""What the hosted app costs in a month: a formula, the prices that it takes, and the tables of docs/cost.md.

    python scripts/cost.py      prints the tables

Pure: the same inputs give the same bill. Amounts are in US dollars, times in seconds, memory in GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

MONTH = 730 * 60  # minutes, as Azure's calculator counts
READERS = 10
"""Calls side by side, see `reconciler/providers/arm.py`."""


@dataclass(frozen=True)
class Prices:
    """List prices without discounts; docs/cost.md says where each is published."""

    gb_second: float = 0.000026
    execution: float = 0.40 / 1_000_000
    free_gb_seconds: float = 100_000
    free_executions: float = 250_000
    ready_gb_second: float = 0.000004  # an always-ready instance, whether it works or not
    blob_write: float = 0.05 / 10_000
    blob_read: float = 0.004 / 10_000
    queue_operation: float = 0.004 / 10_000
    log_gb: float = 2.30
    free_log_gb: float = 5
    alert_rule: float = 0.50  # a log search rule that looks every 15 minutes


@dataclass(frozen=True)
class Shape:
    """What is assumed of the app and of Azure. Every figure can be replaced by one that was measured."""

    memory: float = 2
    latency: float = 0.15  # of one call
    fixed: float = 2.0  # of a tick: fetch the commit, read and write the state
    timer: float = 1.0  # of one run of the timer; also the least that is charged for an execution
    blob_writes: int = 6  # of a tick: lease, state, journal
    blob_reads: int = 10
    queue_operations: int = 6
    idle_polls: int = 4  # of the queues, a minute
    log_bytes: int = 6_000  # of an execution
    rules: int = 3
    ready: int = 0  # always-ready instances


@dataclass(frozen=True)
class Environment:
    """What an environment holds, and how often it is looked at (minutes)."""

    groups: int
    resources: int  # of Resource Manager: one read each
    lists: int  # pages of lists: of Data Factory, Databricks and Key Vault
    interval: int = 5

    @property
    def calls(self) -> int:
        """Of a tick without changes: groups' lists (1,000 a page), one read a resource, the other lists."""
        return self.groups * max(1, ceil(self.resources / self.groups / 1000)) + self.resources + self.lists


@dataclass(frozen=True)
class Bill:
    """A month."""

    calls: int
    seconds: float
    executions: float
    gb_seconds: float
    compute: float
    storage: float
    logs: float
    ready: float

    @property
    def total(self) -> float:
        return self.compute + self.storage + self.logs + self.ready


def bill(
    environment: Environment, count: int = 1, shape: Shape | None = None, prices: Prices | None = None
) -> Bill:
    """`count` environments of that kind in one app. Executions on one instance that overlap are charged once
    by Azure; here each counts alone, so the real bill is lower."""
    shape, prices = shape or Shape(), prices or Prices()
    seconds = shape.fixed + environment.calls * shape.latency / READERS
    ticks = count * MONTH / environment.interval
    executions = ticks + MONTH
    gb_seconds = shape.memory * (ticks * max(1.0, seconds) + MONTH * max(1.0, shape.timer))
    compute = (
        max(0.0, gb_seconds - prices.free_gb_seconds) * prices.gb_second
        + max(0.0, executions - prices.free_executions) * prices.execution
    )
    storage = (
        ticks
        * (
            shape.blob_writes * prices.blob_write
            + shape.blob_reads * prices.blob_read
            + shape.queue_operations * prices.queue_operation
        )
        + MONTH * shape.idle_polls * prices.queue_operation
    )
    logged = executions * shape.log_bytes / 1e9
    logs = max(0.0, logged - prices.free_log_gb) * prices.log_gb + shape.rules * prices.alert_rule
    ready = shape.ready * shape.memory * MONTH * 60 * prices.ready_gb_second
    return Bill(environment.calls, seconds, executions, gb_seconds, compute, storage, logs, ready)


SAMPLE = Environment(groups=1, resources=14, lists=12)
LARGE = Environment(groups=1, resources=200, lists=40)
EXAMPLES: dict[str, tuple[Environment, int, Shape]] = {
    "the sample's dev": (SAMPLE, 1, Shape()),
    "the sample's dev, with 512 MB": (SAMPLE, 1, Shape(memory=0.5)),
    "the sample's dev, one instance always ready": (SAMPLE, 1, Shape(ready=1)),
    "one environment of 1,000 objects": (LARGE, 1, Shape()),
    "200 environments like the sample's": (SAMPLE, 200, Shape()),
    "200 environments, every 15 minutes, 512 MB": (
        Environment(SAMPLE.groups, SAMPLE.resources, SAMPLE.lists, interval=15), 200, Shape(memory=0.5),
    ),
}  # fmt: skip


def table() -> str:
    """The worked examples, as docs/cost.md shows them."""
    columns = (
        "calls a tick",
        "seconds a tick",
        "executions",
        "GB-s",
        "compute",
        "storage",
        "logs and alerts",
    )
    head = " | ".join(("| example", *columns, "always ready", "a month |"))
    lines = [head, "|---|" + "---:|" * 9]
    for name, (environment, count, shape) in EXAMPLES.items():
        made = bill(environment, count, shape)
        money = (made.compute, made.storage, made.logs, made.ready, made.total)
        figures = [
            f"{made.calls}",
            f"{made.seconds:.1f}",
            f"{made.executions:,.0f}",
            f"{made.gb_seconds:,.0f}",
        ]
        lines.append("| " + " | ".join([name, *figures, *(f"${amount:,.2f}" for amount in money)]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
