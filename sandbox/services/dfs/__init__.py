"""Data Lake Storage's data plane: `*.dfs.core.windows.net`, over the data that `storage` has as blobs.

File systems, directories, files (append and flush), lists and renames; leases, expiry and the setting of
access control lists answer 501: access is by keys and roles alone.
"""

from __future__ import annotations

from sandbox.service import Service
from sandbox.services.dfs import filesystems, paths
from sandbox.services.dfs.shapes import error
from sandbox.services.storage.rules import authenticate, check_request, knows

SERVICE = Service(
    name="dfs",
    hosts=("*.dfs.core.windows.net",),
    routes=filesystems.ROUTES + paths.ROUTES,
    audiences=(),
    error=error,
    before=check_request,
    authenticate=authenticate,
    knows=knows,
)
