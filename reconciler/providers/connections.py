"""Clients that stay: their connections are kept alive from one tick to the next, and are shared by threads.

A new connection costs a handshake, and reading all trusted authorities anew; a tick needs a score of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from reconciler.providers import retries

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.keyvault.secrets import SecretClient

HOSTS = 512
"""Hosts to which connections are kept; of those beyond, the ones that were idle for longest are closed."""
VARIABLES = tuple(
    spelt
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for spelt in (name, name.lower())
)
AT_ONCE = 32
"""Connections to one host that are kept."""
SCOPE = "https://management.azure.com/.default"


def management(credential: TokenCredential) -> Any:
    """The SDK's pipeline to Azure Resource Manager, without retries and without a reader of bodies: both are
    ours."""
    return _management(cast("Hashable", credential))


def secrets(credential: TokenCredential, url: str) -> SecretClient:
    """The SDK's client of one vault, without its own retries."""
    return _secrets(cast("Hashable", credential), url)


@lru_cache(maxsize=8)
def _management(credential: Any) -> Any:
    from azure.core.pipeline import policies
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.core.policies import (
        ARMAutoResourceProviderRegistrationPolicy,
        ARMChallengeAuthenticationPolicy,
    )

    return ARMPipelineClient(
        base_url="https://management.azure.com",
        policies=[
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy(base_user_agent="reconciler"),
            ARMAutoResourceProviderRegistrationPolicy(),
            policies.RedirectPolicy(),
            ARMChallengeAuthenticationPolicy(credential, SCOPE),
            policies.DistributedTracingPolicy(),
            policies.SensitiveHeaderCleanupPolicy(),
        ],
        transport=_transport(),
    )


@lru_cache(maxsize=HOSTS)
def _secrets(credential: Any, url: str) -> SecretClient:
    from azure.keyvault.secrets import SecretClient

    return SecretClient(url, credential, retry_total=0, transport=_transport())


def _keepalive() -> list[tuple[int, int, int]]:
    """Azure drops a connection that was idle for four minutes, and tells nobody; with these none is idle,
    and a dead one is found (https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-idle-timeout)."""
    names = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}
    known = {getattr(socket, name): value for name, value in names.items() if hasattr(socket, name)}
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, option, value) for option, value in known.items()),
    ]


@lru_cache(maxsize=1)
def _transport() -> RequestsTransport:
    """For all hosts of Azure.

    What requests looks up for each call anew (proxies, authorities, passwords in ~/.netrc) costs as much as a
    call: here the variables are read, and the rest is kept for as long as they stay; no ~/.netrc is read."""
    from http.cookiejar import DefaultCookiePolicy

    import requests
    from azure.core.pipeline.transport import RequestsTransport
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection

    options = [*HTTPConnection.default_socket_options, *_keepalive()]
    places: dict[tuple[str, Any], tuple[Any, Any]] = {}

    class Alive(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, socket_options=options, **more)

        def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
            return super().proxy_manager_for(proxy, socket_options=options, **more)

        def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
            asked = (str(urlsplit(request.url).netloc), verify)
            if asked not in places:
                places[asked] = super().build_connection_pool_key_attributes(request, verify, cert)
            host, pool = places[asked]
            return dict(host), dict(pool)

        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            if getattr(conn, "verified_by", None) != verify:
                super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
                conn.verified_by = verify

    class Session(requests.Session):
        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            host = str(urlsplit(url).netloc)
            found = _environment(host, *(os.environ.get(name, "") for name in VARIABLES))
            return {**found, "verify": found["verify"] or verify, "stream": stream, "cert": cert}

    session = Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # several identities share it
    session.mount("https://", Alive(pool_connections=HOSTS, pool_maxsize=AT_ONCE))
    return RequestsTransport(
        session=session,
        session_owner=False,
        connection_timeout=retries.CONNECT_SECONDS,
        read_timeout=retries.ANSWER_SECONDS,
    )


@lru_cache(maxsize=HOSTS)
def _environment(host: str, *_variables: str) -> Mapping[str, Any]:
    """The proxies and the authorities for a host, as requests finds them in these variables."""
    from requests.utils import get_environ_proxies

    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return {"proxies": get_environ_proxies(f"https://{host}/"), "verify": bundle}
