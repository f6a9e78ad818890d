"""Blob storage's data plane: `*.blob.core.windows.net`. Containers and block blobs; the rest answers 501."""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.storage.blobs import forget_all
from sandbox.services.storage.routes import ROUTES
from sandbox.services.storage.rules import authenticate, check_request, knows
from sandbox.services.storage.shapes import error

SERVICE = Service(
    name="storage",
    hosts=("*.blob.core.windows.net",),
    routes=ROUTES,
    audiences=(),
    error=error,
    before=check_request,
    authenticate=authenticate,
    knows=knows,
    merge_slashes=False,
    seed=forget_all,
)
