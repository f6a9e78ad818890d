"""Whether a run may use a storage account, by the settings that its Spark has. In the driver's own words.

https://hadoop.apache.org/docs/stable/hadoop-azure/abfs.html#Authentication
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.identities import Identity
from sandbox.services.arm import authorization, records
from sandbox.services.storage import files
from sandbox.world import World

_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_SUFFIXES = (".dfs.core.windows.net", ".blob.core.windows.net")
_ABFS = "shaded.databricks.azurebfs.org.apache.hadoop.fs.azurebfs"


class Refused(Exception):
    """`kind` is the name of the Java exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def folder(world: World, container: str, host: str, settings: Mapping[str, str], write: bool) -> Path:
    """The folder of a container; ``settings`` are the `fs.azure.*` of the account. Raises Refused."""
    suffix = next((one for one in _SUFFIXES if host.endswith(one)), None)
    account = records.find(world, "Microsoft.Storage/storageAccounts", host.split(".", 1)[0])
    if suffix is None or account is None:
        raise Refused("java.net.UnknownHostException", host)
    if settings.get("fs.azure.account.auth.type", "SharedKey").lower() == "oauth":
        _check_role(world, account, container, host, settings, write)
    else:
        _check_key(account, container, host, settings.get("fs.azure.account.key"))
    if records.get(world, f"{account['id']}/blobServices/default/containers/{container}") is None:
        raise _http(host, container, 404, "FilesystemNotFound", "The specified filesystem does not exist.")
    found = files.folder(world, account["name"], container)
    found.mkdir(parents=True, exist_ok=True)
    return found


def _check_key(account: Mapping[str, Any], container: str, host: str, key: str | None) -> None:
    if not key:
        wrong = "Invalid configuration value detected for fs.azure.account.key"
        raise Refused(
            f"{_ABFS}.contracts.exceptions.KeyProviderException",
            f"Failure to initialize configuration for storage account {host}: {wrong}{wrong}",
        )
    if account["properties"].get("allowSharedKeyAccess") is False:
        message = "Key based authentication is not permitted on this storage account."
        raise _http(host, container, 403, "KeyBasedAuthenticationNotPermitted", message)
    if key not in [one["value"] for one in account["_keys"]]:
        message = (
            "Server failed to authenticate the request. Make sure the value of Authorization header is "
            "formed correctly including the signature."
        )
        raise _http(host, container, 403, "AuthenticationFailed", message)


def _check_role(
    world: World,
    account: Mapping[str, Any],
    container: str,
    host: str,
    settings: Mapping[str, str],
    write: bool,
) -> None:
    who = _identity(world, settings)
    scope = f"{account['id']}/blobServices/default/containers/{container}"
    action = f"{_CONTAINERS}/blobs/{'write' if write else 'read'}"
    if not authorization.allowed(world, who.object_id, scope, action, data=True):
        message = "This request is not authorized to perform this operation using this permission."
        raise _http(host, container, 403, "AuthorizationPermissionMismatch", message)


def _identity(world: World, settings: Mapping[str, str]) -> Identity:
    """Who the settings sign in as: a service principal with its secret, or a managed identity."""
    provider = settings.get("fs.azure.account.oauth.provider.type", "").rsplit(".", 1)[-1]
    client_id = settings.get("fs.azure.account.oauth2.client.id", "")
    found = world.identities.by_client_id(client_id)
    if provider == "ClientCredsTokenProvider":
        secret = settings.get("fs.azure.account.oauth2.client.secret")
        if found is not None and found.secret and found.secret == secret:
            return found
        code = "AADSTS7000215: Invalid client secret provided."
        if found is None:
            code = f"AADSTS700016: Application with identifier '{client_id}' was not found in the directory."
        raise Refused(
            f"{_ABFS}.oauth2.AzureADAuthenticator$HttpException",
            "HTTP Error 401; url='https://login.microsoftonline.com/…/oauth2/token' AADToken: HTTP "
            f"connection to https://login.microsoftonline.com failed for getting token from AzureAD. {code}",
        )
    if provider == "MsiTokenProvider" and found is not None and found.kind == "ManagedIdentity":
        return found
    raise Refused(
        f"{_ABFS}.contracts.exceptions.TokenAccessProviderException",
        f"Unable to load OAuth token provider class {provider or '(none)'} for the client id '{client_id}'.",
    )


def _http(host: str, container: str, status: int, code: str, message: str) -> Refused:
    place = f"https://{host}/{container}?upn=false&action=getAccessControl&timeout=90"
    return Refused(
        f"{_ABFS}.contracts.exceptions.AbfsRestOperationException",
        f'Operation failed: "{message}", {status}, HEAD, {place}, {code}, "{message}"',
    )
