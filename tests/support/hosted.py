"""A repository as a Git host keeps it, and an engine that follows it as the Function app does."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from support.project import environment, identity, template
from support.repositories import Repository, make

from reconciler import settings
from reconciler.dispatch import MemoryQueue
from reconciler.engine import Reconciler

SECRET = "a webhook's secret"
T = TypeVar("T")


@dataclass(frozen=True)
class Hosted:
    """`work` is where people commit; `bare` is what the app follows once they push."""

    work: Repository
    bare: Path
    state: Path

    @property
    def settings(self) -> settings.Settings:
        return replace(settings.read(), repository=str(self.bare), state=str(self.state))

    def engine(self) -> Reconciler:
        return settings.engine(self.settings)

    def push(self, files: dict[str, str | bytes] | None = None, branch: str = "main") -> str:
        """Commit files and push them; gives the commit."""
        commit = self.work.commit(files)
        self.work.git("push", "--quiet", "--force", str(self.bare), f"HEAD:refs/heads/{branch}")
        return commit

    def payload(self, branch: str = "main", **more: Any) -> bytes:
        """GitHub's push of this repository."""
        ref, repository = f"refs/heads/{branch}", {"clone_url": self.bare.as_uri()}
        return json.dumps({"ref": ref, "repository": repository, **more}).encode()


def signed(body: bytes, delivery: str = "d-1", event: str = "push", secret: str = SECRET) -> dict[str, str]:
    """GitHub's headers."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
    }


def hosted(folder: Path, files: dict[str, str | bytes]) -> Hosted:
    """A pushed repository with these files, and an empty state."""
    made = Hosted(make(folder / "work", files), folder / "bare.git", folder / "state")
    made.work.git("clone", "--quiet", "--bare", ".", str(made.bare))
    return made


def one(name: str, **options: Any) -> dict[str, str | bytes]:
    """The files of an environment with a template of its own, which makes one identity."""
    return {
        f"environments/{name}.yaml": environment(name, template=f"arm/{name}.json", **options),
        f"arm/{name}.json": json.dumps(template(identity(name))),
    }


def texts(queue: MemoryQueue) -> list[dict[str, Any]]:
    """Every message that is seen by now, as it was put; they are taken."""
    found: list[dict[str, Any]] = []
    while (taken := queue.take(600)) is not None:
        found.append(json.loads(taken.text))
        taken.done()
    return found


def names(queue: MemoryQueue) -> list[str]:
    return sorted(message["environment"] for message in texts(queue))


def until(look: Callable[[], T], seconds: float = 60) -> T:
    """What `look` gives once that is true. Raises AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return found


class Kept(MemoryQueue):
    """A queue that also tells every message and delay that was put."""

    def __init__(self) -> None:
        super().__init__()
        self.put_with: list[tuple[dict[str, Any], float]] = []

    def put(self, message: Any, delay: float = 0) -> None:
        self.put_with.append((json.loads(message.text), delay))
        super().put(message, delay)
