"""Checks that come `after` others: they start when those have passed, and are skipped when one has not."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.checks import Ticks
from support.environments import DEV, faults, snapshot
from support.sandbox import Sandbox

from reconciler.checks import healthy

CLOSED = "http: 'https://management.azure.com/subscriptions', expect: 401"
"""Azure's answer to somebody who has not signed in: a check that passes."""
OPEN = "http: 'https://management.azure.com/subscriptions', timeout: 5s"


def ticks(sandbox: Sandbox, root: Path, *checks: str) -> Ticks:
    return Ticks(sandbox, root, "\n".join(f"  - {{{check}}}" for check in checks))


def test_a_check_starts_when_those_before_it_have_passed(sandbox: Sandbox, tmp_path: Path) -> None:
    """In the same tick, whatever the order in the file, and not before."""
    three = ticks(
        sandbox,
        tmp_path,
        f"name: last, {CLOSED}, after: [first, second]",
        f"name: second, {CLOSED}, after: [first]",
        f"name: first, {CLOSED}",
    )
    assert {name: record["result"] for name, record in three.run().items()} == dict.fromkeys(
        ("first", "second", "last"), "passed"
    )
    assert three.told == [
        (name, result) for name in ("first", "second", "last") for result in ("running", "passed")
    ]
    assert three.waits == []


def test_what_comes_after_a_failed_check_is_skipped_and_says_why(sandbox: Sandbox, tmp_path: Path) -> None:
    """Over others too; the failure is the reason that is told, and nothing is asked in its stead. Once it has
    passed, the others run."""
    checks = [f"name: c, {CLOSED}, after: [b]", f"name: b, {CLOSED}, after: [a]", f"name: a, {OPEN}"]
    chain = ticks(sandbox, tmp_path, *checks)
    records = chain.run()
    assert {name: record["result"] for name, record in records.items()} == {
        "a": "failed",
        "b": "skipped",
        "c": "skipped",
    }
    assert records["b"]["error"] == "it comes after a, which did not pass."
    assert records["c"]["error"] == "it comes after b, which did not pass."
    assert healthy({"checks": records}, chain.environment).startswith("check a failed:")
    assert ("b", "running") not in chain.told
    sandbox.advance("PT1H")
    assert chain.run() == records, "nothing is asked again, and the age of each result stays"
    chain.checks = chain.checks.replace(OPEN, CLOSED)
    assert {record["result"] for record in chain.run().values()} == {"passed"}


def test_what_had_no_time_left_is_neither_failed_nor_skipped(sandbox: Sandbox, tmp_path: Path) -> None:
    """The next tick starts it."""
    two = ticks(sandbox, tmp_path, f"name: a, {OPEN.replace('5s', '1h')}", f"name: b, {CLOSED}, after: [a]")
    records = two.run(seconds=0.9)
    assert {name: record["result"] for name, record in records.items()} == {"a": "running"}
    assert healthy({"checks": records}, two.environment) == "check a has not ended."


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("[integrations]", "There is no check `integrations`. Did you mean `integration`?"),
        ("[integration, scoring]", "Checks wait for each other: scoring → scoring. Break the circle."),
        ("integration", "`after` must be a list"),
    ],
)
def test_a_check_waits_for_another_one_that_is_there(tmp_path: Path, after: str, told: str) -> None:
    text = f"checks:\n  - {{name: integration, {CLOSED}}}\n  - {{name: scoring, {CLOSED}, after: {after}}}\n"
    snapshot(tmp_path, dev=DEV + text)
    (fault,) = faults(tmp_path)
    assert told in str(fault)
    assert fault.place.startswith("environments/dev.yaml:10:")


def test_checks_that_wait_for_each_other_are_one_fault(tmp_path: Path) -> None:
    text = f"checks:\n  - {{name: a, {CLOSED}, after: [b]}}\n  - {{name: b, {CLOSED}, after: [a]}}\n"
    snapshot(tmp_path, dev=DEV + text)
    (fault,) = faults(tmp_path)
    assert "Checks wait for each other: a → b → a." in str(fault)
