"""A vault's limits on requests, in force while the world's limits are.

learn.microsoft.com, "Azure Key Vault service limits": in ten seconds 300 creations of secrets and 4,000 other
requests. The answer to one too many as recorded by its users: `Throttled`, with the reason in the message.
"""

from __future__ import annotations

from sandbox.service import CloudError, Request
from sandbox.world import World

REQUESTS = "keyvault.requests"
_SECONDS = 10
_CREATIONS, _OTHERS = 300, 4000


def take(world: World, vault: str, request: Request) -> None:
    """Count a request; raises 429 Throttled with the seconds to wait."""
    if not world.limits.enabled:
        return
    creation = request.method == "PUT"
    key = f"{vault.lower()}/{'creations' if creation else 'others'}"
    window, into = divmod(world.now().timestamp(), _SECONDS)
    kept = world.store.get(REQUESTS, key) or {}
    count = kept["count"] if kept.get("window") == window else 0
    if count >= (_CREATIONS if creation else _OTHERS):
        raise throttled({"Retry-After": str(max(1, round(_SECONDS - into)))})
    world.store.put(REQUESTS, key, {"window": window, "count": count + 1})


def throttled(headers: dict[str, str] | None = None) -> CloudError:
    """What the service says of one request too many."""
    message = (
        "Request was not processed because too many requests were received. "
        "Reason: VaultRequestTypeLimitReached"
    )
    return CloudError(429, "Throttled", message, headers=headers)
