"""The status of a commit for an environment: pending while something is left to do, then success or failure.

Posted when it changes. What was said last is kept beside the histories, so that no state is saved for it.
What time may mend is remembered by nobody, and the next tick posts it; what was refused is remembered, too,
and posted again for another commit or result, or after a day."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.errors import ReconcilerError, StateError
from reconciler.githost.host import DESCRIBED, FAILURE, PENDING, SUCCESS, Host, Status
from reconciler.record import State
from reconciler.redaction import redact
from reconciler.state import Store

log = logging.getLogger(__name__)
_told: set[str] = set()
"""Refusals that the log tells already, so that a missing permission is not told with every tick."""

REFUSED_FOR = timedelta(days=1)
"""For so long what was refused is not posted again: who grants the permission needs no restart."""

STATES: Mapping[str, str] = {"pending": PENDING, "held": PENDING, "failed": FAILURE}
"""By a tick's result; `done` looks closer, and of what is suspended nothing is said."""


def begun(host: Host | None, store: Store, environment: str, commit: str) -> None:
    """A tick begins to look at a commit: pending, unless something was said of that commit already. Raises
    nothing of its own, as `ended`."""
    if host is None or not host.install.statuses or _last(store, environment).get("commit") == commit:
        return
    page = host.install.page(environment)
    _post(host, store, commit, Status(environment, PENDING, "being reconciled", page))


def ended(host: Host | None, store: Store, environment: str) -> None:
    """A tick has ended, well or not: say what its line in the history tells. Raises nothing of its own."""
    if host is None or not host.install.statuses:
        return
    try:
        line = next(iter(store.history(environment, 1)), {})
        state = store.load(environment)
    except StateError:
        return
    found = status_of(environment, line, state, host.install.page(environment))
    if found is not None:
        _post(host, store, str(line["commit"]), found)


def status_of(
    environment: str, line: Mapping[str, Any], state: State | None, page: str = ""
) -> Status | None:
    """The status that a line of the history and the state make; None where they make none."""
    result, commit = str(line.get("result") or ""), str(line.get("commit") or "")
    if not commit or result not in ("done", *STATES):
        return None
    reason = " ".join(str(line.get("reason") or "").split())
    notes = state.notes if state is not None else {}
    if result != "done":
        return Status(environment, STATES[result], _short(reason or _counted(line) or result), page)
    if holds := notes.get("holds"):
        return Status(
            environment, FAILURE, _short(f"{len(holds)} blocked: {', '.join(sorted(set(holds)))}"), page
        )
    if notes.get("healthy") != commit:
        return Status(environment, PENDING, _short(reason or "not all of it is applied"), page)
    drifted = len(state.drift) if state is not None else 0
    told = f"as Git says, with {drifted} drifted" if drifted else "as Git says"
    return Status(environment, SUCCESS, _short(f"{told}. {_counted(line)}".rstrip()), page)


def _counted(line: Mapping[str, Any]) -> str:
    outcomes = [str(each.get("result") or "") for each in line.get("outcomes") or ()]
    return ", ".join(f"{outcomes.count(result)} {result}" for result in dict.fromkeys(outcomes))


def _short(text: str) -> str:
    told = redact(text)
    return told if len(told) <= DESCRIBED else f"{told[: DESCRIBED - 1]}…"


def _last(store: Store, environment: str) -> Mapping[str, Any]:
    try:
        return next(iter(store.history(_kept(environment), 1)), {})
    except StateError:
        return {}


def _kept(environment: str) -> str:
    """A name that no environment can have."""
    return f"status.{environment}"


def _post(host: Host, store: Store, commit: str, status: Status) -> None:
    # A success that is said stays: how much the tick did that came after it is no news.
    told = "" if status.state == SUCCESS else status.description
    said = {"commit": commit, "state": status.state, "description": told}
    if _known(_last(store, status.name), said):
        return
    try:
        kept = {**said, "refused": True} if _refused(host, commit, status) else said
        time = datetime.now(UTC).isoformat(timespec="seconds")
        store.append_history(_kept(status.name), {**kept, "time": time})
    except ReconcilerError as error:  # no tick fails for it
        once(f"status of {status.name} was not posted", error)


def _known(last: Mapping[str, Any], said: Mapping[str, str]) -> bool:
    """Whether this was said last, or refused of late: then in whatever words."""
    if not last.get("refused"):
        return all(last.get(name) == value for name, value in said.items())
    since = datetime.now(UTC) - datetime.fromisoformat(str(last["time"]))
    return since < REFUSED_FOR and all(last.get(name) == said[name] for name in ("commit", "state"))


def _refused(host: Host, commit: str, status: Status) -> bool:
    """Post it. True where nothing but a person changes the answer; raises what time may mend."""
    try:
        host.put_status(commit, status)
    except ReconcilerError as error:
        if error.retry:
            raise
        once(f"status of {status.name} was not posted", error)
        return True
    except Exception:
        # An answer of another shape, a token that no header can bear: no tick fails for it either.
        log.exception("status of %s was not posted", status.name)
        return True
    return False


def once(what: str, error: ReconcilerError) -> None:
    """Tell the log of a failure: of a refusal once, since nothing but a person changes it."""
    told = f"{what}: {error}"
    if error.retry or told not in _told:
        log.warning("%s", told)
    _told.add(told)
