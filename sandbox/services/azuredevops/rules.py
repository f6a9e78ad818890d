"""Who Azure DevOps takes a caller for, and what they may do in a repository.

An Entra token for its application bears itself, or is the password of a basic sign-in, as a personal access
token is (https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/service-principal-managed-identity).
What it does not take is answered by the page to sign in on, with 203, or by 401."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sandbox.service import Caller, CloudError, Request, TokenError
from sandbox.world import World

APPLICATION = "499b84ac-1321-427f-aa17-267ca6975798"
TOKENS, RIGHTS = "azuredevops.tokens", "azuredevops.rights"
READ, CONTRIBUTE = "read", "contributeToPullRequests"


def authenticate(world: World, request: Request) -> Caller:
    """The holder of a token. Raises 401."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        token = _password(token)
        if held := world.store.get(TOKENS, token):
            return Caller(held["id"], held["id"], "", held["name"], APPLICATION)
    try:
        return world.tokens.check(f"Bearer {token}", (APPLICATION,))
    except TokenError:
        challenge = {"WWW-Authenticate": 'Basic realm="https://dev.azure.com/"'}
        text = "TF400813: The user is not authorized to access this resource."
        text = "TF400813: The user is not authorized to access this resource."
        raise CloudError(401, "401", text, challenge) from None


def permitted(world: World, request: Request, right: str) -> None:
    """Raises 404 where the repository must not be known to the caller, and 403 where they lack a right."""
    assert request.caller is not None
    granted = world.store.get(RIGHTS, f"{name(request)}@{request.caller.object_id}".lower())
    if granted is None:
        told = (
            f"TF401019: The Git repository with name or identifier {request.params['name']} does not exist "
            "or you do not have permissions for the operation you are attempting."
        )
        raise CloudError(404, "GitRepositoryNotFoundException", told)
    if right not in granted["rights"]:
        text = "TF401027: You need the Git 'PullRequestContribute' permission to perform this action."
        raise CloudError(403, "GitNeedsPermissionException", text)


def name(request: Request) -> str:
    """ORG/PROJECT/REPO."""
    return "/".join(request.params[part] for part in ("organisation", "project", "name"))


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def caller_of(request: Request) -> dict[str, Any]:
    """The caller as the author of a comment."""
    assert request.caller is not None
    return {"id": request.caller.object_id, "displayName": request.caller.name}
