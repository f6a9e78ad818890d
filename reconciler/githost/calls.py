"""One call to a host's REST API, with its faults in our words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import requests

from reconciler.errors import HostRefused, HostUnavailable

SECONDS = 15.0
"""Longest wait for one answer."""
SIGN_IN_PAGES = (203, 302)
"""How Azure DevOps answers a token that it does not take: with the page to sign in on, or the way there."""

Sign = Callable[[], str]
"""Gives the header `Authorization`, anew where what it holds has expired. Raises SourceError."""


def ask(method: str, url: str, sign: Sign, headers: Mapping[str, str], needs: str, body: Any = None) -> Any:
    """The answer's JSON. needs: the permission that this call takes, for the message where it is refused.

    Redirects are not followed: what we sign is sent to the host that it is for. Raises HostRefused,
    HostUnavailable, and what `sign` raises."""
    signed = sign()

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = signed
        return request

    place = url.partition("?")[0]
    with requests.Session() as session:
        session.auth = authorize  # else a .netrc would take its place
        try:
            answer = session.request(
                method, url, json=body, headers=dict(headers), timeout=SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise HostUnavailable(f"no answer ({type(error).__name__}).", where=place) from None
        except ValueError:  # of Python's own HTTP client, with the token in its text
            told = "the token cannot be sent: it holds a line break, or what no header takes. Set it anew."
            raise HostRefused(told, where=place) from None
    if answer.status_code in (200, 201):
        try:
            return answer.json()
        except ValueError:
            raise HostUnavailable("the answer is no JSON.", where=place) from None
    raise _refused(answer, place, needs)


def _refused(answer: requests.Response, place: str, needs: str) -> HostRefused | HostUnavailable:
    status = answer.status_code
    limited = status == 403 and answer.headers.get("x-ratelimit-remaining") == "0"
    if status == 429 or status >= 500 or limited or "retry-after" in answer.headers:
        return HostUnavailable(f"it is busy or fails ({status}).", where=place)
    if status == 401 or status in SIGN_IN_PAGES:
        return HostRefused(f"sign-in was refused ({status}). Give a token that is valid.", where=place)
    if status in (403, 404):
        return HostRefused(f"refused ({status}). The sign-in needs: {needs}.", where=place)
    return HostRefused(f"refused ({status}).", where=place)
