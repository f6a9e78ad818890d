"""The page for people: all environments, or one with its graph, its plan and its history, and forms for the
commands. It shows what was recorded; only a plan that is asked for calls Azure."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler import api, approval, forms
from reconciler.dashboard.page import STYLE_HASH, address, environment, fault, overview
from reconciler.dispatch import Queue
from reconciler.engine import Reconciler
from reconciler.errors import ReconcilerError

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src '{STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The address may hold a key: no cache keeps it, and a link away from here does not tell it."""
RECENT = 10
"""Lines of the history among which an environment's last tick is looked for: commands stand there too."""

log = logging.getLogger(__name__)

__all__ = ["Page", "answer", "command"]


@dataclass(frozen=True)
class Page(api.Answer):
    """An answer whose text is HTML."""

    html: str = ""

    @property
    def text(self) -> str:
        return self.html


def answer(
    engine: Reconciler,
    by: api.Caller | None,
    name: str = "",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Page:
    """GET dashboard, dashboard/NAME. What is refused or not there is a page too, with its status.

    query: `code`, the key in the caller's own address, which links and forms bear on; `kind`, whose resources
    are told each; `plan=now`, to plan anew; `done`, the command that led here. Where a link of another site
    asks for a new plan, the last tick's is shown: only our own page has Azure called."""
    said = dict(query or {})
    if forms.foreign(headers or {}):
        said.pop("plan", None)
    code = said.get("code", "")
    told = api.environments(engine, by, name)
    if told.status != 200:
        return _fault(told, code)
    found = api.answered(lambda: _one(engine, by, told.body, said) if name else _all(engine, told.body, code))
    return found if isinstance(found, Page) else _fault(found, code)


def command(
    engine: Reconciler,
    queue: Queue,
    by: api.Caller | None,
    name: str,
    verb: str,
    content: bytes,
    headers: Mapping[str, str],
    query: Mapping[str, str],
) -> api.Answer:
    """POST environments/NAME/VERB, as `api.command`. Who sent a form is led back to the page, or told why."""
    done = api.command(engine, queue, by, name, verb, content, headers)
    if forms.kind(headers) != forms.FORM:
        return done
    code = query.get("code", "")
    if done.status != 202:
        return _fault(done, code, address(name, code))
    return Page(303, headers={**HEADERS, "Location": address(name, code, done=verb)})


def _all(engine: Reconciler, told: Mapping[str, Any], code: str) -> Page:
    every = told["environments"]
    with ThreadPoolExecutor(api.AT_ONCE) as pool:
        lines = pool.map(lambda each: engine.store.history(each["environment"], RECENT), every)
        found = [{**each, "history": history} for each, history in zip(every, lines, strict=True)]
    return Page(200, headers=HEADERS, html=overview(found, datetime.now(UTC), code=code))


def _one(engine: Reconciler, by: api.Caller | None, told: Mapping[str, Any], said: Mapping[str, str]) -> Page:
    now, name = datetime.now(UTC), told["environment"]
    fresh = said.get("plan") == "now"
    if fresh:
        engine.checkout.fetch()
    planned = engine.plan(name).document(now.isoformat(timespec="seconds")) if fresh else None
    kept = None if fresh else engine.store.last_plan(name)
    state = {
        **told,
        "history": engine.store.history(name),
        "approved": approval.found(engine.status(name)) or {},
    }
    token = _token(engine, by, name, now)

    def page(document: Mapping[str, Any] | None) -> Page:
        parts = {part: said.get(part, "") for part in ("code", "kind", "done")}
        html = environment(state, document, now, fresh=fresh, token=token, **parts)
        return Page(200, headers=HEADERS, html=html)

    try:
        return page(planned or kept)
    except Exception:
        if not kept:
            raise
        # It is for the eye alone, and another version or nobody of ours may have written it.
        log.warning("kept plan not shown environment=%s", name, exc_info=True)
        return page(None)


def _token(engine: Reconciler, by: api.Caller | None, name: str, now: datetime) -> str:
    """What the forms bear; "" for who may give no commands, and where the store's key cannot be read."""
    if by is None or not by.roles & api.GRANTS[api.OPERATOR]:
        return ""
    try:
        return forms.token(engine.store.key(), by.name, name, now)
    except ReconcilerError:
        return ""


def _fault(told: api.Answer, code: str, back: str = "") -> Page:
    html = fault(told.status, told.body["error"], code=code, back=back)
    return Page(told.status, headers={**told.headers, **HEADERS}, html=html)
