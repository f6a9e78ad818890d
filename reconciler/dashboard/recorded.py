"""What is recorded of an environment in the form that the templates show. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from reconciler import render

UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
QUIET = ("done", "")
"""Results of a tick that need no words."""


def recorded(state: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """One environment. state: as `render.state_json` tells it, with `history`: its lines, newest first."""
    history, last = state["history"], state["last"]
    # A tick that was held or failed early is in the history alone, and commands are no ticks.
    tick = next((line for line in history if not line.get("by")), last)
    since = min((drift["since"] for drift in state["drift"]), default="")
    checks = [_check(check) for check in state["checks"]]
    return {
        "name": state["environment"],
        "commit": state["commit"],
        "health": state["health"],
        "held": tick.get("result") == "held" and not state["suspended"],
        "suspended": state["suspended"],
        "why": why(state, tick),
        "resources": state["resources"],
        "drift": [
            {"key": render.plain(drift["key"]), "fields": drift["fields"], "since": when(drift["since"], now)}
            for drift in state["drift"]
        ],
        "since": when(since, now),
        "checks": checks,
        "counts": [f"{count} {result}" for result, count in Counter(c["result"] for c in checks).items()],
        "tick": when(tick.get("time"), now),
        "next": when(state["nextTick"], now),
        "letters": [{**letter, "since": when(letter["since"], now)} for letter in state["undelivered"]],
        "history": [_line(line, now) for line in history],
    }


def why(state: Mapping[str, Any], tick: Mapping[str, Any]) -> str:
    """Why an environment is not going on by itself, or did not do well: the first that holds; "" for none."""
    if state["suspended"]:
        return f"suspended: {state['suspended']}"
    result, reason = tick.get("result", ""), tick.get("reason", "")
    if result not in QUIET or reason:
        return ": ".join(part for part in (result if result not in QUIET else "", reason) if part)
    blocked = (state["last"].get("summary") or {}).get("blocked")
    return f"{blocked} blocked: see the plan" if blocked else ""


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    url = check.get("url") or ""
    return {**check, "error": check.get("error") or "", "url": url, "link": link(url)}


def _line(line: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """One line of the history: of a tick, or of a command with who gave it."""
    results = Counter(outcome["result"] for outcome in line.get("outcomes") or ())
    return {
        "time": when(line.get("time"), now),
        "commit": line.get("commit", ""),
        "result": line.get("result", ""),
        "reason": line.get("reason", ""),
        "by": line.get("by", ""),
        "outcomes": ", ".join(f"{count} {result}" for result, count in results.items()),
        "seconds": line.get("seconds") or 0.0,
    }


def link(url: str) -> str:
    """An address that may be followed, "" for any other: a service's text might be a script."""
    try:
        found = urlsplit(url)
        return url if found.scheme == "https" and found.hostname else ""
    except ValueError:
        return ""


def when(text: Any, now: datetime) -> dict[str, str]:
    """A time of the record, and how far from now; what is none is told as it is."""
    time = str(text or "")
    try:
        return {"time": time, "shown": distance((now - datetime.fromisoformat(time)).total_seconds())}
    except (ValueError, TypeError):
        return {"time": "", "shown": time}


def distance(seconds: float) -> str:
    """5 min ago, in 2 h: in the largest unit that it fills."""
    size = abs(seconds)
    unit, length = next(((u, n) for u, n in UNITS if size >= n), ("", 0))
    if not length:
        return "now"
    told = f"{int(size // length)} {unit}"
    return f"{told} ago" if seconds > 0 else f"in {told}"
