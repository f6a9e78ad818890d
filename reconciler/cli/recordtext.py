"""What is recorded of environments as lines for people, with Rich's markup. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from reconciler.render import escape, plain, styled

HEALTH = {
    "healthy": "green", "drifted": "yellow", "blocked": "yellow", "suspended": "yellow", "pending": "blue",
    "failed": "red", "unknown": "dim",
}  # fmt: skip
RESULTS = {"done": "green", "failed": "red", "pending": "blue", "held": "yellow", "suspended": "yellow"}
CHECKS = {"passed": "green", "failed": "red"}
MOST = 20
"""Lines of a kind, unless all are asked for."""


def status_lines(told: Mapping[str, Any], now: datetime, *, verbose: bool = False) -> Iterator[str]:
    """One environment as `render.state_json` tells it."""
    name = escape(told["environment"])
    at = f" at {told['commit'][:12]}" if told["commit"] else ""
    colour, last = HEALTH.get(told["health"], "dim"), told["last"]
    health = f"[{colour}]{told['health']}[/{colour}]"
    yield f"[bold]{name}[/bold]{at}: {health}, {_count(told['resources'], 'resource')}"
    if told["suspended"]:
        yield f"  suspended: {escape(told['suspended'])}"
        yield f"  [dim]`reconciler resume {name}` starts it again.[/dim]"
    if last:
        yield f"  last tick: {last.get('result', '')}, {_ago(last.get('time', ''), now)}"
        if last.get("reason"):
            yield f"    {escape(last['reason'])}"
    else:
        yield f"  no tick yet; `reconciler tick {name}` makes the first"
    if told["nextTick"]:
        yield f"  next tick: {_ago(told['nextTick'], now)}"
    drift = [
        f"  [yellow]drift[/yellow] {_ago(each['since'], now)}: {escape(plain(each['key']))}"
        + (f" {escape(', '.join(each['fields']))}" if each["fields"] else "")
        for each in told["drift"]
    ]
    yield from _most(drift, verbose)
    for letter in told["undelivered"]:
        tried = f"{letter['shown']}, tried {letter['attempts']} times: {letter['error']}"
        yield f"  [red]alert not delivered[/red]: {letter['fact']} to {escape(tried)}"
    for check in told["checks"]:
        error = escape(str(check.get("error") or "").partition("\n")[0])
        colour = CHECKS.get(check["result"], "blue")
        result = f"[{colour}]{check['result']}[/{colour}], {check['seconds']:.0f} s {escape(check['url'])}"
        yield f"  check {escape(check['name'])}: {result} {error}".rstrip()
    left = [each for each in last.get("outcomes", ()) if each["result"] != "done"]
    yield from _most([_left(each) for each in left], verbose)
    if told["health"] == "blocked":
        yield f"  [dim]`reconciler plan {name}` tells what is blocked, and the way out.[/dim]"


def _left(outcome: Mapping[str, Any]) -> str:
    colour = RESULTS.get(outcome["result"], "yellow")
    key, error = escape(plain(outcome["key"])), escape(outcome["error"])
    said = f"  [{colour}]{outcome['result']}[/{colour}] {outcome['action']} {key}"
    return f"{said}\n      {error}" if error else said


def history_lines(ticks: Iterable[Mapping[str, Any]], *, verbose: bool = False) -> Iterator[str]:
    """Past ticks: time, commit, result, what was done, how long it took; why, where there is a reason."""
    for one in ticks:
        outcomes = one.get("outcomes", ())
        done = Counter(outcome["action"] for outcome in outcomes if outcome["result"] == "done")
        rest = Counter(outcome["result"] for outcome in outcomes if outcome["result"] != "done")
        counts = [f"{number} {name}" for name, number in (*done.items(), *rest.items())]
        checks = [f"{c['name']} {c['result']}" for c in one.get("checks", ()) if c["result"] != "passed"]
        what = ", ".join([*counts, *checks]) or "nothing written"
        colour = RESULTS.get(one["result"], "dim")
        result = f"[{colour}]{escape(one['result']):9}[/{colour}]"
        who = f" by {escape(one['by'])}" if one.get("by") else ""
        time, commit = escape(one["time"]), f"{one['commit'][:12]:12}"
        yield f"{time}  {commit}  {result} {escape(what)}, {one['seconds']:.1f} s{who}"
        if one.get("reason"):
            yield f"    {styled('dim', one['reason'])}"
        if verbose:
            yield from (f"  {_left(outcome)}" for outcome in outcomes)


def _most(lines: list[str], verbose: bool) -> Iterator[str]:
    yield from lines if verbose else lines[:MOST]
    if not verbose and len(lines) > MOST:
        yield f"  [dim]… and {len(lines) - MOST:,} more; -v shows all[/dim]"


UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def _ago(time: str, now: datetime) -> str:
    """How long ago a time was, or in how long it is; the time itself where it is none."""
    try:
        span = now - datetime.fromisoformat(time)
    except (ValueError, TypeError):
        return escape(time)
    seconds = abs(span) // timedelta(seconds=1)
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    told = _count(seconds // size, unit)
    return f"{told} ago" if span >= timedelta(0) else f"in {told}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
