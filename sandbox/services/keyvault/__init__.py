"""Key Vault's data plane: `*.vault.azure.net`. Secrets; keys and certificates are not played (501)."""

from __future__ import annotations

from sandbox.service import Service, arm_error
from sandbox.services.keyvault.routes import ROUTES
from sandbox.services.keyvault.rules import AUDIENCES, check_request, refuse_token

SERVICE = Service(
    name="keyvault",
    hosts=("*.vault.azure.net",),
    routes=ROUTES,
    audiences=AUDIENCES,
    error=arm_error,
    before=check_request,
    challenge=refuse_token,
)
