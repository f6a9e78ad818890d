"""Who may use an account's blobs: shared keys, bearer tokens with Azure roles.

The signature is that of "Authorize with Shared Key" (REST reference, version 2009-09-19 and later).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.service import Caller, CloudError, Request, Response, TokenError
from sandbox.services.arm import authorization, records
from sandbox.world import World

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
# What a caller with a token must be allowed to do: (action, whether it is a data action).
RIGHTS: Mapping[str, tuple[str, bool]] = {
    "list containers": (f"{_CONTAINERS}/read", False),
    "read container": (f"{_CONTAINERS}/read", False),
    "write container": (f"{_CONTAINERS}/write", False),
    "delete container": (f"{_CONTAINERS}/delete", False),
    "read blob": (f"{_CONTAINERS}/blobs/read", True),
    "write blob": (f"{_CONTAINERS}/blobs/write", True),
    "delete blob": (f"{_CONTAINERS}/blobs/delete", True),
    "move blob": (f"{_CONTAINERS}/blobs/move/action", True),
}


def account(world: World, request: Request) -> dict[str, Any]:
    """The account that the host names; raises 502, see `knows`."""
    found = _account(world, request.host)
    if found is None:
        message = f"The host name {request.host} does not resolve: there is no such account."
        raise CloudError(502, "HostNotFound", message)
    return found


def knows(world: World, host: str) -> bool:
    """Whether there is an account of this name. In Azure other names do not resolve."""
    return _account(world, host) is not None


def _account(world: World, host: str) -> dict[str, Any] | None:
    found = records.find(world, "Microsoft.Storage/storageAccounts", host.split(".", 1)[0])
    return None if found is None or records.state(found, world.now()) else found


def hierarchical(account: Mapping[str, Any]) -> bool:
    """Whether the account's directories are real (`isHnsEnabled`)."""
    return bool(account["properties"].get("isHnsEnabled"))


def authenticate(world: World, request: Request) -> Caller | None:
    """None for a good shared key, else the token's caller. Raises 401 and 403."""
    found = account(world, request)
    header = request.headers.get("authorization", "")
    if header.startswith("SharedKey "):
        _check_key(found, request, header.removeprefix("SharedKey "))
        return None
    audiences = ("https://storage.azure.com", f"https://{request.host}")
    try:
        return world.tokens.check(header or None, audiences)
    except TokenError as fault:
        raise _refused(world, fault) from None


def check_request(world: World, request: Request) -> Response | None:
    """Raise for a request without `x-ms-version`, which every client of today sends."""
    if "x-ms-version" not in request.headers:
        raise CloudError(400, "MissingRequiredHeader", "An HTTP header that's mandatory is missing.")
    return None


def permit(world: World, request: Request, right: str, container: str = "") -> dict[str, Any]:
    """The account, when the caller may do this to it; raises 403."""
    found = account(world, request)
    action, data = RIGHTS[right]
    scope = f"{found['id']}/blobServices/default/containers/{container}" if container else found["id"]
    caller = request.caller
    if caller and not authorization.allowed(world, caller.object_id, scope, action, data):
        message = "This request is not authorized to perform this operation using this permission."
        raise CloudError(403, "AuthorizationPermissionMismatch", message)
    return found


def _refused(world: World, fault: TokenError) -> CloudError:
    if fault.kind == "missing":
        tenant = f"https://login.microsoftonline.com/{world.tenant_id}/oauth2/authorize"
        challenge = f"Bearer authorization_uri={tenant} resource_id=https://storage.azure.com"
        message = (
            "Server failed to authenticate the request. Please refer to the information in the "
            "www-authenticate header."
        )
        return CloudError(
            401, "NoAuthenticationInformation", message, headers={"WWW-Authenticate": challenge}
        )
    code = "InvalidAuthenticationInfo"
    return CloudError(401, code, f"Server failed to authenticate the request. {fault.message}")


def _check_key(found: Mapping[str, Any], request: Request, credential: str) -> None:
    name, _, signature = credential.partition(":")
    if found["properties"].get("allowSharedKeyAccess") is False:
        message = "Key based authentication is not permitted on this storage account."
        raise CloudError(403, "KeyBasedAuthenticationNotPermitted", message)
    text = _to_sign(name, request).encode()
    good = any(
        hmac.compare_digest(
            signature, base64.b64encode(hmac.digest(_secret(key), text, hashlib.sha256)).decode()
        )
        for key in found["_keys"]
    )
    if name != found["name"] or not good:
        raise CloudError(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is "
            "formed correctly "
            "including the signature.",
        )


def _secret(key: Mapping[str, Any]) -> bytes:
    return base64.b64decode(key["value"])


def _to_sign(name: str, request: Request) -> str:
    headers = dict(request.headers)
    if headers.get("content-length") == "0":
        headers["content-length"] = ""
    if "x-ms-date" in headers:
        headers["date"] = ""
    own = "".join(f"{key}:{headers[key].strip()}\n" for key in sorted(headers) if key.startswith("x-ms-"))
    parts = urlsplit(request.url)
    values: dict[str, list[str]] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        values.setdefault(key.lower(), []).append(value)
    query = "".join(f"\n{key}:{','.join(sorted(values[key]))}" for key in sorted(values))
    lines = [request.method, *(headers.get(key, "") for key in _SIGNED)]
    return "\n".join(lines) + f"\n{own}/{name}{parts.path or '/'}{query}"
