"""Answers one pull request: asks its host what is true of it, plans offline, and keeps one comment up to
date."""

from __future__ import annotations

from reconciler.engine import Reconciler
from reconciler.errors import InputError, SourceError
from reconciler.githost import Host, PullRequest, Status, once
from reconciler.pulls import comment
from reconciler.pulls.merged import merged
from reconciler.pulls.preview import Found, found

LOCK = "pull.requests"
"""A name that no environment can have. One pull request is answered at a time: two would make two
comments."""
PLAN = "plan"


def answer(engine: Reconciler, number: int) -> str:
    """What became of it: `told`, `refused`, `faults`, `untouched`; `closed` and `fork` where nothing is said;
    `off` where there is nobody to tell.

    The event that asks for this is a hint only: everything is asked anew. Raises StateLocked, SourceError
    (its kinds HostRefused and HostUnavailable too) and StateError."""
    host = engine.host
    if host is None:
        return "off"
    with engine.store.lock(LOCK, "pull request"):
        pull = host.pull_request(number)
        if not pull.open or pull.fork:
            return "fork" if pull.fork else "closed"
        engine.checkout.fetch()
        try:
            with merged(engine.checkout.source, pull.base, pull.head) as files:
                told = found(engine.checkout, engine.store, files, pull.base)
        except InputError as error:
            told = Found(faults=tuple(error.faults))
        _comment(host, pull, told)
        _status(host, pull, told)
    return (
        "refused" if told.refusals else "faults" if told.faults else "told" if told.previews else "untouched"
    )


def _comment(host: Host, pull: PullRequest, told: Found) -> None:
    """Make our comment, or change it. Of what touches nothing only a comment tells that is there already."""
    if not host.install.comments:
        return
    text = comment.text(told, pull.head, pull.base, host.install.mark, host.longest)
    first = comment.marker(host.install.mark)
    ours = next((each for each in host.own_comments(pull.number) if each.text.startswith(first)), None)
    if ours is None:
        if told != Found():
            host.add_comment(pull.number, text)
    elif ours.text.replace("\r\n", "\n").strip() != text.strip():
        host.change_comment(pull.number, ours, text)


def _status(host: Host, pull: PullRequest, told: Found) -> None:
    """Say it of the newest commit. The comment is worth having without it."""
    if not host.install.statuses:
        return
    state, description = comment.outcome(told)
    try:
        host.put_pull_status(pull, Status(PLAN, state, description))
    except SourceError as error:
        if error.retry:
            raise
        once(f"status of pull request {pull.number} was not posted", error)
