"""GitHub: push and pull_request. https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.webhooks.delivery import Answer, Hint, Malformed

ADDRESSES = ("clone_url", "ssh_url", "html_url", "git_url")
ACTIONS = ("opened", "synchronize", "reopened")
"""What brings a pull request other content; `edited` does where its base is another one."""


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
        if payload.get("action") != "closed":
            return _pull(delivery, event, payload, request)
        if request.get("merged") is not True:
            return Answer(202, "ignored: the pull request was not merged by this")
        base = request.get("base")
        branch = base.get("ref") if isinstance(base, Mapping) else None
        ref = f"refs/heads/{branch}" if isinstance(branch, str) else None
    else:
        return Answer(202, f"ignored: nothing is done on the event {event!r}")
    repository = payload.get("repository")
    if not isinstance(ref, str) or not isinstance(repository, Mapping):
        raise Malformed("`ref` or `repository` is missing")
    return Hint(delivery, event, _addresses(repository), (ref,))


def _pull(delivery: str, event: str, payload: Mapping[str, Any], request: Mapping[str, Any]) -> Hint | Answer:
    """A pull request that is open and may have other content now. One from a fork is left alone."""
    action, changes = payload.get("action"), payload.get("changes")
    other_base = action == "edited" and isinstance(changes, Mapping) and "base" in changes
    if action not in ACTIONS and not other_base:
        return Answer(202, f"ignored: nothing is done on {action!r} of a pull request")
    number, repository = request.get("number"), payload.get("repository")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise Malformed("`pull_request.number` is missing")
    if not isinstance(repository, Mapping):
        raise Malformed("`repository` is missing")
    if (came := _full_name(request.get("head"))) is None or came != _full_name(request.get("base")):
        return Answer(202, "ignored: the pull request comes from a fork")
    return Hint(delivery, event, _addresses(repository), (), number)


def _full_name(side: Any) -> str | None:
    """The repository of a side of a pull request; None where it is not told: a fork that was deleted."""
    repository = side.get("repo") if isinstance(side, Mapping) else None
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    return name.lower() if isinstance(name, str) else None


def _addresses(repository: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(repository[name] for name in ADDRESSES if isinstance(repository.get(name), str))
