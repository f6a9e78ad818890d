"""What we ask of a host of Git repositories, and the values that go to and fro."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

PENDING, SUCCESS, FAILURE = "pending", "success", "failure"
GENRE = "reconciler"
"""What the names of all our statuses begin with: `reconciler/dev`."""
DESCRIBED = 140
"""Characters of a status's description, as GitHub takes them."""


@dataclass(frozen=True)
class PullRequest:
    """A pull request as its host knows it now. head: the commit; base: the branch that it goes to, without
    `refs/heads/`. fork: its content comes from another repository, or nobody knows from where."""

    number: int
    open: bool
    head: str
    base: str
    fork: bool


@dataclass(frozen=True)
class Comment:
    """A comment that we have written ourselves. id: how its host finds it again."""

    id: str
    text: str


@dataclass(frozen=True)
class Status:
    """What is said of a commit under a name (that of an environment, or `plan`). state: pending, success or
    failure; description: one line; url: where there is more, or ""."""

    name: str
    state: str
    description: str
    url: str = ""


@dataclass(frozen=True)
class Install:
    """What of our settings a host's part needs.

    comments, statuses: what is switched on. url: the public address of the app, or "". mark: tells our
    comments from those of another installation that follows the same repository."""

    comments: bool = True
    statuses: bool = True
    url: str = ""
    mark: str = ""

    @staticmethod
    def marked(repository: str, state: str) -> str:
        """The mark of an installation: where it keeps its state makes it another one."""
        return hashlib.sha256(f"{repository} {state}".encode()).hexdigest()[:16]

    def page(self, environment: str) -> str:
        """The environment's page of the dashboard; "" where the app's address is not known."""
        return f"{self.url.rstrip('/')}/api/dashboard/{environment}" if self.url else ""


class Host(Protocol):
    """One repository at its host. Every method raises HostRefused, HostUnavailable, or SourceError where
    there is no sign-in."""

    @property
    def install(self) -> Install: ...

    @property
    def longest(self) -> int:
        """Characters of a comment that the host takes."""

    def pull_request(self, number: int) -> PullRequest: ...

    def own_comments(self, number: int) -> Iterator[Comment]:
        """The comments on a pull request that the identity has written which asks now."""

    def add_comment(self, number: int, text: str) -> None: ...

    def change_comment(self, number: int, comment: Comment, text: str) -> None: ...

    def put_status(self, commit: str, status: Status) -> None:
        """Say it of a commit."""

    def put_pull_status(self, pull: PullRequest, status: Status) -> None:
        """Say it of a pull request, as it is with its newest commit.

        Nothing is posted where it is what was said last: the host may tell us of that as of a change."""
