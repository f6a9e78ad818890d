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
        "app_slug": slug(app),
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


def slug(app: dict[str, Any]) -> str:
    """The name that an app bears in addresses and as an author."""
    return f"app-{app['id']}"


def user(held: dict[str, Any]) -> dict[str, Any]:
    """Who a token speaks for."""
    return {"login": held["login"], "id": held["id"], "type": "Bot" if held.get("app") else "User"}


def pull(found: dict[str, Any], repository: str, head: str, base: str) -> dict[str, Any]:
    """A pull request, without addresses and people. head, base: commits."""
    ours = {"full_name": repository}
    return {
        "number": found["number"],
        "state": found["state"],
        "merged": found["merged"],
        "title": found["title"],
        "head": {
            "ref": found["head"],
            "sha": head,
            "repo": {"full_name": found["fork"]} if found["fork"] else ours,
        },
        "base": {"ref": found["base"], "sha": base, "repo": ours},
    }


def comment(found: dict[str, Any]) -> dict[str, Any]:
    app = {"id": found["app"]} if found.get("app") else None
    return {
        "id": found["id"],
        "body": found["body"],
        "user": found["user"],
        "performed_via_github_app": app,
        "created_at": found["created"],
        "updated_at": found["updated"],
    }


def status(found: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "state", "description", "target_url", "context", "created_at", "creator")
    return {name: found[name] for name in names}
