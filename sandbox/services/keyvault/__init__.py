"""Key Vault's data plane: `*.vault.azure.net`. Secrets; keys and certificates are not played (501)."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.keyvault.routes import ROUTES
from sandbox.services.keyvault.rules import AUDIENCES, check_request, knows, refuse_token
from sandbox.services.keyvault.shapes import error

SERVICE = Service(
    name="keyvault",
    hosts=("*.vault.azure.net",),
    routes=ROUTES,
    audiences=AUDIENCES,
    error=error,
    before=check_request,
    challenge=refuse_token,
    knows=knows,
)
