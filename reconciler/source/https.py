"""Git over HTTPS for dulwich: as careful as what `git` is told, with our own words for each fault."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from dulwich.client import AbstractHttpGitClient
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Timeout, make_headers

from reconciler.errors import SourceError
from reconciler.source.git import (
    CERTIFICATE,
    FETCH_SECONDS,
    MOVED,
    NOT_FOUND,
    NOT_GIT,
    REMOTE,
    SIGN_IN,
    UNREACHABLE,
    Login,
)

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

TIMEOUT = Timeout(connect=30, read=60)
HOPS = 5
ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
# 203: the page to sign in on, as Azure DevOps answers a token that it does not take
STATUS = {203: SIGN_IN, 401: SIGN_IN, 403: SIGN_IN, 404: NOT_FOUND, 410: NOT_FOUND}
REDIRECTS = (301, 302, 303, 307, 308)


class Https(AbstractHttpGitClient):
    """A client of one repository. A login is sent to its own address alone."""

    def __init__(self, url: str, login: Login | None) -> None:
        super().__init__(url, quiet=True)
        self._shown = url
        self._login = make_headers(basic_auth=":".join(login)) if login else {}
        self._pool = _pool(urlsplit(url).hostname or "")
        self._deadline = time.monotonic() + FETCH_SECONDS

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        answer: Any = self._followed("GET" if data is None else "POST", url, headers or {}, data)
        answer.content_type = answer.headers.get("Content-Type", "")
        if "/info/refs?" in url and answer.content_type != ADVERTISEMENT:
            raise self._fault(NOT_GIT)  # else dulwich reads any page as a list of files
        return answer, lambda size=-1: self._read(answer, size)

    def _followed(self, method: str, url: str, headers: dict[str, str], body: Any) -> BaseHTTPResponse:
        """The answer, after redirects over HTTPS, which are followed only where nobody signs in."""
        asked, sent = url, {**headers, **self._login}
        for _ in range(HOPS):
            answer = self._answer(method, asked, sent, body)
            if answer.status not in REDIRECTS:
                break
            asked = urljoin(asked, answer.headers.get("Location", ""))
            answer.close()
            if self._login or method != "GET" or not asked.startswith("https://"):
                raise self._fault(MOVED)
        if answer.status != 200:
            raise self._fault(STATUS.get(answer.status, UNREACHABLE))
        answer.redirect_location = asked if asked != url else ""  # type: ignore[attr-defined]
        return answer

    def _answer(self, method: str, url: str, headers: dict[str, str], body: Any) -> BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                url,
                body=body,
                headers={"User-Agent": "git/dulwich", **headers},
                timeout=TIMEOUT,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            cause = error.reason if isinstance(error, MaxRetryError) else error
            raise self._fault(CERTIFICATE if isinstance(cause, SSLError) else UNREACHABLE) from None

    def _read(self, answer: BaseHTTPResponse, size: int) -> bytes:
        if time.monotonic() > self._deadline:
            raise self._fault(UNREACHABLE)
        try:
            return answer.read(None if size < 0 else size)
        except HTTPError:
            raise self._fault(UNREACHABLE) from None

    def _fault(self, code: str) -> SourceError:
        return SourceError(REMOTE[code], where=self._shown, code=code)


def _pool(host: str) -> urllib3.PoolManager:
    """By way of the environment's proxy, where it names one for this host; SSL_CERT_FILE holds."""
    trust = ssl.create_default_context()
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return urllib3.PoolManager(ssl_context=trust)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    login = make_headers(proxy_basic_auth=parts.netloc.rpartition("@")[0]) if "@" in parts.netloc else None
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(address, proxy_headers=login, ssl_context=trust, proxy_ssl_context=trust)
