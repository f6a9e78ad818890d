"""Who gets into a workspace.

learn.microsoft.com, "Get Microsoft Entra ID tokens for service principals": a token for Databricks' own
application lets in whom the workspace knows. Whoever may administer the workspace in Azure gets in as an
admin with two more headers, and is known from then on.
"""

from __future__ import annotations

from typing import Any

from sandbox.challenge import ARM_AUDIENCES
from sandbox.identities import Identity
from sandbox.service import Caller, CloudError, Request, TokenError
from sandbox.services.arm import authorization
from sandbox.services.databricks import hosts, principals, tokens
from sandbox.services.entra.rules import DATABRICKS
from sandbox.world import World

AUDIENCES = (DATABRICKS,)
_RESOURCE_ID = "x-databricks-azure-workspace-resource-id"
_MANAGEMENT = "x-databricks-azure-sp-management-token"
# "Makes the user a workspace Admin within Databricks": of the built-in roles Contributor and Owner hold it.
_ADMIN = "Microsoft.Databricks/workspaces/assignWorkspaceAdmin/action"


def authenticate(world: World, request: Request) -> Caller:
    """The caller, known to the workspace. Raises 401 and 403."""
    workspace = hosts.workspace(world, request.host)
    header = request.headers.get("authorization", "")
    if header.removeprefix("Bearer ").startswith("dapi"):
        return _bearer(world, request.host, header.removeprefix("Bearer ").strip())
    try:
        caller = world.tokens.check(header, AUDIENCES)
    except TokenError as fault:
        raise _unauthenticated(fault) from None
    asked = request.headers.get(_RESOURCE_ID)
    if asked is not None and asked.rstrip("/").lower() != workspace["id"].lower():
        raise _forbidden(f"The resource id {asked} is not that of this workspace.")
    known = principals.named(world, request.host, "servicePrincipals", caller.client_id)
    if known is None:
        _let_in(world, request, caller, workspace)
    elif not known.get("active", True):
        raise _forbidden("The service principal is deactivated in this workspace.")
    return caller


def _let_in(world: World, request: Request, caller: Caller, workspace: dict[str, Any]) -> None:
    token = request.headers.get(_MANAGEMENT)
    if _RESOURCE_ID not in request.headers or not token:
        number = workspace["properties"]["workspaceId"]
        raise _forbidden(f"Unauthorized access to workspace: {number}")
    try:
        manager = world.tokens.check(f"Bearer {token}", ARM_AUDIENCES)
    except TokenError as fault:
        raise _forbidden(f"The management token is not valid: {fault.message}") from None
    if manager.object_id != caller.object_id or admit(world, request.host, caller) is None:
        raise _forbidden(f"The caller is not authorized to administer the workspace {workspace['id']}.")
    # Who got in stays known also when the request itself is refused, which undoes what it wrote.
    world.store.commit()


def admit(world: World, host: str, caller: Caller | Identity) -> dict[str, Any] | None:
    """The principal that a workspace knows an identity by; whoever may administer it in Azure becomes one.

    None for everybody else.
    """
    known = principals.named(world, host, "servicePrincipals", caller.client_id)
    if known is not None:
        return known if known.get("active", True) else None
    if not authorization.allowed(world, caller.object_id, hosts.workspace(world, host)["id"], _ADMIN):
        return None
    fields = {"applicationId": caller.client_id, "displayName": caller.name, "active": True}
    made = principals.add(world, host, "servicePrincipals", fields)
    principals.join(world, host, principals.ADMINS, made)
    return made


def _bearer(world: World, host: str, token: str) -> Caller:
    who = tokens.bearer(world, host, token)
    if who is None:
        raise _forbidden("Invalid access token.")
    name = principals.name(who)
    identity = world.identities.by_client_id(name)
    return Caller(
        identity.object_id if identity else "",
        name,
        world.tenant_id,
        who.get("displayName", name),
        DATABRICKS,
    )


def _unauthenticated(fault: TokenError) -> CloudError:
    messages = {
        "missing": "Credential was not sent or was of an unsupported type for this API.",
        "audience": f"Expected aud claim to be: {DATABRICKS}, but was: {fault.message}.",
        "expired": f"Token is expired. {fault.message}",
    }
    return CloudError(401, "401", messages.get(fault.kind, "Invalid access token."))


def _forbidden(message: str) -> CloudError:
    return CloudError(403, "403", message)
