"""The linked service of a Databricks workspace: whom the factory signs in as, and the cluster it asks for.

https://learn.microsoft.com/azure/data-factory/compute-linked-services#azure-databricks-linked-service
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.identities import Identity
from sandbox.service import Caller, CloudError, Request
from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.keyvault import rules as vault_rules
from sandbox.services.keyvault import secrets as vault_secrets
from sandbox.world import World

_DENIED = "3200"


class LinkFault(Exception):
    """Why the factory does not get in; `code` is an error code of the activity."""

    def __init__(self, code: str, message: str, unplayed: bool = False) -> None:
        super().__init__(message)
        self.code, self.unplayed = code, unplayed


def properties(world: World, factory: ResourceId, reference: Any) -> Mapping[str, Any]:
    """The `typeProperties` of a linked service that something refers to. Raises LinkFault."""
    name = (reference or {}).get("referenceName", "")
    document = records.get(world, factory.child("linkedservices", name).id)
    if document is None:
        raise LinkFault("2001", f"The linked service '{name}' does not exist.")
    settings: Mapping[str, Any] = document["properties"].get("typeProperties") or {}
    played = {key: value for key, value in settings.items() if key != "encryptedCredential"}
    if "@" in str({key: value for key, value in played.items() if isinstance(value, str | Mapping)}):
        raise LinkFault(
            "2001", f"The sandbox does not play expressions in the linked service '{name}'.", True
        )
    return settings


def host(settings: Mapping[str, Any]) -> str:
    """The host name in `domain`."""
    domain = str(settings.get("domain", ""))
    return (urlsplit(domain).hostname or domain).lower()


def signed_in(world: World, factory: ResourceId, settings: Mapping[str, Any]) -> str:
    """The name in the workspace of whom the runs are; raises LinkFault."""
    # Late: the workspaces' own API is built on ARM.
    from sandbox.services.databricks import authentication, hosts, principals, tokens

    place = host(settings)
    if not hosts.known(world, place):
        raise LinkFault("3208", "An error occurred while sending the request.")
    if settings.get("authentication") == "MSI":
        named = str(settings.get("workspaceResourceId", "")).rstrip("/").lower()
        found = None
        if named == hosts.workspace(world, place)["id"].lower():
            found = authentication.admit(world, place, identity(world, factory))
        message = "The identity of the factory is not authorized to administer the workspace."
    else:
        found = tokens.bearer(world, place, secret(world, factory, settings.get("accessToken")))
        message = "Invalid access token."
    if found is None:
        raise LinkFault(_DENIED, f"Error 403, {message}")
    return principals.name(found)


def cluster(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a run that names its compute."""
    if settings.get("existingClusterId"):
        return {"existing_cluster_id": settings["existingClusterId"]}
    number = str(settings.get("newClusterNumOfWorker", ""))
    least, scales, most = number.partition(":")
    workers = {"autoscale": {"min_workers": _whole(least), "max_workers": _whole(most)}}
    asked = {
        "spark_version": settings.get("newClusterVersion"),
        "node_type_id": settings.get("newClusterNodeType"),
        "driver_node_type_id": settings.get("newClusterDriverNodeType"),
        "instance_pool_id": settings.get("instancePoolId"),
        "spark_conf": settings.get("newClusterSparkConf"),
        "spark_env_vars": settings.get("newClusterSparkEnvVars"),
        "custom_tags": settings.get("newClusterCustomTags"),
        **(workers if scales else {"num_workers": _whole(least)}),
    }
    return {"new_cluster": {key: value for key, value in asked.items() if value is not None}}


def identity(world: World, factory: ResourceId) -> Identity:
    """The factory's own managed identity. Raises LinkFault."""
    document = records.get(world, factory.id) or {}
    principal = (document.get("identity") or {}).get("principalId")
    found = world.identities.by_object_id(principal) if principal else None
    if found is None:
        raise LinkFault(_DENIED, f"The factory '{factory.name}' has no managed identity.")
    return found


def secret(world: World, factory: ResourceId, asked: Any) -> str:
    """The value of an `AzureKeyVaultSecret`, read as the factory's identity. Raises LinkFault."""
    if not isinstance(asked, Mapping) or asked.get("type") != "AzureKeyVaultSecret":
        message = "The sandbox keeps no secrets of linked services: take them from a key vault."
        raise LinkFault(_DENIED, message, True)
    vault = urlsplit(str(properties(world, factory, asked.get("store")).get("baseUrl", ""))).hostname or ""
    who = identity(world, factory)
    caller = Caller(who.object_id, who.client_id, world.tenant_id, who.name, vault_rules.RESOURCE)
    name = str(asked.get("secretName", ""))
    try:
        request = Request("GET", vault, "", {}, {}, b"", {}, caller, "")
        found = vault_rules.permit(world, request, "get", name)
        document = vault_secrets.get(world, found["name"], name)
        one = vault_secrets.version(document, asked.get("secretVersion"))
    except CloudError as no:
        raise LinkFault(
            "2108",
            f"Failed to get the secret from key vault, secretName: {name}, secretVersion: "
            f"{asked.get('secretVersion') or ''}, vaultBaseUrl: https://{vault}/. The error message is: "
            f"{no.message}.",
        ) from None
    return str(one["value"])


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None
