"""ARM's request headers: correlation, and what is left of the token buckets, or 429."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.service import CloudError, Request, Service

if TYPE_CHECKING:
    from sandbox.world import World

ARM_HOST = "management.azure.com"
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)


def throttle(world: World, service: Service, request: Request) -> dict[str, str]:
    """The headers every ARM answer carries. Raises CloudError 429; empty for other services.

    Message and code as recorded from ARM since its token buckets; the headers by
    learn.microsoft.com, "Understand how Azure Resource Manager throttles requests".
    """
    if ARM_HOST not in service.hosts:
        return {}
    found = _SUBSCRIPTION.match(request.path)
    subscription = found.group(1) if found else ""
    actor = request.caller.object_id if request.caller else ""
    taken = world.limits.take(request.method, subscription, actor, world.now())
    scope = "subscription" if subscription else "tenant"
    headers = {
        "x-ms-correlation-request-id": request.correlation_id,
        f"x-ms-ratelimit-remaining-{scope}-{taken.kind}": str(taken.remaining),
    }
    if taken.retry_after is None:
        return headers
    wait = str(taken.retry_after)
    bucket = f"{scope} '{subscription or world.tenant_id}' actor '{actor}'"
    raise CloudError(
        429,
        f"{scope.capitalize()}RequestsThrottled",
        f"Number of '{taken.kind[:-1]}' requests for {bucket} exceeded. Please try again "
        f"after '{wait}' seconds after additional tokens are available. "
        "Refer to https://aka.ms/arm-throttling for additional information.",
        {"Retry-After": wait, **headers},
    )
