"""Status and history for people: what is wrong first, how long ago, and what to type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from reconciler.cli.recordtext import history_lines, status_lines

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "arm.resource/g/Microsoft.Storage%2FstorageAccounts:a"


def status(**said: Any) -> str:
    told = {
        "environment": "dev", "commit": "c" * 40, "health": "healthy", "suspended": "", "resources": 1,
        "drift": [], "checks": [], "undelivered": [], "last": {}, "nextTick": None, **said,
    }  # fmt: skip
    return "\n".join(status_lines(told, NOW))


def test_status_tells_why_since_when_and_the_way_out() -> None:
    last = {"result": "held", "reason": "dev is not healthy yet.", "time": "2026-11-22T11:00:00+00:00"}
    told = status(last=last, nextTick="2026-11-22T12:05:00+00:00", suspended="holidays", health="suspended")
    assert "last tick: held, 1 hour ago\n    dev is not healthy yet." in told
    assert "next tick: in 5 minutes" in told
    assert "suspended: holidays" in told
    assert "`reconciler resume dev`" in told
    assert "`reconciler plan dev`" in status(health="blocked")
    assert "`reconciler tick dev` makes the first" in status()


def test_drift_bears_its_age_and_fields_and_a_hundred_are_cut() -> None:
    one = {"key": KEY, "since": "2026-11-20T12:00:00+00:00", "fields": ["sku.name", "tags.a"]}
    told = status(drift=[one] * 100)
    assert "2 days ago: arm.resource/g/Microsoft.Storage/storageAccounts:a sku.name, tags.a" in told
    assert told.count("2 days ago") == 20
    assert "… and 80 more; -v shows all" in told


def test_an_alert_that_did_not_arrive_is_told_with_its_error() -> None:
    letter = {"fact": "failed", "shown": "https://example.org/…", "attempts": 3, "error": "410 gone"}
    assert "failed to https://example.org/…, tried 3 times: 410 gone" in status(undelivered=[letter])


def test_history_tells_what_was_done_and_why_not() -> None:
    done = {"key": KEY, "action": "update", "result": "done", "error": ""}
    bad = {"key": KEY, "action": "create", "result": "failed", "error": "no"}
    tick = {
        "time": "t",
        "commit": "c" * 40,
        "result": "failed",
        "seconds": 2.0,
        "outcomes": [done, done, bad],
    }
    command = {
        "time": "t",
        "commit": "",
        "result": "suspend",
        "seconds": 0.0,
        "reason": "why",
        "by": "somebody",
    }
    lines = list(history_lines([tick, command]))
    assert "2 update, 1 failed, 2.0 s" in lines[0]
    assert lines[1].endswith("nothing written, 0.0 s by somebody")
    assert "why" in lines[2]
