"""Signing in to the host of a repository: user and password for the moment of one fetch.

A stored token if there is one; in Azure Repos the app's own identity; else a GitHub App, if one is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.errors import SettingsError, SourceError
from reconciler.redaction import remember
from reconciler.source.git import SIGN_IN, Login

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from reconciler.source.githubapp import GitHubApp

SignIn = Callable[[], Login]
"""Gives user and password, anew where they have expired. Raises SourceError."""

USER = "x-access-token"
# https://learn.microsoft.com/azure/devops/repos/git/auth-overview: an Entra token for this application goes
# wherever a personal access token does.
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798/.default"
VAULT_SECRET = re.compile(
    r"(https://[A-Za-z0-9-]{3,24}\.vault\.azure\.net)/secrets/([0-9A-Za-z-]{1,127})(?:/([0-9a-f]{32}))?/?"
)


@dataclass(frozen=True)
class Means:
    """What our settings say: a token; or a GitHub App, by its client id or number, and its private key, as
    PEM or as the address of the Key Vault secret that holds it. credential: signs in to Azure."""

    token: str = field(default="", repr=False)
    app: str = ""
    key: str = field(default="", repr=False)
    credential: Callable[[], TokenCredential] | None = None


def credentials(url: str, means: Means) -> SignIn | None:
    """How to sign in to the repository at a URL; None for not at all. Makes no call.

    Raises SettingsError where an app has no key, or a key no app."""
    if means.token:
        return with_token(means.token)
    host = (urlsplit(url).hostname or "").lower()
    if host == "dev.azure.com" or host.endswith(".visualstudio.com"):
        return _with_identity(url, _signed_in(means))
    if bool(means.app) != bool(means.key):
        missing = "RECONCILER_GITHUB_KEY" if means.app else "RECONCILER_GITHUB_APP"
        message = "a GitHub App signs in with its client id and its private key. Set both."
        raise SettingsError(message, where=missing)
    return github_app(url, means) if means.app and url.startswith("https://") else None


def github_app(url: str, means: Means, permissions: Mapping[str, str] | None = None) -> GitHubApp:
    """The GitHub App that is named; it may read the repository's contents, or what is asked for instead."""
    from reconciler.source.githubapp import READS, GitHubApp  # with PyJWT and requests, where it is used

    return GitHubApp(url, means.app, lambda: private_key(means), permissions or READS)


def with_token(token: str) -> SignIn:
    """A stored token. GitHub, Azure DevOps and GitLab take one as the password of any user name; this is
    GitHub's own: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app"""
    return lambda: (USER, token)


def private_key(means: Means) -> str:
    """The PEM of a GitHub App's key. Raises SettingsError where there is none; it never shows what is."""
    text = means.key
    if found := VAULT_SECRET.fullmatch(text.strip()):
        from azure.core.exceptions import AzureError
        from azure.keyvault.secrets import SecretClient

        try:
            client = SecretClient(found[1], _signed_in(means))
            text = client.get_secret(found[2], found[3]).value or ""
        except AzureError as error:
            told = getattr(error, "status_code", None) or type(error).__name__
            message = (
                f"the key of the GitHub App cannot be read from Key Vault ({told}). Check the address, and "
                "give the identity the role Key Vault Secrets User."
            )
            raise SettingsError(message, where="RECONCILER_GITHUB_KEY") from None
    text = text.replace("\\n", "\n")  # what one line of an app setting makes of a file
    if "PRIVATE KEY-----" not in text:
        message = (
            "this is no private key. Give the .pem of the GitHub App, or the address of its vault secret."
        )
        raise SettingsError(message, where="RECONCILER_GITHUB_KEY")
    return remember(text)


def _with_identity(url: str, credential: TokenCredential) -> SignIn:
    def sign_in() -> Login:
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return USER, credential.get_token(AZURE_DEVOPS).token
        except ClientAuthenticationError:
            message = (
                "there is no identity to sign in to Azure Repos with. Run `az login`; or give the app an "
                "identity, and add that to the organisation; or set RECONCILER_GIT_TOKEN."
            )
            raise SourceError(message, where=url, code=SIGN_IN) from None

    return sign_in


def _signed_in(means: Means) -> TokenCredential:
    if means.credential is not None:
        return means.credential()
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
