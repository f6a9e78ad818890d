"""What hosts of Git repositories know beyond Git: pull requests, comments and the statuses of commits.

GitHub and Azure DevOps behind one small protocol. The repository's content always comes from Git itself."""

from reconciler.githost.address import normal, same_repository
from reconciler.githost.host import Comment, Host, Install, PullRequest, Status
from reconciler.githost.opened import opened
from reconciler.githost.statuses import begun, ended, once

__all__ = [
    "Comment",
    "Host",
    "Install",
    "PullRequest",
    "Status",
    "begun",
    "ended",
    "normal",
    "once",
    "opened",
    "same_repository",
]
