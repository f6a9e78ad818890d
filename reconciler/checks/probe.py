"""Checks of the kind `http`: an address that answers with the right status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from reconciler.checks.kind import Look, Tools, known
from reconciler.checks.record import Wanted
from reconciler.errors import CloudError

if TYPE_CHECKING:
    from requests import PreparedRequest

SECONDS = 15.0
"""Longest wait for one answer."""
HOPS = 5


class Probe:
    """Asks until the status is right; the check's timeout ends that. Nothing runs on the other side."""

    def begin(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        return self.look(wanted, token, tools)

    settle = begin

    def look(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        known(wanted.check.http)
        url, expect = str(wanted.check.http), wanted.check.expect
        if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
            raise CloudError("`http` is no address that begins with https:// and a host.")
        shown = plain(url)
        told = ask(url, expect)
        return Look({**token, "run": shown}, True if told == "" else None, shown, told)

    def cancel(self, token: Mapping[str, Any], tools: Tools) -> str:
        return ""


def ask(url: str, expect: int) -> str:
    """ "" where the address answers with the status `expect`, else what it did instead.

    Redirects are followed on the same host alone. No credentials are sent, not those of a `.netrc` either."""
    import requests

    with requests.Session() as session:
        session.auth = _nobody
        for _ in range(HOPS):
            try:
                answer = session.get(url, timeout=SECONDS, allow_redirects=False, stream=True)
            except requests.RequestException as error:
                return f"{plain(url)} was not reached: {type(error).__name__}."
            answer.close()
            if answer.status_code == expect:
                return ""
            target = urljoin(url, answer.headers.get("Location", "")) if answer.is_redirect else ""
            if not target or _origin(target) != _origin(url):
                where = f", to {plain(target)}" if target else ""
                return f"{plain(url)} answered {answer.status_code}{where}; {expect} is expected."
            url = target
    return f"{plain(url)} redirects more than {HOPS} times."


def _nobody(request: PreparedRequest) -> PreparedRequest:
    return request


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or 443


def plain(url: str) -> str:
    """An address for the eye: without what may hold a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
