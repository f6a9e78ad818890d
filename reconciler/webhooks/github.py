"""GitHub: push and pull_request. https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.webhooks.delivery import Answer, Hint, Malformed

ADDRESSES = ("clone_url", "ssh_url", "html_url", "git_url")


def hint(headers: Mapping[str, str], payload: Mapping[str, Any]) -> Hint | Answer:
    """What a verified payload says. Raises Malformed."""
    event, delivery = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
    if not event or not delivery:
        raise Malformed("the headers X-GitHub-Event and X-GitHub-Delivery are missing")
    if event == "ping":
        return Answer(200, "pong")
    if event == "push":
        ref = payload.get("ref")
    elif event == "pull_request":
        request = payload.get("pull_request")
        if not isinstance(request, Mapping):
            raise Malformed("`pull_request` is missing")
        if payload.get("action") != "closed" or request.get("merged") is not True:
            return Answer(202, "ignored: the pull request was not merged by this")
        base = request.get("base")
        branch = base.get("ref") if isinstance(base, Mapping) else None
        ref = f"refs/heads/{branch}" if isinstance(branch, str) else None
    else:
        return Answer(202, f"ignored: nothing is done on the event {event!r}")
    repository = payload.get("repository")
    if not isinstance(ref, str) or not isinstance(repository, Mapping):
        raise Malformed("`ref` or `repository` is missing")
    named = tuple(repository[name] for name in ADDRESSES if isinstance(repository.get(name), str))
    return Hint(delivery, event, named, (ref,))
