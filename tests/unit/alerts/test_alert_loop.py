"""What is remembered between ticks, and what is told beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.environments import dev
from support.facts import ACCOUNT, INTERVAL, START, change, held

from reconciler import redaction
from reconciler.alerts import Ended, Post, addresses, after_tick, lost, overdue, tell
from reconciler.alerts.deliver import Sent
from reconciler.alerts.fact import PENDING, Fact
from reconciler.environment import Environment
from reconciler.environment.permission import settings_reader
from reconciler.errors import Forbidden, SignInError
from reconciler.plan import Plan
from reconciler.record import Drift, Entry, State, from_json, to_json
from reconciler.resource import Key, Observation, Status

ID = "/subscriptions/s/resourceGroups/one/providers/Microsoft.Storage/storageAccounts/ours"
NOTEBOOK = Key("databricks.notebook", "adb-1.2.azuredatabricks.net", "/Shared/a")
US = "00000000-0000-0000-0000-0000000000f1"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    yield dev(tmp_path, "alerts: [{to: 'https://example.org/hook'}]\n")
    redaction.forget()


@dataclass
class Told:
    """A receiver and an activity log in memory."""

    facts: list[Fact] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    refused: bool = False

    @property
    def post(self) -> Post:
        return Post(addresses(settings_reader({}, frozenset())), deliver=self._deliver)

    def _deliver(self, address: str, facts: Sequence[Fact], source: str) -> Sent:
        self.facts += facts
        return Sent(frozenset(fact.id for fact in facts))

    def pages(self, path: str, api_version: str, *, query: str = "", where: str = "") -> Iterator[Any]:
        self.queries.append(path + "?" + query)
        if self.refused:
            raise Forbidden("no right to read the log")
        yield from self.events

    def wrote(self, at: datetime, caller: str, id_: str = ID) -> None:
        self.events.append(
            {
                "eventTimestamp": at.isoformat(),
                "caller": caller,
                "operationName": {"value": "Microsoft.Storage/storageAccounts/write"},
                "status": {"value": "Succeeded"},
                "resourceId": id_,
            }
        )

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(fact.kind, fact.who) for fact in self.facts]


def drifting(*keys: Key) -> State:
    entries = {key: Entry(key, "any", {"id": ID} if key == ACCOUNT else {}, applied={}) for key in keys}
    drift = {key: Drift(START.isoformat(), ("tags.team",)) for key in keys}
    return State("dev", "lineage", entries=entries, drift=drift, notes={"identity": [US, "tenant"]})


def ended(*keys: Key, result: str = "done") -> Ended:
    blocked = tuple(held(key, "heal", change(key, "tags.team")) for key in keys)
    return Ended("dev", "c" * 40, result, Plan("dev", "c" * 40, blocked=blocked))


def kept(state: State) -> State:
    """As the store gives it back."""
    return from_json(json.loads(json.dumps(to_json(state))))


def test_who_follows_once_when_the_log_tells(environment: Environment) -> None:
    told, now = Told(), START
    state = drifting(ACCOUNT)
    for minute in range(0, 60, 5):
        now = START + timedelta(minutes=minute)
        if minute == 10:
            told.wrote(START - timedelta(seconds=30), "ann@example.org")
            told.wrote(START - timedelta(seconds=10), US)
        state = kept(after_tick(ended(ACCOUNT), state, state, environment, told.post, now, log=told))
    assert told.kinds == [("drift.appeared", PENDING), ("drift.explained", "ann@example.org")]
    assert told.facts[1].of == told.facts[0].id
    assert len(told.queries) == 3, "nobody is looked for once somebody is found"
    assert "resourceGroupName" in told.queries[0] and "eventTimestamp+le" in told.queries[0]
    calm = replace(state, drift={})
    after_tick(ended(), state, calm, environment, told.post, now, log=told)
    assert told.kinds[2:] == [("drift.gone", "ann@example.org")]


def test_who_is_told_at_once_where_the_log_knows_already(environment: Environment) -> None:
    told, state = Told(), drifting(ACCOUNT)
    told.wrote(START - timedelta(hours=1), "ann@example.org")
    state = kept(after_tick(ended(ACCOUNT), state, state, environment, told.post, START, log=told))
    after_tick(ended(ACCOUNT), state, state, environment, told.post, START + INTERVAL, log=told)
    assert told.kinds == [("drift.appeared", "ann@example.org")]


def test_a_log_that_may_not_be_read_delays_nothing_and_is_given_up(environment: Environment) -> None:
    told, state = Told(refused=True), drifting(ACCOUNT)
    for minute in range(0, 100, 10):
        now = START + timedelta(minutes=minute)
        state = kept(after_tick(ended(ACCOUNT), state, state, environment, told.post, now, log=told))
    assert told.kinds == [("drift.appeared", PENDING)]
    assert 3 <= len(told.queries) <= 5
    assert "questions" not in state.notes["alerts"]


def test_where_no_log_knows_the_list_tells_when(environment: Environment) -> None:
    """Databricks shows when a notebook was modified, and not by whom."""
    told, state = Told(), drifting(NOTEBOOK)
    at = START - timedelta(minutes=3)
    stamp = {"object_id": 7, "modified_at": int(at.timestamp() * 1000)}
    live = {NOTEBOOK: Observation(NOTEBOOK, Status.PRESENT, stamp=stamp)}
    after_tick(ended(NOTEBOOK), state, state, environment, told.post, START, log=told, live=live)
    (fact,) = told.facts
    assert (fact.who, fact.when, told.queries) == ("", at.isoformat(), [])


def test_no_log_is_read_for_those_who_do_not_hear_of_drift(tmp_path: Path) -> None:
    told, state = Told(), drifting(ACCOUNT)
    alerts = "alerts: [{to: 'https://example.org/hook', on: [failed]}]\n"
    after_tick(ended(ACCOUNT), state, state, dev(tmp_path, alerts), told.post, START, log=told)
    assert (told.facts, told.queries) == ([], [])


def test_a_state_is_saved_before_anything_of_it_is_told(environment: Environment) -> None:
    """Else a crash would have people told what nothing knows any more. Where nothing is told, the caller's own
    save is enough."""
    told, state, saves = Told(), drifting(ACCOUNT), list[int]()

    def save(state: State) -> State:
        saves.append(len(told.facts))
        return replace(state, serial=state.serial + 1)

    state = after_tick(ended(ACCOUNT), state, state, environment, told.post, START, log=told, save=save)
    assert (saves, len(told.facts), state.serial) == ([0], 1, 1)
    later = START + timedelta(seconds=1)
    after_tick(ended(ACCOUNT), state, state, environment, told.post, later, log=told, save=save)
    assert (saves, len(told.facts)) == ([0], 1)


def test_without_an_environment_nothing_is_told_and_nothing_forgotten(environment: Environment) -> None:
    """Its file cannot be read: whoever is to be told is known again once it can."""
    told, state = Told(), drifting(ACCOUNT)
    assert after_tick(ended(ACCOUNT), state, state, None, told.post, START) is state
    after_tick(ended(ACCOUNT), state, state, environment, told.post, START)
    assert [fact.kind for fact in told.facts] == ["drift.appeared"]


def test_an_environment_without_ticks_is_told_once_and_its_recovery_too(environment: Environment) -> None:
    told, state = Told(), State.new("dev")
    assert overdue(state, INTERVAL, START) is None, "it never had one: it is not the fault of the app"
    state = kept(after_tick(ended(), state, state, environment, told.post, START))
    assert overdue(state, INTERVAL, START + 2 * INTERVAL) is None
    late = START + 4 * INTERVAL
    fact = overdue(state, INTERVAL, late)
    assert fact is not None and fact.since == START.isoformat()
    assert overdue(replace(state, suspended="why"), INTERVAL, late) is None
    state = kept(tell(fact, state, environment, told.post, late))
    assert overdue(state, INTERVAL, late + INTERVAL) is None
    after_tick(ended(), state, state, environment, told.post, late + INTERVAL)
    assert [fact.kind for fact in told.facts] == ["tick.overdue", "recovered"]


def test_a_lost_message_is_told_with_its_reason(environment: Environment) -> None:
    told = Told()
    state = tell(lost("dev", "no JSON", START), State.new("dev"), environment, told.post, START)
    state = tell(lost("dev", "no JSON", START), kept(state), environment, told.post, START)
    assert [(fact.kind, fact.text) for fact in told.facts] == [("message.lost", "no JSON")]


def test_a_state_with_facts_is_small_and_holds_no_address(environment: Environment) -> None:
    told, state = Told(), drifting(ACCOUNT)
    refusing = replace(told.post, deliver=lambda *_: Sent(error="no"))
    error = SignInError("nobody")
    failed = Ended("dev", "c" * 40, "failed", error=error)
    state = after_tick(ended(ACCOUNT), state, state, environment, refusing, START)
    state = after_tick(failed, state, state, environment, refusing, START)
    text = repr(to_json(state)["notes"]["alerts"])
    assert "example.org/hook" not in text and "https://example.org" in text
    assert len(state.notes["alerts"]["undelivered"]) == 2
