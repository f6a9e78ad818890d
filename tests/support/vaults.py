"""A vault, its policies and its secrets, for tests of both of its sides."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from support.arm import ME, SUBSCRIPTION, TENANT, Arm

VAULT = "Microsoft.KeyVault/vaults/bikes-kv"
URL = "https://bikes-kv.vault.azure.net"
PLACE = (
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/bikes-kv"
)
OFFICER = "/providers/Microsoft.Authorization/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
USER = "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
EVERYTHING = ["get", "list", "set", "delete", "recover", "purge"]


def policy(*permissions: str, who: str = ME) -> dict[str, Any]:
    return {"tenantId": TENANT, "objectId": who, "permissions": {"secrets": list(permissions)}}


def vault(*policies: dict[str, Any], **properties: Any) -> dict[str, Any]:
    base = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": list(policies)}
    return {"location": "westeurope", "properties": {**base, **properties}}


def secrets() -> SecretClient:
    return SecretClient(URL, DefaultAzureCredential(), retry_total=0)


def grant(arm: Arm, role: str) -> None:
    body = {"roleDefinitionId": role, "principalId": ME, "principalType": "ServicePrincipal"}
    place = f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000a1"
    assert arm.call("PUT", place, {"properties": body}, "2022-04-01").status_code == 201


def inner(refused: HttpResponseError) -> Any:
    return refused.error.innererror["code"] if refused.error and refused.error.innererror else None
