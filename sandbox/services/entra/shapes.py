"""Bodies as login.microsoftonline.com answers them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sandbox.service import CloudError, Response

_LOGIN = "https://login.microsoftonline.com"


def error(fault: CloudError) -> Response:
    """OAuth's error with Entra's additions; a fault without an AADSTS number keeps its own words."""
    number = fault.extra.get("number")
    body: dict[str, Any] = {"error": fault.code, "error_description": fault.message}
    if number:
        trace, correlation = str(uuid4()), str(uuid4())
        body |= {
            "error_description": f"{fault.message} Trace ID: {trace} Correlation ID: {correlation}",
            "error_codes": [number],
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{_LOGIN}/error?code={number}",
        }
    return Response(fault.status, body, fault.headers)


def openid_configuration(tenant: str, tenant_id: str, version: str) -> dict[str, Any]:
    """The metadata of a tenant; `version` is "" (v1.0) or "/v2.0"."""
    oauth = f"{_LOGIN}/{tenant}/oauth2{version}"
    issuer = f"{_LOGIN}/{tenant_id}/v2.0" if version else f"https://sts.windows.net/{tenant_id}/"
    return {
        "token_endpoint": f"{oauth}/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{_LOGIN}/{tenant}/discovery{version or ''}/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "authorization_endpoint": f"{oauth}/authorize",
        "device_authorization_endpoint": f"{oauth}/devicecode",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
    }


def instance_discovery(tenant: str) -> dict[str, Any]:
    """Which hosts are one and the same cloud."""
    hosts = ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"]
    return {
        "tenant_discovery_endpoint": f"{_LOGIN}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": hosts[0], "preferred_cache": hosts[1], "aliases": hosts}],
    }


def token(access_token: str, audience: str, lifetime: int, now: int, v1: bool) -> dict[str, Any]:
    """The answer of the token endpoint; v1.0 sends numbers as text and names the resource."""
    if not v1:
        return {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access_token,
        }
    return {
        "token_type": "Bearer",
        "expires_in": str(lifetime),
        "ext_expires_in": str(lifetime),
        "expires_on": str(now + lifetime),
        "not_before": str(now),
        "resource": audience,
        "access_token": access_token,
    }
