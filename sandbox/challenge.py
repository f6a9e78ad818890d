"""How ARM refuses a token: 401, a code by the kind of fault, a WWW-Authenticate header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.service import CloudError, Request, TokenError

if TYPE_CHECKING:
    from sandbox.world import World

ARM_AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)
_CODES = {
    "missing": "AuthenticationFailed",
    "malformed": "InvalidAuthenticationToken",
    "expired": "ExpiredAuthenticationToken",
    "audience": "InvalidAuthenticationTokenAudience",
    "tenant": "InvalidAuthenticationTokenTenant",
}


def arm_challenge(world: World, request: Request, fault: TokenError) -> CloudError:
    """ARM's 401 for any kind of TokenError."""
    message = fault.message
    if fault.kind == "audience":
        allowed = ",".join(f"'{audience}'" for audience in ARM_AUDIENCES)
        message = (
            f"The access token has been obtained for wrong audience or resource '{fault.message}'. "
            f"It should exactly match with one of the allowed audiences {allowed}."
        )
    described = (
        "The authentication failed because of missing 'Authorization' header."
        if fault.kind == "missing"
        else message.replace('"', "'")
    )
    header = (
        f'Bearer authorization_uri="https://login.microsoftonline.com/{world.tenant_id}", '
        f'error="invalid_token", error_description="{described}"'
    )
    return CloudError(401, _CODES[fault.kind], message, {"WWW-Authenticate": header})
