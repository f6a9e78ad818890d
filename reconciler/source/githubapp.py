"""A GitHub App: its private key signs for a minute, and GitHub gives a token for one repository and an hour.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests

from reconciler.errors import SettingsError, SourceError
from reconciler.redaction import remember
from reconciler.source.git import NOT_FOUND, SIGN_IN, UNREACHABLE, Login

SECONDS = 15.0
"""Longest wait for one answer."""
SPARE_SECONDS = 300.0
"""A token that is this near its end is not begun a fetch with."""
READS: Mapping[str, str] = {"contents": "read"}
WORDS: Mapping[str, str] = {
    "contents": "read the contents",
    "pull_requests": "write the pull requests",
    "statuses": "write the commit statuses",
}
"""What a permission lets an app do."""
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHubApp:
    """Gives user and password for the repository at a URL. Safe to use from several threads."""

    def __init__(
        self, url: str, app: str, key: Callable[[], str], permissions: Mapping[str, str] = READS
    ) -> None:
        """app: the client id, or the number, of the app; key: gives the PEM of its private key. permissions:
        what its tokens may do, and no more."""
        self._url, self._app, self._key, self._permissions = url, app, key, dict(permissions)
        self.number = 0
        """The app's number, known once it has signed in."""
        parts = urlsplit(url)
        self._api = _api(parts.netloc)
        self._repository = parts.path.strip("/").removesuffix(".git")
        self._one = threading.Lock()
        self._token = ""
        self._until = 0.0
        self._ahead = 0.0

    def __call__(self) -> Login:
        with self._one:
            if time.monotonic() > self._until:
                self._renew()
            return "x-access-token", self._token

    def _renew(self) -> None:
        place = f"repos/{self._repository}/installation"
        found = self._ask("GET", place, None)
        installation, self.number = found["id"], int(found["app_id"])
        _, _, name = self._repository.partition("/")
        wanted = {"repositories": [name], "permissions": self._permissions}
        made = self._ask("POST", f"app/installations/{installation}/access_tokens", wanted)
        lasts = datetime.fromisoformat(made["expires_at"]).timestamp() - time.time() - self._ahead
        self._token, self._until = remember(made["token"]), time.monotonic() + lasts - SPARE_SECONDS

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """The answer's JSON. Asks once more, by GitHub's own clock, where ours is wrong."""
        answer = self._send(method, path, body)
        if answer.status_code == 401 and "Date" in answer.headers:
            ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
            if abs(ahead - self._ahead) > 30:
                self._ahead = ahead
                answer = self._send(method, path, body)
        if answer.status_code not in (200, 201):
            raise self._refused(answer.status_code)
        return answer.json()

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> requests.Response:
        now = time.time() + self._ahead
        # GitHub takes ten minutes at most, and bids us to begin a minute early.
        claims = {"iat": int(now) - 60, "exp": int(now) + 300, "iss": self._app}
        try:
            signed = jwt.encode(claims, self._key(), algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            message = "the private key of the GitHub App cannot be read. Give its .pem as GitHub made it."
            raise SettingsError(message, where="RECONCILER_GITHUB_KEY") from None
        with requests.Session() as session:
            session.auth = _bearer(signed)  # else a .netrc would take its place
            try:
                return session.request(
                    method,
                    f"{self._api}/{path}",
                    json=body,
                    headers=HEADERS,
                    timeout=SECONDS,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                message = f"GitHub was not reached for a token ({type(error).__name__}). Run again."
                raise SourceError(message, where=self._url, code=UNREACHABLE) from None

    def _refused(self, status: int) -> SourceError:
        if status == 404:
            message = "the GitHub App is not installed on this repository. Install it there."
            return SourceError(message, where=self._url, code=NOT_FOUND)
        if status == 401:
            message = "GitHub does not know the app by this id and key. Check RECONCILER_GITHUB_APP and _KEY."
            return SourceError(message, where=self._url, code=SIGN_IN)
        if status in (403, 422):
            wanted = " and ".join(WORDS.get(name, name) for name in self._permissions)
            message = f"GitHub gives the app no token ({status}). Let it {wanted} of this repository."
            return SourceError(message, where=self._url, code=SIGN_IN)
        message = f"GitHub gave no token ({status}). Run again."
        return SourceError(message, where=self._url, code=UNREACHABLE)


def _api(host: str) -> str:
    """Where a host answers: github.com, a company's own part of it, or its own server."""
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign
