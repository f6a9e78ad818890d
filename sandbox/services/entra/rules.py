"""What Entra ID enforces: which resources it knows, who may have a token for them."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import TYPE_CHECKING

from sandbox.identities import Identity
from sandbox.service import CloudError

if TYPE_CHECKING:
    from sandbox.world import World

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"

# First-party resources of every tenant that the played services take tokens of, besides their own.
_RESOURCES = frozenset(
    {
        "https://management.azure.com",
        "https://management.core.windows.net",
        "https://vault.azure.net",
        "https://storage.azure.com",
        "https://appservice.azure.com",
        "https://graph.microsoft.com",
        "https://datafactory.azure.com",
        DATABRICKS,
        "499b84ac-1321-427f-aa17-267ca6975798",  # Azure DevOps
    }
)
# Status, `error` and wording by AADSTS number (learn.microsoft.com, "Microsoft Entra error codes").
_ERRORS: Mapping[int, tuple[int, str, str]] = {
    50059: (400, "invalid_request", "No tenant-identifying information was found in the request."),
    90002: (400, "invalid_request", "Tenant '{0}' not found. Check that the tenant ID is right."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{0}'."),
    900144: (400, "invalid_request", "The request body must contain the following parameter: '{0}'."),
    700016: (400, "unauthorized_client", "Application with identifier '{0}' was not found in the directory."),
    7000215: (401, "invalid_client", "Invalid client secret provided for app '{0}'."),
    1002012: (400, "invalid_scope", "The value '{0}' for scope is not valid: it must end with '/.default'."),
    500011: (400, "invalid_resource", "The resource principal named {0} was not found in the tenant."),
}


def refusal(number: int, value: str = "") -> CloudError:
    """The error of an AADSTS number; its code is OAuth's `error`."""
    status, code, text = _ERRORS[number]
    return CloudError(status, code, f"AADSTS{number}: {text.format(value)}", extra={"number": number})


def known_resource(world: World, resource: str) -> bool:
    """Whether a token for this resource (an audience) can be had at all."""
    bare = resource.rstrip("/")
    return bare in _RESOURCES or any(
        bare == audience.rstrip("/") for service in world.services for audience in service.audiences
    )


def tenant(world: World, asked: str) -> None:
    """Refuse every tenant but the one there is."""
    if asked.lower() in ("common", "organizations", "consumers"):
        raise refusal(50059)
    if asked.lower() != world.tenant_id:
        raise refusal(90002, asked)


def audience(form: Mapping[str, str]) -> str:
    """The audience that `scope` (v2.0) or `resource` (v1.0) asks for. Raises CloudError."""
    if "resource" in form:
        return form["resource"]
    scope = form.get("scope", "")
    if not scope:
        raise refusal(900144, "scope")
    # MSAL adds these for every grant; they name no resource.
    named = [part for part in scope.split() if part not in ("openid", "profile", "offline_access")]
    if len(named) != 1 or not named[0].endswith("/.default"):
        raise refusal(1002012, scope)
    return named[0].removesuffix("/.default")


def client(world: World, form: Mapping[str, str]) -> Identity:
    """The application whose id and secret the form holds. Raises CloudError."""
    for parameter in ("client_id", "client_secret"):
        if not form.get(parameter):
            raise refusal(900144, parameter)
    identity = world.identities.by_client_id(form["client_id"])
    if identity is None:
        raise refusal(700016, form["client_id"])
    if not identity.secret or not compare_digest(identity.secret.encode(), form["client_secret"].encode()):
        raise refusal(7000215, form["client_id"])
    return identity
