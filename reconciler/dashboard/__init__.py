"""The page for people: all environments, or one with its history. Reads only, for who has the role reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler import api, render
from reconciler.dashboard.page import STYLE_HASH, fault, page
from reconciler.engine import Reconciler
from reconciler.errors import ReconcilerError

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The address may hold a key: no cache keeps it, and a link away from here does not tell it."""
RECENT = 10
"""Lines of the history among which an environment's last tick is looked for: commands stand there too."""

__all__ = ["Page", "answer", "fault", "page"]


@dataclass(frozen=True)
class Page(api.Answer):
    """An answer whose text is HTML."""

    html: str = ""

    @property
    def text(self) -> str:
        return self.html


def answer(engine: Reconciler, by: api.Caller | None, name: str = "", code: str = "") -> Page:
    """GET dashboard, dashboard/NAME. What is refused or not there is a page too, with its status.

    code: the key in the caller's own address, if there is one; links to the other pages bear it on."""
    told = api.environments(engine, by, name)
    if told.status != 200:
        return _fault(told.status, told.body, told.headers, code)
    listed = told.body["environments"] if not name else [told.body]
    try:
        found = [
            {**each, "history": engine.store.history(each["environment"], *(() if name else (RECENT,)))}
            for each in listed
        ]
    except ReconcilerError as error:
        return _fault(502, render.error_json(error), {}, code)
    return Page(200, headers=HEADERS, html=page(found, datetime.now(UTC), one=bool(name), code=code))


def _fault(status: int, body: Mapping[str, Any], headers: Mapping[str, str], code: str) -> Page:
    return Page(status, headers={**headers, **HEADERS}, html=fault(status, body["error"], code=code))
