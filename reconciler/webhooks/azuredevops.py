"""Azure DevOps service hooks: code pushed, pull request created, updated, or its merge attempted.

https://learn.microsoft.com/azure/devops/service-hooks/events"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.webhooks.delivery import Answer, Hint, Malformed

PULLS = ("git.pullrequest.created", "git.pullrequest.updated")
NAMELESS = Answer(202, "ignored: no repository is named")


def hint(_headers: Mapping[str, str], payload: Mapping[str, Any]) -> Hint | Answer:
    """What a verified payload says. Raises Malformed."""
    delivery, event, resource = (payload.get(name) for name in ("id", "eventType", "resource"))
    if not isinstance(delivery, str) or not delivery or not isinstance(event, str):
        raise Malformed("`id` or `eventType` is missing")
    if event not in ("git.push", "git.pullrequest.merged", *PULLS):
        return Answer(202, f"ignored: nothing is done on the event {event!r}")
    if not isinstance(resource, Mapping):
        raise Malformed("`resource` is missing")
    if event in PULLS:
        return _pull(delivery, event, resource)
    if event == "git.push":
        updates = resource.get("refUpdates")
        if not isinstance(updates, list) or not all(isinstance(update, Mapping) for update in updates):
            raise Malformed("`resource.refUpdates` is missing")
        refs = [update.get("name") for update in updates]
    else:
        # It is also sent where the merge failed: https://learn.microsoft.com/azure/devops/service-hooks/events#git.pullrequest.merged
        if (resource.get("status"), resource.get("mergeStatus")) != ("completed", "succeeded"):
            return Answer(202, "ignored: the pull request was not merged by this")
        refs = [resource.get("targetRefName")]
    named = tuple(ref for ref in refs if isinstance(ref, str))
    if not named or len(named) != len(refs):
        raise Malformed("no ref is named")
    repository = _repository(resource)
    return Hint(delivery, event, (repository,), named) if repository else NAMELESS


def _pull(delivery: str, event: str, resource: Mapping[str, Any]) -> Hint | Answer:
    """A pull request that is open and may have other content now. One from a fork is left alone."""
    if resource.get("status") != "active":
        return Answer(202, "ignored: the pull request is not open")
    if resource.get("forkSource"):
        return Answer(202, "ignored: the pull request comes from a fork")
    number = resource.get("pullRequestId")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise Malformed("`resource.pullRequestId` is missing")
    repository = _repository(resource)
    return Hint(delivery, event, (repository,), (), number) if repository else NAMELESS


def _repository(resource: Mapping[str, Any]) -> str:
    repository = resource.get("repository")
    url = repository.get("remoteUrl") if isinstance(repository, Mapping) else None
    return url if isinstance(url, str) else ""
