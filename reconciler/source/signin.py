"""Signing in to the host of a repository: user and password for the moment of one fetch."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.source.git import Login

SignIn = Callable[[], Login]
"""Gives user and password, anew where they have expired. Raises SourceError."""


def with_token(token: str) -> SignIn:
    """A stored token. GitHub, Azure DevOps and GitLab take one as the password of any user name; this is
    GitHub's own: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app"""
    return lambda: ("x-access-token", token)
