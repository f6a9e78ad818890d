"""Who changed a resource, and when: Azure's activity log tells that minutes later, other services only when.

The log takes few forms of filter; that of a resource group serves all that drifted in it by one call
(https://learn.microsoft.com/rest/api/monitor/activity-logs/list)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol, Self
from urllib.parse import urlencode

from reconciler.alerts.fact import Fact
from reconciler.armid import parse
from reconciler.errors import ReconcilerError
from reconciler.record import Entry

API = "2015-04-01"
SELECT = "eventTimestamp,caller,claims,operationName,status,resourceId"
EVENTS = 1000
"""Most events of one group that are looked at."""
LONGEST = timedelta(minutes=30)
"""So long after the alert somebody is still looked for: the log is said to lag by 3 to 20 minutes
(https://learn.microsoft.com/azure/azure-monitor/logs/data-ingestion-time)."""
BEFORE = timedelta(minutes=2)
"""Before the last look at what is live: a read may have been as old as that."""
AFTER = timedelta(minutes=1)
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
TAGS = "/providers/microsoft.resources/tags/"
"""Behind a resource's id: its tags, where they are written by themselves."""

STAMPS: Mapping[str, float] = {"modified_at": 1000.0, "last_updated_timestamp": 1000.0, "updated": 1.0}
"""What of a stamp says when it was written last, and in which part of a second: of a workspace's files, of
secrets in scopes, of secrets in vaults. None of these services says by whom."""


class Log(Protocol):
    """Where the activity log is read, see `Arm`."""

    def pages(self, path: str, api_version: str, *, query: str = "", where: str = "") -> Iterator[Any]:
        """The items of a list. Raises ReconcilerError."""
        ...


@dataclass(frozen=True)
class Question:
    """Who did this? fact: what was told; id: of the resource in Azure; between after and until, ISO 8601."""

    fact: Fact
    id: str
    after: str
    until: str

    @classmethod
    def of_note(cls, note: Mapping[str, Any]) -> Self:
        return cls(Fact.of_note(note["fact"]), note["id"], note["after"], note["until"])

    @property
    def note(self) -> dict[str, Any]:
        return {"fact": self.fact.note, "id": self.id, "after": self.after, "until": self.until}

    def expired(self, now: datetime) -> bool:
        return now - datetime.fromisoformat(self.until) > LONGEST


def question(fact: Fact, entry: Entry | None, id_: str, looked: str, now: datetime) -> Question | None:
    """What to ask for drift that was just found; None where no log knows of it.

    id_: of the resource, where it is not ours. looked: when live was looked at before; what was written
    earlier is not what is found now."""
    known = str(entry.at.get("id") or entry.id) if entry is not None else id_
    try:
        subscription = parse(known).subscription
    except ValueError:
        return None
    if not subscription or not fact.key.startswith(("arm.", "adf.")):
        return None
    after = now - timedelta(days=1)
    if looked:
        after = max(after, datetime.fromisoformat(looked) - BEFORE)
    if entry is not None and entry.written:
        after = max(after, datetime.fromisoformat(entry.written))
    return Question(fact, known, after.isoformat(), (now + AFTER).isoformat())


def last_written(stamp: Mapping[str, Any]) -> str:
    """When a resource was written last, by the stamp of its observation; "" where that does not say it."""
    for name, parts in STAMPS.items():
        at = stamp.get(name)
        if isinstance(at, (int, float)) and at > 0:
            return datetime.fromtimestamp(at / parts, UTC).isoformat(timespec="seconds")
    return ""


def answers(questions: Iterable[Question], ours: frozenset[str], log: Log) -> dict[str, tuple[str, str]]:
    """Who and when, by the id of the fact, as far as the log tells by now.

    ours: object and client ids that are ourselves. What cannot be read is told by no one yet."""
    groups: dict[tuple[str, str], list[Question]] = {}
    for each in questions:
        parts = parse(each.id)
        groups.setdefault((parts.subscription.lower(), parts.group.lower()), []).append(each)
    found: dict[str, tuple[str, str]] = {}
    for (subscription, group), asked in groups.items():
        try:
            events = list(_events(log, subscription, group, asked))
        except ReconcilerError:
            continue
        for each in asked:
            told = author(each, events, ours)
            if told is not None:
                found[each.fact.id] = told
    return found


def _events(log: Log, subscription: str, group: str, asked: list[Question]) -> Iterator[Any]:
    after = min(datetime.fromisoformat(each.after) for each in asked)
    until = max(datetime.fromisoformat(each.until) for each in asked)
    filter_ = f"eventTimestamp ge '{_text(after)}' and eventTimestamp le '{_text(until)}'"
    filter_ += f" and resourceGroupName eq '{group}'" if group else ""
    path = f"/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    query = urlencode({"$filter": filter_, "$select": SELECT})
    return islice(log.pages(path, API, query=query, where="activity log"), EVENTS)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def author(
    asked: Question, events: Iterable[Mapping[str, Any]], ours: frozenset[str]
) -> tuple[str, str] | None:
    """Who wrote or deleted the resource last in that time, and when; None where it was but us. Pure."""
    own = asked.id.lower()
    after, until = datetime.fromisoformat(asked.after), datetime.fromisoformat(asked.until)
    candidates = []
    for event in events:
        id_, claims = str(event.get("resourceId", "")).lower(), event.get("claims") or {}
        if id_ != own and not id_.startswith(own + TAGS):
            continue
        if {str(event.get("caller", "")), str(claims.get(OID, "")), str(claims.get("appid", ""))} & ours:
            continue
        if _value(event, "status") == "failed" or not _writes(_value(event, "operationName")):
            continue
        at = datetime.fromisoformat(str(event["eventTimestamp"]))
        if after <= at <= until:
            candidates.append((at, str(event.get("caller", "")), str(claims.get("name", ""))))
    if not candidates:
        return None
    at, caller, name = max(candidates)
    return caller if "@" in caller else name or caller, at.isoformat(timespec="seconds")


def _value(event: Mapping[str, Any], name: str) -> str:
    said = event.get(name) or {}
    return str(said.get("value", "")).lower()


def _writes(operation: str) -> bool:
    return operation.endswith(("/write", "/delete", "/action"))
