"""The host of a repository, by its URL and by what our settings say of signing in."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from reconciler.githost.address import normal
from reconciler.githost.azuredevops import AzureDevOps
from reconciler.githost.calls import Sign
from reconciler.githost.github import GitHub
from reconciler.githost.host import Host, Install
from reconciler.source.signin import Means, SignIn, credentials, github_app

ON_PULLS: Mapping[str, str] = {"pull_requests": "write"}
ON_STATUSES: Mapping[str, str] = {"statuses": "write"}
"""What a GitHub App's token for either may do, and no more.
https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps"""


def opened(url: str, means: Means, install: Install) -> Host | None:
    """The host, where it is GitHub or Azure DevOps and there is something to sign in with; else None.

    Makes no call. Raises SettingsError as `credentials` does."""
    if not url.startswith("https://") or not (install.comments or install.statuses):
        return None
    where, *steps = normal(url).split("/")
    if where == "dev.azure.com":
        return _azure_devops(url, steps, means, install)
    if not (where == "github.com" or where.endswith(".ghe.com") or means.app):
        return None
    login = credentials(url, means)
    if login is None:
        return None
    api, repository = _api(where), "/".join(steps)
    if means.token:
        sign = _bearer(login)
        return GitHub(api, repository, sign, sign, install)
    pulls, statuses = github_app(url, means, ON_PULLS), github_app(url, means, ON_STATUSES)
    return GitHub(api, repository, _bearer(pulls), _bearer(statuses), install, lambda: pulls.number)


def _azure_devops(url: str, steps: list[str], means: Means, install: Install) -> Host | None:
    login = credentials(url, means)
    if len(steps) != 4 or login is None:
        return None
    organisation, project, _, repository = steps
    # A personal access token is the password of a basic sign-in, an identity's token bears itself.
    sign = _basic(login) if means.token else _bearer(login)
    return AzureDevOps(f"https://dev.azure.com/{organisation}", project, repository, sign, install)


def _api(host: str) -> str:
    """Where GitHub answers: github.com, a company's own part of it, or its own server."""
    return (
        f"https://api.{host}"
        if host == "github.com" or host.endswith(".ghe.com")
        else f"https://{host}/api/v3"
    )


def _bearer(login: SignIn) -> Sign:
    return lambda: f"Bearer {login()[1]}"


def _basic(login: SignIn) -> Sign:
    return lambda: "Basic " + base64.b64encode(":".join(login()).encode()).decode()
