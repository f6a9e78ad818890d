"""Publishing a package ("One Deploy" of Flex Consumption), and the host's own status.

Sources: the calls that `az functionapp deployment source config-zip` makes; the numbers of a deployment's
state are Kudu's (github.com/projectkudu/kudu, DeployStatus): 3 failed, 4 done. With a remote build, Azure
adds the packages of `requirements.txt`; here the package is kept as it was sent."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any
from uuid import uuid4

from sandbox.clock import iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.appservice.rules import is_scm, site
from sandbox.services.arm import authorization, records
from sandbox.services.storage import blobs
from sandbox.world import World

DEPLOYMENTS = "appservice.deployments"
PACKAGE = "released-package.zip"
FAILED, DONE = 3, 4

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_MESSAGES = "Microsoft.Storage/storageAccounts/queueServices/queues/messages"
_NEEDED = ("host.json", "requirements.txt", "function_app.py")


def publish(world: World, request: Request) -> Response:
    _scm_only(request)
    app = site(world, request)
    fault = _fault(world, app, request.body)
    if not fault:
        account, container, _ = _place(world, app)
        blobs.put(world, account, container, PACKAGE, request.body, {"content-type": "application/zip"})
    deployment = {
        "id": str(uuid4()),
        "status": FAILED if fault else DONE,
        "status_text": fault,
        "received_time": iso(world.now()),
        "complete": True,
        "site_name": app["name"],
        "size": len(request.body),
        "sha256": hashlib.sha256(request.body).hexdigest(),
    }
    world.store.put(DEPLOYMENTS, app["id"].lower(), deployment)
    return Response(202, deployment["id"], {"Content-Type": "application/json"})


def _fault(world: World, app: dict[str, Any], package: bytes) -> str:
    """Why a package cannot be published; "" when it can."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        return "The package is no ZIP archive."
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        return f"InvalidPackageContent: {', '.join(missing)} is not in the root of the package."
    account, container, there = _place(world, app)
    if there is None:
        return f"StorageAccessibleCheck: the container {container} of {account} does not exist."
    if not _may(world, app, there["id"], f"{_BLOBS}/write"):
        return "StorageAccessibleCheck: the app's identity may not write to its deployment container (403)."
    return ""


def _place(world: World, app: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """Account and container of the packages, and the container where it is there."""
    url = str(app["properties"]["functionAppConfig"]["deployment"]["storage"]["value"])
    host, _, container = url.removeprefix("https://").partition("/")
    account = host.split(".", 1)[0]
    found = records.find(world, "Microsoft.Storage/storageAccounts", account)
    path = f"{found['id']}/blobServices/default/containers/{container}" if found else ""
    return account, container, records.get(world, path) if path else None


def _may(world: World, app: dict[str, Any], scope: str, action: str) -> bool:
    storage = app["properties"]["functionAppConfig"]["deployment"]["storage"]["authentication"]
    named = str(storage.get("userAssignedIdentityResourceId") or "").lower()
    identity = app.get("identity") or {}
    assigned = {key.lower(): value for key, value in (identity.get("userAssignedIdentities") or {}).items()}
    principal = assigned.get(named, identity).get("principalId")
    return bool(principal) and authorization.allowed(world, principal, scope, action, data=True)


def latest(world: World, request: Request) -> Response:
    _scm_only(request)
    found = world.store.get(DEPLOYMENTS, site(world, request)["id"].lower())
    if found is None:
        raise CloudError(404, "NotFound", "Nothing has been deployed.")
    return Response(200, found)


def status(world: World, request: Request) -> Response:
    """The host runs where it has a package, and its identity reaches the storage that it works with."""
    app = site(world, request)
    if is_scm(request.host) or request.headers.get("x-functions-key") != app["_master"]:
        raise CloudError(401, "Unauthorized", "The master key of the host is needed.")
    account = records.find(
        world,
        "Microsoft.Storage/storageAccounts",
        str(app["_settings"].get("AzureWebJobsStorage__accountName")),
    )
    deployed = world.store.get(DEPLOYMENTS, app["id"].lower()) or {}
    reached = account is not None and all(
        _may(world, app, account["id"], action) for action in (f"{_BLOBS}/write", f"{_MESSAGES}/read")
    )
    if deployed.get("status") != DONE or not reached:
        raise CloudError(503, "ServiceUnavailable", "Function host is not running.")
    return Response(200, {"id": app["name"], "state": "Running", "version": "4.1045.0", "errors": []})


def _scm_only(request: Request) -> None:
    if not is_scm(request.host):
        raise CloudError(404, "NotFound", "Packages are published at the app's scm address.")


ROUTES = (
    Route("POST", "/api/publish", publish),
    Route("GET", "/api/deployments/latest", latest),
    Route("GET", "/admin/host/status", status),
)
