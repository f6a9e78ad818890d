"""Bare repositories on this disk, served over smart HTTP as a Git host does, and what their branches hold.

A control route tells where a repository is; Git's own `http-backend` answers
(https://git-scm.com/docs/git-http-backend). Nothing can be pushed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from sandbox.service import CloudError, Request, Response
from sandbox.world import World

COLLECTION = "repositories"
SECONDS = 60


def register(world: World, name: str, path: str) -> None:
    """Let the bare repository at a path be known by a name."""
    if not (Path(path) / "objects").is_dir():
        raise CloudError(400, "BadRequest", f"{path} is no bare repository")
    world.store.put(COLLECTION, name.lower(), {"name": name, "path": path})


def known(world: World, name: str) -> dict[str, Any] | None:
    """What was registered under a name."""
    return world.store.get(COLLECTION, name.lower())


def tip(world: World, name: str, branch: str) -> str:
    """The commit of a branch; "" where there is none."""
    repository = known(world, name)
    if repository is None:
        return ""
    words = ["git", "-C", repository["path"], "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS).stdout.strip()


def has(world: World, name: str, commit: str) -> bool:
    """Whether a repository has a commit."""
    repository = known(world, name)
    words = ["git", "-C", repository["path"] if repository else ".", "cat-file", "-e", f"{commit}^{{commit}}"]
    return (
        repository is not None and not subprocess.run(words, capture_output=True, timeout=SECONDS).returncode
    )


def fetch(world: World, request: Request, name: str, step: str) -> Response:
    """Answer one request of a fetch. step: `info/refs` or `git-upload-pack`. Raises CloudError 404."""
    repository = known(world, name)
    if repository is None:
        raise CloudError(404, "404", "Not Found")
    folder = Path(repository["path"])
    done = subprocess.run(
        ["git", "http-backend"],
        input=request.body,
        capture_output=True,
        check=True,
        timeout=SECONDS,
        env={
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(folder.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": f"/{folder.name}/{step}",
            "QUERY_STRING": "&".join(f"{name}={value}" for name, value in request.query.items()),
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        },
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return Response(int(headers.pop("Status", "200").split()[0]), content, headers)
