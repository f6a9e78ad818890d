"""What is queued and when: pushes by content, the timer by intervals; and what a worker makes of a message."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from support.hosted import Hosted, Kept, hosted, names, one, texts
from support.receivers import Hook, hook

from reconciler import dispatch, render
from reconciler.dispatch import Message, ask, parse, pushed, queue_due, work
from reconciler.engine import Reconciler
from reconciler.errors import InputError, SettingsError, SourceError, StateLocked, Throttled
from reconciler.record import State
from reconciler.tick import Tick
from reconciler.webhooks import Hint

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FIRST = {**one("a"), **one("b"), "README.md": "one"}


@pytest.fixture
def host(tmp_path: Path) -> Hosted:
    return hosted(tmp_path, FIRST)


@pytest.fixture
def queue() -> Kept:
    return Kept()


def seen(engine: Reconciler, **notes: Any) -> None:
    """Every environment had a tick at the head of its branch."""
    engine.checkout.fetch()
    for name in engine.checkout.names():
        state = engine.status(name) or State.new(name)
        commit = engine.checkout.snapshot(name).commit
        last = {"last": {"commit": commit, "result": "done"}, "healthy": commit}
        engine.store.save(replace(state, commit=commit, notes={**state.notes, **last, **notes}))


def hint(host: Hosted, *refs: str, delivery: str = "d", repository: str = "") -> Hint:
    return Hint(delivery, "push", (repository or host.bare.as_uri(),), refs or ("refs/heads/main",))


# Pushes


def test_only_environments_whose_files_are_touched_are_queued(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    seen(engine)
    host.push({"arm/b.json": "{}"})
    came = pushed(engine, queue, "github", hint(host))
    assert (came.queued, came.unchanged, came.ignored) == (("b",), ("a",), "")
    [message] = texts(queue)
    assert (message["environment"], message["reason"]) == ("b", "push")
    assert "commit" not in message, "a tick takes the head"


def test_a_push_that_touches_no_environment_queues_nothing(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    seen(engine)
    host.push({"README.md": "two"})
    assert pushed(engine, queue, "github", hint(host)).unchanged == ("a", "b")
    assert texts(queue) == []


def test_new_gone_and_faulty_environments_are_touched(host: Hosted, queue: Kept) -> None:
    """A tick tells what is wrong or orphaned; nobody else would."""
    engine = host.engine()
    seen(engine)
    host.work.git("rm", "--quiet", "environments/b.yaml")
    host.push({**one("c"), "environments/a.yaml": "apiVersion: nonsense\n"})
    assert set(pushed(engine, queue, "github", hint(host)).queued) == {"a", "b", "c"}


def test_a_forced_branch_is_followed(host: Hosted, queue: Kept) -> None:
    """What the last tick saw is no ancestor any more; the difference of contents counts."""
    engine = host.engine()
    host.push({"arm/a.json": "{}"})
    seen(engine)
    host.work.git("reset", "--quiet", "--hard", "HEAD~1")
    host.push({"README.md": "forced"})
    assert pushed(engine, queue, "github", hint(host)).queued == ("a",)


def test_a_branch_that_nobody_follows_is_ignored(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    seen(engine)
    host.push({"arm/a.json": "{}"}, branch="feature")
    assert (
        "no environment follows" in pushed(engine, queue, "github", hint(host, "refs/heads/feature")).ignored
    )
    assert "no environment follows" in pushed(engine, queue, "github", hint(host, "refs/tags/main")).ignored
    assert texts(queue) == []


def test_an_environment_follows_a_branch_of_its_own(host: Hosted, queue: Kept) -> None:
    release = str(one("b")["environments/b.yaml"]).replace("azure:", "source: {branch: release}\nazure:")
    host.push({"environments/b.yaml": release})
    host.push({}, branch="release")
    engine = host.engine()
    seen(engine)
    host.push({"arm/b.json": "{}"}, branch="release")
    assert pushed(engine, queue, "github", hint(host, "refs/heads/release")).queued == ("b",)


def test_a_pull_request_is_queued_once_and_nothing_else_is_done(host: Hosted, queue: Kept) -> None:
    """The webhook has to answer within a second: all that is to be asked is asked by a worker."""
    pull = replace(hint(host), refs=(), pull=7)
    assert "RECONCILER_FEEDBACK" in pushed(host.engine(), queue, "github", pull).ignored
    engine = replace(host.engine(), host=cast(Any, object()))
    (host.bare / "HEAD").unlink()  # a look at Git would fail
    assert pushed(engine, queue, "github", pull).queued == ("pull request 7",)
    assert pushed(engine, queue, "github", pull).ignored == "this delivery is known"
    [message] = texts(queue)
    assert {name: message[name] for name in message if name != "at"} == {"reason": "pull request", "pull": 7}
    assert parse(json.dumps(message)).pull == 7


def test_a_message_names_an_environment_or_a_pull_request() -> None:
    for text in ('{"environment": "a", "pull": 7}', '{"pull": "7"}', '{"reason": "push"}', "[]"):
        with pytest.raises(ValueError, match="message"):
            parse(text)


def test_a_foreign_repository_is_ignored_and_git_is_not_asked(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    came = pushed(engine, queue, "github", hint(host, repository="https://github.com/o/other"))
    assert came.ignored == "this is another repository than ours"
    assert not host.state.exists()


def test_a_delivery_that_comes_again_queues_nothing(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    assert pushed(engine, queue, "github", hint(host)).queued == ("a", "b")
    again = pushed(host.engine(), queue, "github", hint(host))
    assert (again.queued, again.ignored) == ((), "this delivery is known")
    assert pushed(engine, queue, "github", hint(host, delivery="other")).queued == ("a", "b")
    assert pushed(engine, queue, "azuredevops", hint(host)).queued == ("a", "b"), "ids of another sender"
    assert engine.known() == ("a", "b"), "what is remembered looks like no environment"


def test_a_delivery_is_remembered_only_once_it_is_queued(host: Hosted, queue: Kept) -> None:
    """So that it can be sent again after a failure."""

    class Broken(Kept):
        def put(self, message: Message, delay: float = 0) -> None:
            raise SettingsError("no queue")

    engine = host.engine()
    with pytest.raises(SettingsError):
        pushed(engine, Broken(), "github", hint(host))
    assert pushed(engine, queue, "github", hint(host)).queued == ("a", "b")


def test_who_comes_after_waits_for_those_before(tmp_path: Path, queue: Kept) -> None:
    host = hosted(
        tmp_path, {**one("a"), **one("b", policy="after: [a]\n"), **one("c", policy="after: [b]\n")}
    )
    came = pushed(host.engine(), queue, "github", hint(host))
    assert (came.queued, came.waits) == (("a",), ("b", "c"))
    engine = host.engine()
    seen(engine)
    host.push({"arm/c.json": "{}"})
    assert pushed(engine, queue, "github", hint(host, delivery="2")).queued == ("c",)


def test_a_suspended_environment_is_not_queued(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    engine.suspend("a", "incident")
    assert pushed(engine, queue, "github", hint(host)).queued == ("b",)
    assert queue_due(engine, queue, NOW) == ("b",)


def test_where_git_cannot_be_read_the_push_may_be_sent_again(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    host.bare.rename(host.bare.with_suffix(".away"))
    with pytest.raises(SourceError):
        pushed(engine, queue, "github", hint(host))
    host.bare.with_suffix(".away").rename(host.bare)
    assert pushed(engine, queue, "github", hint(host)).queued == ("a", "b")


# The timer


def test_each_environment_is_due_by_its_own_interval(tmp_path: Path, queue: Kept) -> None:
    host = hosted(tmp_path, {**one("a", policy="interval: 5m\n"), **one("b", policy="interval: 1h\n")})
    engine = host.engine()
    assert queue_due(engine, queue, NOW) == ("a", "b")
    assert queue_due(engine, queue, NOW + timedelta(minutes=1)) == ()
    assert queue_due(engine, queue, NOW + timedelta(minutes=5)) == ("a",)
    state = engine.status("b")
    assert state is not None
    assert render.state_json("b", state)["nextTick"] == "2026-06-01T13:00:00+00:00"


def test_what_was_missed_is_caught_up_once(host: Hosted, queue: Kept) -> None:
    """The app was stopped for a day: one tick for each, not one for every interval."""
    engine = host.engine()
    queue_due(engine, queue, NOW)
    assert queue_due(engine, queue, NOW + timedelta(days=1)) == ("a", "b")
    assert queue_due(engine, queue, NOW + timedelta(days=1, seconds=1)) == ()
    assert len(queue.put_with) == 4


def test_what_is_due_at_once_is_spread_and_always_alike(host: Hosted) -> None:
    delays = []
    for _ in range(2):
        queue, engine = Kept(), host.engine()
        for path in host.state.glob("?/*"):
            path.unlink()
        queue_due(engine, queue, NOW)
        delays.append([delay for _, delay in queue.put_with])
    assert delays[0] == delays[1]
    assert len(set(delays[0])) == 2
    assert all(1 <= delay <= 30 for delay in delays[0])


def test_an_environment_that_is_being_worked_on_is_not_queued_again(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    with engine.store.lock("a", "tick"):
        assert queue_due(engine, queue, NOW) == ("b",)
    assert queue_due(engine, queue, NOW) == ("a",)


def test_a_faulty_file_is_looked_at_again(host: Hosted, queue: Kept) -> None:
    engine = host.engine()
    host.push({"environments/a.yaml": "nonsense: [\n"})
    assert queue_due(engine, queue, NOW) == ("a", "b")
    assert queue_due(engine, queue, NOW + timedelta(minutes=5)) == ("a", "b")


# The worker


@dataclass(frozen=True)
class Ticking(Reconciler):
    """An engine whose ticks do what a test says: an error to raise, a result, or what makes one."""

    does: list[Any] = field(default_factory=list)
    ticked: list[str] = field(default_factory=list)

    def tick(self, name: str, **_: Any) -> Tick:
        self.ticked.append(name)
        now = datetime.now(UTC).isoformat()
        does = self.does.pop(0) if self.does else "done"
        if isinstance(does, Exception):
            raise does
        self.checkout.fetch()
        tick = Tick(name, self.checkout.snapshot(name).commit, does, began=now, seconds=1)
        state = self.store.load(name) or State.new(name)
        notes = {**state.notes, "began": now, "last": {"result": does, "commit": tick.commit}}
        if does == "done":
            notes["healthy"] = tick.commit
        self.store.save(replace(state, commit=tick.commit, notes=notes))
        return tick


Engines = Callable[..., Ticking]


@pytest.fixture
def ticking(host: Hosted) -> Engines:
    def make(*does: Any, of: Hosted = host) -> Ticking:
        engine = of.engine()
        return Ticking(engine.checkout, engine.store, engine.planner, does=list(does))

    return make


def test_a_message_is_one_tick(ticking: Engines, queue: Kept) -> None:
    engine = ticking()
    assert work(engine, queue, '{"environment": "a", "reason": "by hand"}') == "done"
    assert (engine.ticked, queue.put_with) == (["a"], [])


def test_messages_from_before_a_tick_are_merged_into_it(ticking: Engines, queue: Kept) -> None:
    engine = ticking()
    earlier = [replace(ask("a", "push"), at=_ago(5)).text for _ in range(4)]
    assert [work(engine, queue, text) for text in earlier] == ["done", "merged", "merged", "merged"]
    assert engine.ticked == ["a"]
    assert work(engine, queue, replace(ask("a", "push"), at=_ago(-5)).text) == "done", "asked for later"
    assert work(engine, queue, '{"environment": "a"}') == "done", "without a time it asks in any case"


def test_a_message_waits_while_another_run_is_at_it(ticking: Engines, queue: Kept) -> None:
    """It comes back as it was, so that it is merged when that run turns out to have met it."""
    engine = ticking(StateLocked("held"))
    message = ask("a", "push", "ann")
    assert work(engine, queue, message.text) == "waits"
    [(put, delay)] = queue.put_with
    assert (parse(json.dumps(put)), delay) == (message, 20)


def test_what_is_pending_comes_back_by_itself(ticking: Engines, queue: Kept) -> None:
    engine = ticking("pending", "pending", "done")
    assert work(engine, queue, ask("a", "push").text) == "pending"
    [(put, delay)] = queue.put_with
    assert (put["tries"], delay) == (1, 15)
    assert work(engine, queue, json.dumps(put)) == "pending"
    assert queue.put_with[1][1] == 30, "the wait grows where a tick ends at once"
    assert not parse(json.dumps(queue.put_with[1][0])).met(
        (engine.status("a") or State.new("a")).notes["began"]
    )


def test_a_fault_that_time_mends_is_borne_for_a_while(ticking: Engines, queue: Kept) -> None:
    engine = ticking(Throttled("slow down", wait=90), Throttled("slow down", wait=90))
    assert work(engine, queue, ask("a", "push").text) == "waits"
    [(put, delay)] = queue.put_with
    assert (put["tries"], delay) == (1, 90), "as long as the service asked for"
    with pytest.raises(Throttled):
        work(engine, queue, json.dumps({**put, "tries": 6}))


def test_a_recorded_failure_ends_the_message(ticking: Engines, queue: Kept) -> None:
    """The history tells it, the interval tries again: a retry by the platform would only repeat it."""
    assert work(ticking(InputError([])), queue, ask("a", "push").text) == "failed"
    assert queue.put_with == []


@pytest.mark.parametrize("error", [SettingsError("no"), RuntimeError("a defect")])
def test_what_no_tick_records_is_left_to_the_platform(
    ticking: Engines, queue: Kept, error: Exception
) -> None:
    with pytest.raises(type(error)):
        work(ticking(error), queue, ask("a", "push").text)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"environment": 5}', '{"environment": "a", "at": "soon"}',
             '{"environment": "a", "at": "2026-01-01"}', '{"environment": "a", "tries": [1]}'],
)  # fmt: skip
def test_what_is_no_message_is_left_to_the_platform(ticking: Engines, queue: Kept, text: str) -> None:
    engine = ticking()
    with pytest.raises(ValueError):
        work(engine, queue, text)
    assert engine.ticked == []


def test_who_comes_after_is_queued_when_the_one_before_gets_healthy(
    tmp_path: Path, ticking: Engines, queue: Kept
) -> None:
    host = hosted(tmp_path / "other", {**one("a"), **one("b", policy="after: [a]\n"), **one("c")})
    engine = ticking("failed", "done", "done", of=host)
    assert work(engine, queue, '{"environment": "a"}') == "failed"
    assert texts(queue) == []
    assert work(engine, queue, '{"environment": "a"}') == "done"
    [message] = texts(queue)
    assert (message["environment"], message["reason"]) == ("b", "after a")
    assert work(engine, queue, '{"environment": "a"}') == "done"
    assert texts(queue) == [], "it was healthy before, with the same"
    assert work(engine, queue, '{"environment": "b"}') == "done"
    host.push({"README.md": "nothing that they read"})
    assert work(engine, queue, '{"environment": "a"}') == "done"
    assert texts(queue) == [], "b is converged at this content"
    host.push({"arm/b.json": "{}"})
    assert work(engine, queue, '{"environment": "a"}') == "done"
    assert names(queue) == ["b"]


def test_a_message_that_was_given_up_is_told_in_the_history(host: Hosted) -> None:
    engine = host.engine()
    dispatch.poisoned(engine, ask("a", "push", "ann").text)
    [line] = engine.store.history("a")
    assert (line["result"], line["by"]) == ("failed", "ann")
    dispatch.poisoned(engine, "no message at all")
    assert engine.known() == ("a", "b")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with hook() as running:
        monkeypatch.setenv("HOOK", running.url)
        monkeypatch.setenv("RECONCILER_SECRETS", "HOOK")
        yield running


HEARD = 'alerts: [{to: "${env:HOOK}"}]\n'


def test_who_hears_of_an_environment_is_told_of_a_message_given_up(tmp_path: Path, receiver: Hook) -> None:
    """Nothing is lost silently."""
    engine = hosted(tmp_path, one("a", more=HEARD)).engine()
    dispatch.poisoned(engine, ask("a", "push").text)
    assert receiver.types == ["message.lost"]
    for text in (ask("../a", "push").text, ask("unknown", "push").text):
        dispatch.poisoned(engine, text)
    assert (receiver.types, engine.known()) == (["message.lost"], ("a",))


def test_who_hears_of_an_environment_is_told_once_when_no_tick_ends(
    tmp_path: Path, queue: Kept, receiver: Hook
) -> None:
    """It was queued again and again, and nothing worked it off."""
    engine = hosted(tmp_path, one("a", more=HEARD)).engine()
    queue_due(engine, queue, NOW)
    state = engine.status("a")
    assert state is not None
    engine.store.save(replace(state, notes={**state.notes, "alerts": {"tick": NOW.isoformat()}}))
    for minutes in (6, 11, 16, 22, 28):
        assert queue_due(engine, queue, NOW + timedelta(minutes=minutes)) == ("a",)
    assert receiver.types == ["tick.overdue"]


def _ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
