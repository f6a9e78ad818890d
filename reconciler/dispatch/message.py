"""What is asked for on the queue: one tick of one environment, or the answer to one pull request.

It names no commit: a tick takes the head of a branch, and what a pull request holds its host is asked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

MARGIN = timedelta(seconds=1)
"""How far apart the clocks of two instances may be. Beyond it a message may be merged into a tick that was
too early for it; the environment's interval then brings the next one."""


@dataclass(frozen=True)
class Message:
    """reason: what asks, as `push` or `timer`; by: who, if it is a person. at: since when it is asked for,
    ISO 8601; "" asks in any case. tries: how often it came back already, after a fault or not at its end.
    pull: the number of a pull request to be answered; no environment is named then."""

    environment: str
    reason: str
    by: str = ""
    at: str = ""
    tries: int = 0
    pull: int = 0

    @property
    def text(self) -> str:
        """JSON, without what is empty."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    def met(self, began: str) -> bool:
        """Whether a tick that began then, ISO 8601, has looked at Git after this was asked for."""
        if not self.at or not began:
            return False
        return datetime.fromisoformat(began) >= datetime.fromisoformat(self.at) + MARGIN

    def again(self, now: datetime) -> Message:
        """The same once more: a tick that begins from now on meets it."""
        return replace(self, at=now.isoformat(), tries=self.tries + 1)


def ask(environment: str, reason: str, by: str = "") -> Message:
    """A message that any tick meets which begins from now on."""
    return Message(environment, reason, by, datetime.now(UTC).isoformat())


def ask_pull(number: int) -> Message:
    """A message that asks for the answer to a pull request."""
    return Message("", "pull request", "", datetime.now(UTC).isoformat(), pull=number)


def parse(text: str) -> Message:
    """The message of a text. Raises ValueError: it is no message of ours."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("the message is nested too deeply") from None
    pull = document.get("pull") or 0 if isinstance(document, dict) else 0
    if not isinstance(document, dict) or bool(document.get("environment")) == bool(pull):
        raise ValueError("the message names no environment, and no pull request in place of one")
    said = {name: document.get(name) or "" for name in ("environment", "reason", "by", "at")}
    tries = document.get("tries") or 0
    numbers = isinstance(tries, int) and isinstance(pull, int)
    if not numbers or not all(isinstance(value, str) for value in said.values()):
        raise ValueError("a field of the message is of another type")
    if said["at"] and datetime.fromisoformat(said["at"]).tzinfo is None:
        raise ValueError("the time of the message has no zone")
    return Message(**said, tries=tries, pull=pull)
