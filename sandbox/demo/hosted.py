"""The step in which nobody types a verb: the Git host tells the app of a merge, and the app works it off."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from sandbox.demo.azure import passed
from sandbox.demo.stage import ROOT, Stage, expect

SECRET = "the webhook's secret in the demo"
LONGEST = 240.0
"""Seconds until a push that came to nothing is a fault."""
WAS, BECOMES = "deployDatabricks: true", "deployDatabricks: true\n        storageSku: Standard_ZRS"


def pull_request(stage: Stage) -> str:
    """Merged, pushed, told to the app by a signed post; test is as the merge says without a command."""
    with serving(stage) as app:
        commit = stage.merge("test-zone-redundant", "environments/test.yaml", WAS, BECOMES)
        before, posted = stage.position(), time.monotonic()
        expect(post(stage, app) == 202, "the app should take the push")
        live = waited(stage, before, posted)
        state = converged(stage, commit, posted)
        seconds = time.monotonic() - posted
    checks = passed(state)
    code, history = stage.reconciler("history", "test")
    ticks = [tick for tick in history["ticks"] if tick["commit"] == commit]
    calls = {kind: sum(tick["calls"].get(kind, 0) for tick in ticks) for kind in ("read", "write")}
    expect(code == 0 and bool(ticks), "the history should have the tick", history)
    return (
        f"commit {commit[:8]}: {live:.1f} s from the signed post to the new SKU in Azure, {seconds:.0f} s to "
        f"healthy, {calls['read']} reads and {calls['write']} writes; what reads the new key works: {checks}"
    )


@contextmanager
def serving(stage: Stage) -> Iterator[str]:
    """The app's triggers on a free port; gives its address."""
    place = ["--repo", str(stage.folder / "origin.git"), "--state", str(stage.folder / "state")]
    stage.console.print("[dim]$ reconciler serve[/dim]")
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "serve", "--port", "0", *place],
        cwd=ROOT,
        env={**stage.env, "RECONCILER_WEBHOOK_SECRETS": SECRET},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        expect(bool(address.netloc), "the app should start")
        yield f"{address.scheme}://{address.netloc}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def post(stage: Stage, app: str) -> int:
    """GitHub's push event, signed as GitHub signs it; the status of the answer."""
    repository = {"clone_url": (stage.folder / "origin.git").as_uri()}
    body = json.dumps({"ref": "refs/heads/main", "repository": repository}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "demo-1",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    asked = urllib.request.Request(f"{app}/api/webhook/github", body, headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return int(answer.status)


def waited(stage: Stage, since: int, begun: float) -> float:
    """Seconds until the account was written with the new SKU."""
    while time.monotonic() - begun < LONGEST:
        if any("/bikeshare-test/" in write and "/deployments/" in write for write in stage.writes(since)):
            return time.monotonic() - begun
        time.sleep(0.2)
    raise_late(stage)
    return 0.0


def converged(stage: Stage, commit: str, begun: float) -> dict[str, Any]:
    """test as `status` tells it, once it is healthy with the commit."""
    while time.monotonic() - begun < LONGEST:
        code, status = stage.reconciler("status", "test")
        state: dict[str, Any] = status["environments"][0]
        done = state["last"].get("commit") == commit and state["last"].get("result") == "done"
        if code == 0 and done and state["commit"] == commit:
            return state
        time.sleep(5)
    raise_late(stage)
    return {}


def raise_late(stage: Stage) -> None:
    expect(
        False, f"test should be as the merge says within {LONGEST:.0f} s", stage.reconciler("status", "test")
    )
