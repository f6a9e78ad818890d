"""How the SDKs' calls go out: connections that stay, shared by all hosts and threads.

What requests does for each call anew (merging the session's settings, looking up proxies and authorities,
reading ~/.netrc) costs as much as the call. Here a call is what the SDK has made of it, the variables are
read once for as long as they stay, and nothing of one call is seen by another: several identities share the
connections."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import NoneType
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, requote_uri
from urllib3.connection import HTTPConnection
from urllib3.util.ssl_ import create_urllib3_context

HOSTS = 512
"""Hosts to which connections are kept; of those beyond, the ones that were idle for longest are closed."""
AT_ONCE = 32
"""Connections to one host that are kept."""
VARIABLES = tuple(
    spelt
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for spelt in (name, name.lower())
)


class Session(requests.Session):
    """A session of requests for https, which an SDK may be given; it keeps no cookies."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # `merge_environment_settings` is ours
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.mount("https://", _adapter())

    def request(  # type: ignore[override]
        self, method: Any, url: Any, params: Any = None, data: Any = None, headers: Any = None, **more: Any
    ) -> requests.Response:
        """As requests makes it. more: what its `request` takes; a form with files goes its whole way."""
        if more.get("files") or more.get("json") or not isinstance(data, (str, bytes, NoneType)):
            return super().request(method, url, params, data, headers, **more)
        asked = requests.PreparedRequest()
        query = urlencode(
            {name: value for name, value in (params or {}).items() if value is not None}, doseq=True
        )
        asked.method, asked.url = method, requote_uri(f"{url}?{query}" if query else url)
        asked.headers = CaseInsensitiveDict({**self.headers, **(headers or {})})
        asked.prepare_cookies({})
        if data is not None:
            asked.body = data.encode() if isinstance(data, str) else data
            asked.headers["Content-Length"] = str(len(asked.body))
        if self.auth:
            asked = self.auth(asked)  # type: ignore[operator]
        way: dict[str, Any] = {
            **self._way(url),
            "stream": bool(more.get("stream")),
            "timeout": more.get("timeout"),
        }
        answer = self.get_adapter(url).send(asked, **way)
        if answer.is_redirect and more.get("allow_redirects", True):
            answer = [answer, *self.resolve_redirects(answer, asked, **way)][-1]
        if not way["stream"]:
            answer.content  # noqa: B018 - reads it, and gives the connection back
        return answer

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, *_: Any) -> Any:
        return {**self._way(url), "stream": stream}

    def _way(self, url: str) -> Mapping[str, Any]:
        """The proxies and the authorities for a URL."""
        return _environment(urlsplit(url).netloc, *(os.environ.get(name, "") for name in VARIABLES))


class Alive(HTTPAdapter):
    """Keeps what it found out of a host, and connections alive.

    Azure drops a connection that was idle for four minutes, and tells nobody; with these options none is
    idle, and a dead one is found (https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-idle-timeout)."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, Any], tuple[Any, Any]] = {}
        names = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}
        known = {getattr(socket, name): value for name, value in names.items() if hasattr(socket, name)}
        self._options = [
            *HTTPConnection.default_socket_options,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            *((socket.IPPROTO_TCP, option, value) for option, value in known.items()),
        ]
        super().__init__(pool_connections=HOSTS, pool_maxsize=AT_ONCE)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, socket_options=self._options, **more)

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        return super().proxy_manager_for(proxy, socket_options=self._options, **more)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        asked = (str(urlsplit(request.url).netloc), verify)
        if asked not in self._places:
            host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
            if verify and cert is None:
                pool = {"cert_reqs": pool["cert_reqs"], "ssl_context": _trusting(verify)}
            self._places[asked] = host, pool
        host, pool = self._places[asked]
        return dict(host), dict(pool)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        if conn.conn_kw.get("ssl_context") is not None:
            return  # which verifies
        if getattr(conn, "verified_by", None) != verify:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
            conn.verified_by = verify


@lru_cache(maxsize=8)
def _trusting(verify: bool | str) -> ssl.SSLContext:
    """What all connections share that trust the authorities of a file or folder, or those that requests has.

    Without it each connection reads them anew, and keeps them: 40 ms and 0.7 MB."""
    place = Path(DEFAULT_CA_BUNDLE_PATH if verify is True else str(verify))
    if not place.exists():
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {place}")
    context = create_urllib3_context()
    context.load_verify_locations(**{"capath" if place.is_dir() else "cafile": str(place)})
    return context


@lru_cache(maxsize=1)
def _adapter() -> Alive:
    return Alive()


@lru_cache(maxsize=HOSTS)
def _environment(host: str, *_variables: str) -> Mapping[str, Any]:
    """The proxies and the authorities for a host, as requests finds them in these variables."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return {"proxies": get_environ_proxies(f"https://{host}/"), "verify": bundle or True}
