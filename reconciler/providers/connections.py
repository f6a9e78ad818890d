"""Clients that stay: their connections are kept alive from one tick to the next, and are shared by threads.

A new connection costs a handshake, and reading all trusted authorities anew; a tick needs a score of them."""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from reconciler.providers import retries

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.keyvault.secrets import SecretClient

HOSTS = 512
"""Hosts to which connections are kept; of those beyond, the ones that were idle for longest are closed."""
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
    """For all hosts of Azure."""
    import requests
    from azure.core.pipeline.transport import RequestsTransport
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection

    class Alive(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, socket_options=options, **more)

        def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
            return super().proxy_manager_for(proxy, socket_options=options, **more)

    options = [*HTTPConnection.default_socket_options, *_keepalive()]
    session = requests.Session()
    session.mount("https://", Alive(pool_connections=HOSTS, pool_maxsize=AT_ONCE))
    return RequestsTransport(
        session=session,
        session_owner=False,
        connection_timeout=retries.CONNECT_SECONDS,
        read_timeout=retries.ANSWER_SECONDS,
    )
