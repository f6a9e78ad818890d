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
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reconciler import render
from reconciler.dashboard import changes, resources
from reconciler.dashboard.drawing import MANY, drawing
from reconciler.dashboard.recorded import recorded, when
from reconciler.dashboard.words import DONE, STATES, WATCHED
from reconciler.redaction import redact

ROOT = "/api/dashboard"
ROWS = 5000
"""Resources of one kind that are listed at all, the worst first."""


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


def overview(states: Iterable[Mapping[str, Any]], now: datetime, *, code: str = "") -> str:
    """All environments.

    states: as `render.state_json` tells each, with `history`: its lines, the newest first. code: a key that
    links to other pages bear."""
    shown = [{**recorded(state, now), "link": address(state["environment"], code)} for state in states]
    return _html(
        "environments.html",
        title="Environments",
        shown=shown,
        now=when(now.isoformat(timespec="seconds"), now),
        code=code,
    )


def environment(
    state: Mapping[str, Any],
    document: Mapping[str, Any] | None,
    now: datetime,
    *,
    code: str = "",
    kind: str = "",
    fresh: bool = False,
    done: str = "",
    token: str = "",
) -> str:
    """One environment in full.

    document: as `lastplan.document` makes it, None where none is kept. kind: the slug of the kind whose
    resources are told each. fresh: the plan was made for this page. done: the verb that led here. token: what
    forms bear; without it there are none."""
    name = state["environment"]
    it = recorded(state, now)
    known = document if document is not None and document.get("graph") is not None else None
    plan = _plan(state, known, now, lambda slug: address(name, code, kind=slug), kind) if known else None
    return _html(
        "environment.html",
        title=name,
        it=it,
        plan=plan,
        left=_left(state["last"], known),
        fresh=fresh,
        said=DONE.get(done, ""),
        token=token,
        approve=_to_approve(state, known or {}),
        actions={verb: _action(name, verb, code) for verb in DONE},
        links={"now": address(name, code, plan="now"), "all": address(name, code)},
        meanings=STATES,
        now=when(now.isoformat(timespec="seconds"), now),
        code=code,
    )


def fault(status: int, error: Mapping[str, Any], *, code: str = "", back: str = "") -> str:
    """What went wrong. error: the `error` of an answer of `api`; back: where the caller came from."""
    title = f"{status} {HTTPStatus(status).phrase}"
    return _html(
        "fault.html", title=title, error=error, faults=error.get("faults") or [], back=back, code=code
    )


def _plan(
    state: Mapping[str, Any], document: Mapping[str, Any], now: datetime, of_kind: Any, kind: str
) -> dict[str, Any]:
    """What the templates show of the plan and of what it knows."""
    last = state["last"]
    shown = resources.resources(document, last, [drift["key"] for drift in state["drift"]])
    at = {each.key: each.at for each in shown}
    many = len(shown) > MANY
    kinds = resources.kinds(shown)
    groups, left = changes.groups(document, resources.outcomes(document, last), at)
    rows = sorted((each for each in shown if each.named.slug == kind), key=resources.by_state)
    return {
        "time": when(document.get("time"), now),
        "commit": document["commit"],
        "summary": summary(document),
        "unsafe": document.get("unsafe") or "",
        "warnings": document.get("warnings") or [],
        "calls": document.get("calls") or {},
        "groups": groups,
        "left": left,
        "blocked": changes.held(document, "blocked", at),
        "waiting": changes.held(document, "waiting", at),
        "not_accepted": changes.not_accepted(document, at),
        "orphaned": list(changes.names(document.get("orphaned") or ())),
        "unmanaged": list(changes.names(document.get("unmanaged") or ())),
        "listed": changes.LISTED,
        "drawing": drawing(shown, kind, of_kind),
        "count": len(shown),
        "states": resources.counted(Counter(each.state for each in shown)),
        "many": many,
        "chosen": next((each for each in kinds if each.slug == kind), None),
        "rows": rows[:ROWS],
        "rows_left": max(0, len(rows) - ROWS),
        "systems": [
            {
                "name": system,
                "kinds": [(each, of_kind(each.slug)) for each in kinds if each.system == system],
                "resources": sorted(
                    (each for each in shown if each.named.system == system), key=resources.by_kind
                ),
            }
            for system in dict.fromkeys(each.system for each in kinds)
        ],
        "names": {each.at: each.named for each in shown},
    }


def _left(last: Mapping[str, Any], document: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What the last tick did not bring to its end, without what stands among the plan's changes."""
    told = {change["key"] for change in document["changes"]} if document else set()
    return [
        {**outcome, "key": render.plain(outcome["key"])}
        for outcome in last.get("outcomes") or ()
        if outcome["result"] != "done" and outcome["key"] not in told
    ]


def summary(document: Mapping[str, Any]) -> str:
    """What the plan comes to, in words."""
    actions = Counter(change["action"] for change in document["changes"] if not change.get("blocked"))
    told = [f"{count} to {action}" for action, count in actions.items()]
    watched = sum(held["code"] in WATCHED for held in document["blocked"])
    parts = {
        "watched alone": watched,
        "blocked": len(document["blocked"]) - watched,
        "waiting": len(document.get("waiting") or ()),
        "not accepted": len(document.get("notAccepted") or ()),
    }
    told += [f"{count} {word}" for word, count in parts.items() if count]
    unchanged = (document.get("summary") or {}).get("unchanged", 0)
    return f"{', '.join(told) or 'Nothing to change'}; {unchanged} unchanged"


def _to_approve(state: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """The digest of the plan that waits for an approval; "" where none does."""
    writes = [each for each in document.get("changes") or () if not each.get("blocked")]
    waits = document.get("sync") == "manual" and writes and not state["suspended"]
    outcomes_ = resources.outcomes(document, state["last"])
    done = all(outcomes_.get(each["key"], {}).get("result") == "done" for each in writes)
    approved = (state.get("approved") or {}).get("digest") == document.get("digest")
    return str(document["digest"]) if waits and not done and not approved else ""


def _html(template: str, *, code: str, **values: Any) -> str:
    text = _templates.get_template(template).render(home=address("", code), **values)
    return text.encode("utf-8", "replace").decode()  # services may give lone surrogates


def address(name: str, code: str, **query: str) -> str:
    """Of the page of an environment; "" for that of all."""
    path = f"{ROOT}/{quote(name, safe='')}" if name else ROOT
    said = {**query, **({"code": code} if code else {})}
    return f"{path}?{urlencode(said, quote_via=quote)}" if said else path


def _action(name: str, verb: str, code: str) -> str:
    path = f"/api/environments/{quote(name, safe='')}/{verb}"
    return f"{path}?{urlencode({'code': code}, quote_via=quote)}" if code else path
