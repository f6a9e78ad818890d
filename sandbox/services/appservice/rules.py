"""Which site a host name belongs to, and whom it lets in."""

from __future__ import annotations

from typing import Any

from sandbox.challenge import ARM_AUDIENCES
from sandbox.service import Caller, CloudError, Request, TokenError
from sandbox.services.arm import authorization, records
from sandbox.services.arm.providers.web import SITES
from sandbox.world import World

AUDIENCES = ("https://appservice.azure.com", *ARM_AUDIENCES)
_PUBLISH = f"{SITES}/publish/action"


def knows(world: World, host: str) -> bool:
    return find(world, host) is not None


def find(world: World, host: str) -> dict[str, Any] | None:
    """The site that answers at a host."""
    return records.find(world, SITES, host.split(".", 1)[0])


def site(world: World, request: Request) -> dict[str, Any]:
    found = find(world, request.host)
    assert found is not None, "a host without a site is refused before"
    return found


def is_scm(host: str) -> bool:
    return host.lower().endswith(".scm.azurewebsites.net")


def authenticate(world: World, request: Request) -> Caller | None:
    """To publish, a token of somebody who may; the host itself asks for its keys.

    Raises CloudError 401 and 403. Basic authentication is not played: 401 too."""
    if not is_scm(request.host):
        return None
    try:
        caller = world.tokens.check(request.headers.get("authorization"), AUDIENCES)
    except TokenError as fault:
        raise CloudError(401, "Unauthorized", fault.message) from None
    if not authorization.allowed(world, caller.object_id, site(world, request)["id"], _PUBLISH):
        raise CloudError(403, "Forbidden", f"The caller may not {_PUBLISH}.")
    return caller
