"""A repository on the sandbox's GitHub or Azure Repos, with pull requests, as a team has it: `Side` is either."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from support.hosted import SECRET, Kept, signed
from support.repositories import Repository, make
from support.sandbox import Sandbox

from reconciler import api, dispatch, settings
from reconciler.engine import Reconciler

US = "00000000-0000-0000-0000-0000000000f1"
"""The object id of the app's own identity."""
PERMISSIONS = {"contents": "read", "pull_requests": "write", "statuses": "write"}
PERSON = "github_pat_of_somebody"


@dataclass
class Side:
    """One host with one repository. `work` is where people commit; `branch` says where an open pull request's
    content is. Everything that the app does goes over HTTPS to the sandbox."""

    name: str
    sandbox: Sandbox
    work: Repository
    bare: Path
    state: Path
    settings: settings.Settings
    queue: Kept = field(default_factory=Kept)
    posts: int = 0
    _engine: Reconciler | None = None

    @property
    def repository(self) -> str:
        return "acme/bikes" if self.name == "github" else "acme/bikes/bikes"

    def engine(self) -> Reconciler:
        """The app's one engine."""
        self._engine = self._engine or settings.engine(self.settings)
        return self._engine

    # What people do

    def push(self, files: dict[str, str | bytes | None], branch: str = "main") -> str:
        """Commit files on a branch, made from `main` where it is new, and push it; None removes one."""
        known = self.work.git("branch", "--list", branch)
        self.work.git("checkout", "--quiet", *([branch] if known else ["-b", branch, "main"]))
        for path in (path for path, content in files.items() if content is None):
            self.work.git("rm", "--quiet", path)
        commit = self.work.commit({path: text for path, text in files.items() if text is not None})
        self.work.git("push", "--quiet", "--force", str(self.bare), f"HEAD:refs/heads/{branch}")
        return commit

    def merge(self, branch: str) -> str:
        """Merge a branch into main, and push that."""
        self.work.git("checkout", "--quiet", "main")
        self.work.git("merge", "--quiet", "--no-ff", "-m", "Merge", branch)
        self.work.git("push", "--quiet", str(self.bare), "main")
        return self.work.git("rev-parse", "HEAD")

    def open(self, head: str, base: str = "main", **more: Any) -> int:
        body = {"repository": self.repository, "head": head, "base": base, **more}
        number: int = self.sandbox.control("POST", f"{self.name}/pulls", body)["number"]
        return number

    # What the host tells the app, and what it does then

    def event(self, number: int, action: str = "opened", *, fork: bool = False) -> api.Answer:
        """Post the host's event of a pull request."""
        self.posts += 1
        if self.name == "github":
            ours = {"full_name": "acme/bikes"}
            head = {"repo": {"full_name": "evil/bikes"} if fork else ours}
            request = {"number": number, "merged": False, "head": head, "base": {"ref": "main", "repo": ours}}
            payload = {
                "action": action,
                "pull_request": request,
                "repository": {"clone_url": self.settings.repository},
            }
            body = json.dumps(payload).encode()
            headers = signed(body, f"d-{self.posts}", "pull_request")
        else:
            resource = {
                "pullRequestId": number, "status": "active", "repository": {"remoteUrl": self.settings.repository},
                **({"forkSource": {"name": "x"}} if fork else {}),
            }  # fmt: skip
            event = "created" if action == "opened" else "updated"
            named = {"id": f"d-{self.posts}", "eventType": f"git.pullrequest.{event}", "resource": resource}
            body = json.dumps(named).encode()
            password = base64.b64encode(f"hook:{SECRET}".encode()).decode()
            headers = {"Content-Type": "application/json", "Authorization": f"Basic {password}"}
        return api.webhook(self.engine, lambda: self.queue, (SECRET,), self.name, "POST", headers, body)

    def work_off(self) -> list[str]:
        """Work off what is queued now; how each message ended."""
        ended = []
        while (taken := self.queue.take(600)) is not None:
            ended.append(dispatch.work(self.engine(), self.queue, taken.text))
            taken.done()
        return ended

    def told(self, number: int, action: str = "opened") -> str:
        """Post the event and work it off: how it ended."""
        answer = self.event(number, action)
        assert answer.body.get("queued") == (f"pull request {number}",), answer.body
        (ended,) = self.work_off()
        return ended

    # What people see

    def comments(self, number: int) -> list[str]:
        if self.name == "github":
            found = self._get(f"https://api.github.com/repos/acme/bikes/issues/{number}/comments")
            return [each["body"] for each in found]
        threads = self._get(f"{AZURE}/pullRequests/{number}/threads")["value"]
        return [each["content"] for thread in threads for each in thread["comments"]]

    def statuses(self, commit: str, number: int = 0) -> dict[str, list[str]]:
        """The states of a commit (of a pull request in Azure Repos, where `number` is given) by name, oldest first."""
        if self.name == "github":
            found = reversed(self._get(f"https://api.github.com/repos/acme/bikes/commits/{commit}/statuses"))
            said = [(each["context"], each["state"]) for each in found]
        else:
            place = f"pullRequests/{number}" if number else f"commits/{commit}"
            found = self._get(f"{AZURE}/{place}/statuses")["value"]
            said = [
                (f"{each['context']['genre']}/{each['context']['name']}", NAMES[each["state"]])
                for each in found
            ]
        names = dict.fromkeys(name for name, _ in said)
        return {name: [state for other, state in said if other == name] for name in names}

    def say(self, number: int, text: str) -> None:
        """Somebody else comments."""
        if self.name == "github":
            url = f"https://api.github.com/repos/acme/bikes/issues/{number}/comments"
            answer = requests.post(url, json={"body": text}, headers=self._headers(), timeout=30)
        else:
            body = {"comments": [{"content": text}], "status": "active"}
            answer = requests.post(
                f"{AZURE}/pullRequests/{number}/threads", json=body, headers=self._headers(), timeout=30
            )
        assert answer.status_code in (200, 201), answer.text

    def _headers(self) -> dict[str, str]:
        if self.name == "github":
            return {"Authorization": f"Bearer {PERSON}"}
        return {"Authorization": "Basic " + base64.b64encode(f":{PERSON}".encode()).decode()}

    def _get(self, url: str) -> Any:
        answer = requests.get(url, headers=self._headers(), timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


AZURE = "https://dev.azure.com/acme/bikes/_apis/git/repositories/bikes"
NAMES = {"succeeded": "success", "failed": "failure", "pending": "pending"}


def github(folder: Path, sandbox: Sandbox, files: dict[str, str | bytes], **permissions: str) -> Side:
    """A repository of github.com, followed by a GitHub App."""
    work, bare = _made(folder, files)
    sandbox.control("POST", "github/repositories", {"repository": "acme/bikes", "path": str(bare)})
    key = _key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    body = {"publicKey": public, "repositories": ["acme/bikes"], "permissions": permissions or PERMISSIONS}
    app = sandbox.control("POST", "github/apps", body)
    person = {
        "token": PERSON,
        "login": "somebody",
        "repositories": ["acme/bikes"],
        "permissions": PERMISSIONS,
    }
    sandbox.control("POST", "github/tokens", person)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    said = replace(
        _settings(folder), repository="https://github.com/acme/bikes.git", github_app=app["clientId"],
        github_key=private.decode(),
    )  # fmt: skip
    return Side("github", sandbox, work, bare, folder / "state", said)


def azuredevops(folder: Path, sandbox: Sandbox, files: dict[str, str | bytes], *rights: str) -> Side:
    """A repository of Azure Repos, followed by the app's own identity."""
    work, bare = _made(folder, files)
    granted = list(rights) or ["read", "contributeToPullRequests"]
    body = {
        "repository": "acme/bikes/bikes", "path": str(bare),
        "members": {US: granted, "person": ["read", "contributeToPullRequests"]},
    }  # fmt: skip
    sandbox.control("POST", "azuredevops/repositories", body)
    sandbox.control("POST", "azuredevops/tokens", {"token": PERSON, "id": "person", "name": "Somebody"})
    said = replace(_settings(folder), repository="https://dev.azure.com/acme/bikes/_git/bikes")
    return Side("azuredevops", sandbox, work, bare, folder / "state", said)


SIDES: dict[str, Callable[..., Side]] = {"github": github, "azuredevops": azuredevops}


def _settings(folder: Path) -> settings.Settings:
    settings.credential.cache_clear()
    return replace(settings.read({}), state=str(folder / "state"), environ={})


def _made(folder: Path, files: dict[str, str | bytes]) -> tuple[Repository, Path]:
    work, bare = make(folder / "work", files), folder / "bare.git"
    work.git("clone", "--quiet", "--bare", ".", str(bare))
    return work, bare


_keys: list[RSAPrivateKey] = []


def _key() -> RSAPrivateKey:
    """One for all tests of a process: making one takes long."""
    if not _keys:
        _keys.append(generate_private_key(65537, 2048))
    return _keys[0]
