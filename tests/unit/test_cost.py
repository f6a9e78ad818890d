"""The page of costs says what the formula gives, and takes the prices that it shows."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sandbox import ROOT

PAGE = (ROOT / "docs" / "cost.md").read_text("utf-8")


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cost", ROOT / "scripts" / "cost.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["cost"] = module
    spec.loader.exec_module(module)
    return module


cost = _load()


def test_the_page_shows_the_examples_that_the_formula_gives() -> None:
    """`python scripts/cost.py` prints what belongs there."""
    assert cost.table() in PAGE


def test_the_page_shows_the_prices_that_the_formula_takes() -> None:
    """Whoever changes a price changes both."""
    shown = dict(re.findall(r"^\| ([^|]+?) \| \$([\d.]+) \|", PAGE, re.MULTILINE))
    prices = cost.Prices()
    assert {name: float(price) for name, price in shown.items()} == {
        "on demand, a GB-s": prices.gb_second,
        "a million executions": pytest.approx(prices.execution * 1_000_000),
        "an always-ready instance, a GB-s of its existence": prices.ready_gb_second,
        "10,000 writes of blobs (hot, LRS)": pytest.approx(prices.blob_write * 10_000),
        "10,000 reads of blobs": pytest.approx(prices.blob_read * 10_000),
        "10,000 operations of a queue": pytest.approx(prices.queue_operation * 10_000),
        "a GB of logs": prices.log_gb,
        "a log search alert rule, every 15 minutes": prices.alert_rule,
    }
    assert f"{prices.free_gb_seconds:,.0f} GB-s and {prices.free_executions:,.0f} executions" in PAGE
    assert f"| {prices.free_log_gb} GB |" in PAGE


def test_the_page_states_what_is_assumed() -> None:
    """Latency, fixed time and counts of operations stand in the formula as the code has them."""
    shape = cost.Shape()
    assert f"{shape.fixed:.0f} s (fetch" in PAGE
    assert f"calls × {shape.latency} s ÷ {cost.READERS}" in PAGE
    counts = f"{shape.blob_writes} writes + {shape.blob_reads} reads of blobs + {shape.queue_operations} operations"
    assert counts in PAGE
    assert f"{cost.MONTH:,} minutes" in PAGE and f"{cost.MONTH * 60:,} s" in PAGE


def test_one_example_by_hand() -> None:
    """1 group, 14 resources, 12 pages: 27 calls, 2 + 27 × 0.015 = 2.405 s; 8,760 ticks and 43,800 timers of 2 GB
    are 129,735.6 GB-s, of which 29,735.6 are paid."""
    made = cost.bill(cost.Environment(1, 14, 12))
    assert made.calls == 27
    assert made.gb_seconds == pytest.approx(2 * (8760 * 2.405 + 43_800))
    assert made.compute == pytest.approx(29_735.6 * 0.000026)
    assert made.ready == 0


environments = st.builds(
    cost.Environment,
    groups=st.integers(1, 20),
    resources=st.integers(20, 5000),
    lists=st.integers(0, 500),
    interval=st.integers(1, 1440),
)


@given(environment=environments, count=st.integers(1, 300))
def test_more_work_never_costs_less(environment: object, count: int) -> None:
    """More environments, more resources, or a shorter interval."""
    base = cost.bill(environment, count).total
    assert cost.bill(environment, count + 1).total >= base > 0
    assert cost.bill(replace(environment, resources=environment.resources + 1), count).total >= base
    assert cost.bill(replace(environment, interval=environment.interval + 1), count).total <= base
