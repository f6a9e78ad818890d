"""Bodies as graph.microsoft.com answers them."""

from __future__ import annotations

from typing import Any

from sandbox.identities import Identity
from sandbox.service import CloudError

_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"


def service_principal(identity: Identity, tenant_id: str) -> dict[str, Any]:
    """A service principal, without the many fields that are null for it."""
    return {
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": identity.object_id,
        "accountEnabled": True,
        "alternativeNames": [],
        "appDisplayName": None if identity.kind == "ManagedIdentity" else identity.name,
        "appId": identity.client_id,
        "appOwnerOrganizationId": None if identity.kind == "ManagedIdentity" else tenant_id,
        "appRoleAssignmentRequired": False,
        "displayName": identity.name,
        "servicePrincipalNames": [identity.client_id],
        "servicePrincipalType": "Application" if identity.kind == "Application" else "ManagedIdentity",
        "appRoles": [],
        "oauth2PermissionScopes": [],
        "keyCredentials": [],
        "passwordCredentials": [],
    }


def one(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """A single entity."""
    return {"@odata.context": f"{_CONTEXT}{kind}/$entity", **body}


def many(bodies: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """A collection."""
    return {"@odata.context": f"{_CONTEXT}{kind}", "value": bodies}


def not_found(identifier: str) -> CloudError:
    """Graph's 404."""
    end = "does not exist or one of its queried reference-property objects are not present."
    message = f"Resource '{identifier}' {end}"
    return CloudError(404, "Request_ResourceNotFound", message)
