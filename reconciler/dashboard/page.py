"""Environments as HTML. Pure: JSON documents in, a text out, the same for the same ones.

Whatever a template puts out is redacted first and then escaped, by Jinja itself."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reconciler import render
from reconciler.redaction import redact

ROOT = "/api/dashboard"
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
QUIET = ("done", "")
"""Results of a tick that need no words."""


def _out(value: Any) -> str:
    """What a template puts out, without secrets; a macro's HTML was looked through as it was made."""
    return value if isinstance(value, Markup) else redact(str(value))


_templates = Environment(
    loader=PackageLoader("reconciler.dashboard"),
    autoescape=True,
    finalize=_out,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_style = _templates.get_template("style.css").render()
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_style.encode()).digest()).decode()
"""Names the one style sheet that the page may use, for its Content-Security-Policy."""


def page(states: Iterable[Mapping[str, Any]], now: datetime, *, one: bool = False, code: str = "") -> str:
    """All environments in a table; with `one` the only one in full.

    states: as `render.state_json` tells each, with `history`: its lines, the newest first. code: a key that
    links to other pages bear."""
    shown = [_environment(state, now, code) for state in states]
    if one:
        (only,) = shown
        return _html(
            "environment.html", title=only["name"], it=only, now=_when(now.isoformat(), now), code=code
        )
    return _html(
        "environments.html", title="Environments", shown=shown, now=_when(now.isoformat(), now), code=code
    )


def fault(status: int, error: Mapping[str, Any], *, code: str = "") -> str:
    """What went wrong. error: the `error` of an answer of `api`."""
    title = f"{status} {HTTPStatus(status).phrase}"
    return _html("fault.html", title=title, error=error, faults=error.get("faults") or [], code=code)


def _html(template: str, *, code: str, **values: Any) -> str:
    text = _templates.get_template(template).render(home=address("", code), **values)
    return text.encode("utf-8", "replace").decode()  # services may give lone surrogates


def _environment(state: Mapping[str, Any], now: datetime, code: str) -> dict[str, Any]:
    """What the templates show of one environment."""
    history, last = state["history"], state["last"]
    # A tick that was held or failed early is in the history alone, and commands are no ticks.
    tick = next((line for line in history if not line.get("by")), last)
    since = min((drift["since"] for drift in state["drift"]), default="")
    checks = [_check(check) for check in state["checks"]]
    return {
        "name": state["environment"],
        "link": address(state["environment"], code),
        "commit": state["commit"],
        "health": state["health"],
        "why": why(state, tick),
        "resources": state["resources"],
        "drift": [
            {
                "key": render.plain(drift["key"]),
                "fields": drift["fields"],
                "since": _when(drift["since"], now),
            }
            for drift in state["drift"]
        ],
        "since": _when(since, now),
        "checks": checks,
        "counts": [f"{count} {result}" for result, count in Counter(c["result"] for c in checks).items()],
        "tick": _when(tick.get("time"), now),
        "next": _when(state["nextTick"], now),
        "letters": [{**letter, "since": _when(letter["since"], now)} for letter in state["undelivered"]],
        "outcomes": [
            {**outcome, "key": render.plain(outcome["key"])}
            for outcome in last.get("outcomes") or ()
            if outcome["result"] != "done"
        ],
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
        "time": _when(line.get("time"), now),
        "commit": line.get("commit", ""),
        "result": line.get("result", ""),
        "reason": line.get("reason", ""),
        "by": line.get("by", ""),
        "outcomes": ", ".join(f"{count} {result}" for result, count in results.items()),
        "seconds": line.get("seconds") or 0.0,
    }


def address(name: str, code: str) -> str:
    """Of the page of an environment; "" for that of all."""
    path = f"{ROOT}/{quote(name, safe='')}" if name else ROOT
    return f"{path}?code={quote(code, safe='')}" if code else path


def link(url: str) -> str:
    """An address that may be followed, "" for any other: a service's text might be a script."""
    try:
        found = urlsplit(url)
        return url if found.scheme == "https" and found.hostname else ""
    except ValueError:
        return ""


def _when(text: Any, now: datetime) -> dict[str, str]:
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
