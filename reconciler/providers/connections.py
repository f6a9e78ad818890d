"""Clients that stay: their connections are kept alive from one tick to the next, and are shared by threads.

A new connection costs a handshake, and reading all trusted authorities anew; a tick needs a score of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from reconciler.providers import retries

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.keyvault.secrets import SecretClient

VAULTS = 512
"""Vaults whose clients are kept."""
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


@lru_cache(maxsize=VAULTS)
def _secrets(credential: Any, url: str) -> SecretClient:
    from azure.keyvault.secrets import SecretClient

    return SecretClient(url, credential, retry_total=0, transport=_transport())


@lru_cache(maxsize=1)
def _transport() -> RequestsTransport:
    """For all hosts of Azure."""
    from azure.core.pipeline.transport import RequestsTransport

    from reconciler.providers.session import Session

    return RequestsTransport(
        session=Session(),
        session_owner=False,
        connection_timeout=retries.CONNECT_SECONDS,
        read_timeout=retries.ANSWER_SECONDS,
    )
