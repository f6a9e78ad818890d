"""What a post comes to: a hint to look at Git, or an answer that ends it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """Somebody says that these refs of a repository moved.

    delivery: the sender's id of this post, the same when it is sent again. repositories: addresses by which
    the sender knows the repository. refs: full names, as refs/heads/main. pull: the number of a pull request
    that is open and may have changed, 0 for none; no ref moved then."""

    delivery: str
    event: str
    repositories: tuple[str, ...]
    refs: tuple[str, ...]
    pull: int = 0


@dataclass(frozen=True)
class Answer:
    """The post ends here: nothing is queued. reason: for the sender's log, without anything of a secret."""

    status: int
    reason: str


class Malformed(Exception):
    """The body is not what its sender posts; the text says why."""
