"""Who may do what with a vault's data: token, API version, network, access policies or Azure roles.

Messages and codes as recorded; the access-policy refusal as the service's documentation of 403 quotes it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, TokenError
from sandbox.services.arm import authorization, records
from sandbox.services.keyvault import limits
from sandbox.world import World

RESOURCE = "https://vault.azure.net"
AUDIENCES = (RESOURCE, "cfa8b339-82a2-471a-a3c9-0fc0be7a4093")
# The public address that the sandbox's clients seem to come from (RFC 5737): what `ipRules` must cover.
CLIENT = ipaddress.ip_address("203.0.113.10")

_VERSION = re.compile(r"7\.\d(-preview(\.\d)?)?|20\d\d-\d\d-\d\d(-preview(\.\d)?)?")
_DATA_ACTIONS: Mapping[str, str] = {
    "get": "getSecret/action",
    "set": "setSecret/action",
    "update": "update/action",
    "delete": "delete",
    "list": "readMetadata/action",
    "recover": "recover/action",
    "purge": "purge/action",
}
# Under access policies an update asks for `set`.
_POLICY_WORDS = {"update": "set"}


def refuse_token(world: World, request: Request, fault: TokenError) -> CloudError:
    """401 with the challenge that tells a client where to sign in and for which resource."""
    tenant = f"https://login.microsoftonline.com/{world.tenant_id}"
    message = {
        "missing": "AKV10000: Request is missing a Bearer or PoP token.",
        "malformed": "AKV10000: Request is missing a Bearer or PoP token.",
        "audience": f"AKV10022: Invalid audience. Expected {RESOURCE}, found: {fault.message}.",
        "expired": "[TokenExpired] Error validating token: 'S2S12086'.",
        "tenant": "AKV10032: Invalid issuer.",
    }.get(fault.kind, "AKV10014: The token could not be validated.")
    challenge = f'Bearer authorization="{tenant}", resource="{RESOURCE}"'
    return CloudError(401, "Unauthorized", message, headers={"WWW-Authenticate": challenge})


def check_request(world: World, request: Request) -> Response | None:
    """Raise 400 BadParameter without a well-formed api-version, 429 Throttled beyond the vault's limits."""
    version = request.query.get("api-version")
    if version is None:
        raise CloudError(400, "BadParameter", "api-version must be specified")
    if not _VERSION.fullmatch(version):
        raise CloudError(400, "BadParameter", f"The specified version ({version}) is not recognized.")
    limits.take(world, vault(world, request)["name"], request)
    return None


def vault(world: World, request: Request) -> dict[str, Any]:
    """The vault that the host names; raises 502, see `knows`."""
    found = _vault_of(world, request.host)
    if found is None:
        message = f"The host name {request.host} does not resolve: there is no such vault."
        raise CloudError(502, "HostNotFound", message)
    return found


def knows(world: World, host: str) -> bool:
    """Whether there is a vault of this name, and not a deleted one. In Azure other names do not resolve."""
    return _vault_of(world, host) is not None


def _vault_of(world: World, host: str) -> dict[str, Any] | None:
    return records.find(world, "Microsoft.KeyVault/vaults", host.split(".", 1)[0])


def permit(world: World, request: Request, operation: str, name: str = "") -> dict[str, Any]:
    """The vault, when the caller may do `operation` on its secrets; raises 403 Forbidden.

    operation: get, set, update, delete, list, recover, purge.
    """
    found = vault(world, request)
    _check_network(found, request)
    if found["properties"].get("enableRbacAuthorization"):
        _check_role(world, found, request, operation, name)
    else:
        _check_policy(found, request, operation)
    return found


def _check_network(found: Mapping[str, Any], request: Request) -> None:
    properties = found["properties"]
    if properties.get("publicNetworkAccess") == "Disabled":
        message = (
            "Public network access is disabled and request is not from a trusted service nor via an approved "
            "private link."
        )
        raise _forbidden(
            f"{message}\r\n{_caller(request)}\r\nVault: {_vault(found)}", "ForbiddenByConnection"
        )
    acls = properties.get("networkAcls") or {}
    inside = any(
        CLIENT in ipaddress.ip_network(rule["value"], strict=False) for rule in acls.get("ipRules") or ()
    )
    if acls.get("defaultAction") == "Deny" and not inside:
        message = "Client address is not authorized and caller is not a trusted service."
        raise _forbidden(
            f"{message}\r\nClient address: {CLIENT}\r\n{_caller(request)}\r\nVault: {_vault(found)}",
            "ForbiddenByFirewall",
        )


def _check_role(world: World, found: Mapping[str, Any], request: Request, operation: str, name: str) -> None:
    action = f"Microsoft.KeyVault/vaults/secrets/{_DATA_ACTIONS[operation]}"
    scope = f"{found['id']}/secrets/{name}" if name else found["id"]
    caller = request.caller
    if caller and authorization.allowed(world, caller.object_id, scope, action, data=True):
        return
    shown = scope.replace("/resourceGroups/", "/resourcegroups/").replace(
        "Microsoft.KeyVault", "microsoft.keyvault"
    )
    raise _forbidden(
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
        "role "
        "definitions were changed recently, please observe propagation time.\r\n"
        f"{_caller(request)}\r\nAction: '{action}'\r\nResource: '{shown}'\r\nAssignment: (not found)\r\n"
        f"DenyAssignmentId: null\r\nDecisionReason: null \r\nVault: {_vault(found)}\r\n",
        "ForbiddenByRbac",
    )


def _check_policy(found: Mapping[str, Any], request: Request, operation: str) -> None:
    word = _POLICY_WORDS.get(operation, operation)
    caller = request.caller
    granted = {
        permission.lower()
        for policy in found["properties"]["accessPolicies"]
        if caller and policy["objectId"] == caller.object_id.lower() and not policy.get("applicationId")
        for permission in policy["permissions"].get("secrets") or ()
    }
    # `all` does not include purge.
    if word in granted or ("all" in granted and word != "purge"):
        return
    who = _caller(request).removeprefix("Caller: ")
    raise _forbidden(
        f"The user, group or application '{who}' does not have secrets {word} permission on key vault "
        f"'{_vault(found)}'. "
        "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
        "AccessDenied",
    )


def _caller(request: Request) -> str:
    caller = request.caller
    assert caller is not None
    issuer = f"https://sts.windows.net/{caller.tenant_id}/"
    return f"Caller: appid={caller.client_id};oid={caller.object_id};iss={issuer}"


def _vault(found: Mapping[str, Any]) -> str:
    return f"{found['name']};location={found['location']}"


def _forbidden(message: str, inner: str) -> CloudError:
    return CloudError(403, "Forbidden", message, extra={"innererror": {"code": inner}})
