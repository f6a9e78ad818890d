"""GitHub: pull requests, their comments, commit statuses. https://docs.github.com/en/rest"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.githost.calls import Sign, ask
from reconciler.githost.host import DESCRIBED, GENRE, Comment, Install, PullRequest, Status

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
PAGE, PAGES = 100, 50
"""Comments of one page, and how many pages are looked through."""
READS, WRITES = "pull requests: read", "pull requests: write"
SAYS = "commit statuses: write"


@dataclass(frozen=True)
class GitHub:
    """One repository. api: https://api.github.com or that of another server; repository: OWNER/NAME.

    on_pulls, on_statuses: sign in, each with no more than its own permission. app: the number of the GitHub
    App that signs in, known once it has; None where a person's token does."""

    api: str
    repository: str
    on_pulls: Sign
    on_statuses: Sign
    install: Install
    app: Callable[[], int] | None = None
    longest: int = 65536

    def pull_request(self, number: int) -> PullRequest:
        found = self._pulls("GET", f"pulls/{number}", READS)
        head, base = found["head"], found["base"]
        came = str((head.get("repo") or {}).get("full_name") or "")  # null once a fork was deleted
        fork = came.lower() != str(base["repo"]["full_name"]).lower()
        return PullRequest(number, found["state"] == "open", str(head["sha"]), str(base["ref"]), fork)

    def own_comments(self, number: int) -> Iterator[Comment]:
        """Of an app those that it wrote itself, of a token those of its user."""
        user = 0
        for page in range(1, PAGES + 1):
            path = f"issues/{number}/comments?per_page={PAGE}&page={page}"
            found = self._pulls("GET", path, READS)
            for each in found:
                if self.app is not None:
                    own = (each.get("performed_via_github_app") or {}).get("id") == self.app()
                else:
                    user = user or ask("GET", f"{self.api}/user", self.on_pulls, HEADERS, READS)["id"]
                    own = (each.get("user") or {}).get("id") == user
                if own:
                    yield Comment(str(each["id"]), str(each.get("body") or ""))
            if len(found) < PAGE:
                return

    def add_comment(self, number: int, text: str) -> None:
        self._pulls("POST", f"issues/{number}/comments", WRITES, {"body": text})

    def change_comment(self, number: int, comment: Comment, text: str) -> None:
        self._pulls("PATCH", f"issues/comments/{comment.id}", WRITES, {"body": text})

    def put_status(self, commit: str, status: Status) -> None:
        url = f"{self.api}/repos/{self.repository}/statuses/{commit}"
        ask("POST", url, self.on_statuses, HEADERS, SAYS, _status(status))

    def put_pull_status(self, pull: PullRequest, status: Status) -> None:
        """GitHub shows the statuses of a pull request's newest commit, and lists the newest status first."""
        url = f"{self.api}/repos/{self.repository}/commits/{pull.head}/statuses?per_page={PAGE}"
        said, body = ask("GET", url, self.on_statuses, HEADERS, SAYS), _status(status)
        last: Mapping[str, Any] = next((each for each in said if each["context"] == body["context"]), {})
        if any(last.get(name) != value for name, value in body.items()):
            self.put_status(pull.head, status)

    def _pulls(self, method: str, path: str, needs: str, body: Any = None) -> Any:
        return ask(method, f"{self.api}/repos/{self.repository}/{path}", self.on_pulls, HEADERS, needs, body)


def _status(status: Status) -> dict[str, Any]:
    return {
        "state": status.state,
        "context": f"{GENRE}/{status.name}",
        "description": status.description[:DESCRIBED],
        **({"target_url": status.url} if status.url else {}),
    }
