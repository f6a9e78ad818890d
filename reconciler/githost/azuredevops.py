"""Azure DevOps: pull requests, their threads, statuses of commits and of pull requests.

https://learn.microsoft.com/rest/api/azure/devops/git (api-version 7.1)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from reconciler.githost.calls import Sign, ask
from reconciler.githost.host import (
    DESCRIBED,
    FAILURE,
    GENRE,
    PENDING,
    SUCCESS,
    Comment,
    Install,
    PullRequest,
    Status,
)

VERSION = "api-version=7.1"
CONTRIBUTES, READS = "Contribute to pull requests", "Read of the repository"
STATES = {PENDING: "pending", SUCCESS: "succeeded", FAILURE: "failed"}
"""https://learn.microsoft.com/rest/api/azure/devops/git/statuses/create#gitstatusstate"""
HEADERS = {"Accept": "application/json"}
BRANCHES = "refs/heads/"


@dataclass(frozen=True)
class AzureDevOps:
    """One repository of Azure Repos. organisation: https://dev.azure.com/ORG."""

    organisation: str
    project: str
    repository: str
    sign: Sign
    install: Install
    longest: int = 150_000

    def pull_request(self, number: int) -> PullRequest:
        found = self._ask("GET", f"pullRequests/{number}", READS)
        base = str(found["targetRefName"]).removeprefix(BRANCHES)
        head = str((found.get("lastMergeSourceCommit") or {}).get("commitId") or "")
        fork = bool(found.get("forkSource")) or not head
        return PullRequest(number, found["status"] == "active", head, base, fork)

    def own_comments(self, number: int) -> Iterator[Comment]:
        threads = self._ask("GET", f"pullRequests/{number}/threads", READS)["value"]
        texts = [
            (thread, each)
            for thread in threads
            if not thread.get("isDeleted")
            for each in thread.get("comments") or ()
            if not each.get("isDeleted")
        ]
        us = self._us() if texts else ""
        for thread, each in texts:
            if us and (each.get("author") or {}).get("id") == us:
                yield Comment(f"{thread['id']}/comments/{each['id']}", str(each.get("content") or ""))

    def add_comment(self, number: int, text: str) -> None:
        """A thread of its own; closed, since a policy may ask that all open ones be resolved."""
        comment = {"parentCommentId": 0, "content": text, "commentType": "text"}
        body = {"comments": [comment], "status": "closed"}
        self._ask("POST", f"pullRequests/{number}/threads", CONTRIBUTES, body)

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        path = f"pullRequests/{number}/threads/{comment.id}"
        self._ask("PATCH", path, CONTRIBUTES, {"content": text})

    def put_status(self, commit: str, status: Status) -> None:
        self._ask("POST", f"commits/{commit}/statuses", CONTRIBUTES, _status(status))

    def put_pull_status(self, pull: PullRequest, status: Status) -> None:
        """It says of which commit: a policy may ask for another one after each push."""
        path = f"pullRequests/{pull.number}/statuses"
        body = _status(replace(status, description=f"{pull.head[:8]}: {status.description}"))
        said = [each for each in self._ask("GET", path, READS)["value"] if each["context"] == body["context"]]
        last: Mapping[str, Any] = max(said, key=lambda each: int(each["id"]), default={})
        if any(last.get(name) != value for name, value in body.items()):
            self._ask("POST", path, CONTRIBUTES, body)

    def _us(self) -> str:
        """The id of who signs in, as it stands at comments."""
        data = ask("GET", f"{self.organisation}/_apis/connectionData", self.sign, HEADERS, READS)
        return str((data.get("authenticatedUser") or {}).get("id") or "")

    def _ask(self, method: str, path: str, needs: str, body: Any = None) -> Any:
        base = f"{self.organisation}/{quote(self.project)}/_apis/git/repositories/{quote(self.repository)}"
        return ask(method, f"{base}/{path}?{VERSION}", self.sign, HEADERS, needs, body)


def _status(status: Status) -> dict[str, Any]:
    return {
        "state": STATES[status.state],
        "description": status.description[:DESCRIBED],
        "context": {"genre": GENRE, "name": status.name},
        **({"targetUrl": status.url} if status.url else {}),
    }
