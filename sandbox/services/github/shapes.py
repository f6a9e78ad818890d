"""Bodies as api.github.com answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.clock import iso
from sandbox.service import CloudError, Response


def error(fault: CloudError) -> Response:
    """`{"message", "documentation_url", "status"}`."""
    body = {
        "message": fault.message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(fault.status),
    }
    return Response(fault.status, body, fault.headers)


def installation(app: dict[str, Any]) -> dict[str, Any]:
    """An installation, without the many addresses of other resources."""
    return {
        "id": app["installation"],
        "app_id": int(app["id"]),
        "client_id": app["clientId"],
        "repository_selection": "selected",
        "permissions": app["permissions"],
        "suspended_at": None,
    }


def token(text: str, until: datetime, permissions: dict[str, str], names: list[str]) -> dict[str, Any]:
    return {
        "token": text,
        "expires_at": iso(until.replace(microsecond=0)),
        "permissions": permissions,
        "repository_selection": "selected",
        "repositories": [{"name": name.partition("/")[2], "full_name": name} for name in names],
    }
