"""Commands that a browser sends: which posts were made by our own pages, and which another site had it make.

A browser adds what it knows of a caller (App Service's cookie) to a post of any site. So a form must bear a
token that only our page can tell, and a post that says it comes from elsewhere is refused whatever it bears.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TOKEN = "token"
"""The field of a form that bears the token."""
WINDOW_SECONDS = 6 * 3600
"""A token is good in the window in which it was made, and in the next one."""
OURS = ("same-origin", "none")
"""What browsers say of a request that no other site had them make. https://www.w3.org/TR/fetch-metadata/"""
HOSTS = ("host", "x-forwarded-host", "x-original-host", "disguised-host")
"""Headers that tell by which name the browser knows us: App Service and what stands before it change it."""


def token(key: bytes, caller: str, environment: str, now: datetime) -> str:
    """What a form of this caller for this environment bears. key: the store's."""
    return _token(key, caller, environment, _window(now))


def holds(said: str, key: bytes, caller: str, environment: str, now: datetime) -> bool:
    """Whether a token was made for this caller and environment, not longer ago than two windows."""
    window = _window(now)
    good = [_token(key, caller, environment, each) for each in (window, window - 1)]
    return bool(sum(hmac.compare_digest(said.encode(), each.encode()) for each in good))  # both, always


def kind(headers: Mapping[str, str]) -> str:
    """The type of a body, without its parameters."""
    return _named(headers).get("content-type", "").partition(";")[0].strip().lower()


def fields(content: bytes) -> dict[str, str]:
    """The fields of a form; of one that is there twice the last. What is no text is none."""
    try:
        return dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError:
        return {}


def foreign(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another site had it make this request. What says nothing is no browser, or
    an old one: then the token decides."""
    named = _named(headers)
    if site := named.get("sec-fetch-site", "").lower():
        return site not in OURS
    origin = named.get("origin", "")
    if origin in ("", "null"):  # null: our pages tell nobody where they are, see Referrer-Policy
        return False
    try:
        place = urlsplit(origin).netloc.lower()
    except ValueError:
        return True
    return place not in {named.get(name, "").lower() for name in HOSTS} - {""}


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _window(now: datetime) -> int:
    return int(now.astimezone(UTC).timestamp()) // WINDOW_SECONDS


def _token(key: bytes, caller: str, environment: str, window: int) -> str:
    """A key of its own, so that no token is ever the fingerprint of something else."""
    ours = hmac.digest(key, b"tokens of forms", "sha256")
    said = "\0".join((caller, environment, str(window)))
    return hmac.new(ours, said.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
