"""What is asked for on the queue: one tick of one environment. It names no commit: a tick takes the head."""

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
    ISO 8601; "" asks in any case. tries: how often it came back already, after a fault or not at its end."""

    environment: str
    reason: str
    by: str = ""
    at: str = ""
    tries: int = 0

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


def parse(text: str) -> Message:
    """The message of a text. Raises ValueError: it is no message of ours."""
    document = json.loads(text)
    if not isinstance(document, dict) or not document.get("environment"):
        raise ValueError("the message names no environment")
    said = {name: document.get(name) or "" for name in ("environment", "reason", "by", "at")}
    tries = document.get("tries") or 0
    if not all(isinstance(value, str) for value in said.values()) or not isinstance(tries, int):
        raise ValueError("a field of the message is of another type")
    if said["at"] and datetime.fromisoformat(said["at"]).tzinfo is None:
        raise ValueError("the time of the message has no zone")
    return Message(**said, tries=tries)
