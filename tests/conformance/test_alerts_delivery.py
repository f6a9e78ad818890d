"""Alerts over the wire, to receivers on loopback: web addresses, Apprise, mail; and what fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.environments import dev
from support.facts import ACCOUNT, START
from support.receivers import Hook, Mailbox, hook, mailbox

from reconciler import redaction
from reconciler.alerts import Ended, Post, addresses, after_tick
from reconciler.alerts import deliver as deliver_
from reconciler.alerts.deliver import CLOUD_EVENT, Sent, deliver, side_by_side
from reconciler.alerts.fact import Fact
from reconciler.environment.permission import settings_reader
from reconciler.errors import SignInError
from reconciler.plan import Plan
from reconciler.record import State
from reconciler.render import undelivered

DRIFT = Fact("drift.appeared", "dev", START.isoformat(), str(ACCOUNT), ("tags.team",))
FAILED = Fact("tick.failed", "dev", START.isoformat(), code="sign-in", text="nobody")
SOURCE = "https://example.org/repo/environments/dev"


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy stands between the test and its receivers, and nothing is remembered after it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield
    redaction.forget()


@pytest.fixture
def site() -> Iterator[Hook]:
    with hook() as one:
        yield one


@pytest.fixture
def post_office() -> Iterator[Mailbox]:
    with mailbox() as one:
        yield one


def test_a_web_address_gets_each_fact_as_a_cloud_event(site: Hook) -> None:
    sent = deliver(f"{site.url}/hook", [DRIFT, FAILED], SOURCE)
    assert sent == Sent(frozenset({DRIFT.id, FAILED.id}))
    assert site.types == ["drift.appeared", "tick.failed"]
    assert {(each["content-type"], each["path"]) for each in site.headers} == {(CLOUD_EVENT, "/hook")}
    first = site.got[0]
    assert (first["id"], first["source"], first["subject"]) == (DRIFT.id, SOURCE, str(ACCOUNT))
    assert first["data"]["fields"] == ["tags.team"]


def test_what_may_pass_is_sent_again_at_once(site: Hook) -> None:
    site.answers = [503, 429]
    assert deliver(site.url, [DRIFT], SOURCE) == Sent(frozenset({DRIFT.id}))
    assert site.types == ["drift.appeared"] and len(site.headers) == 3


@pytest.mark.parametrize(("status", "calls"), [(400, 1), (404, 1), (302, 1), (500, 3)])
def test_what_is_refused_is_told_and_nothing_else_is_called(site: Hook, status: int, calls: int) -> None:
    """Redirects could carry facts to somewhere that nobody named."""
    site.answers = [200, *[status] * 9]
    sent = deliver(site.url, [DRIFT, FAILED], SOURCE)
    assert sent == Sent(frozenset({DRIFT.id}), f"it answered {status}")
    assert len(site.headers) == 1 + calls


def test_what_is_not_there_is_told_without_its_address() -> None:
    with hook() as gone:
        url = f"{gone.url}/canary"
    sent = deliver(url, [DRIFT], SOURCE)
    assert sent == Sent(error="not reached: ConnectionError")


def test_people_get_one_message_through_apprise(site: Hook) -> None:
    sent = deliver(site.url.replace("http://", "json://") + "/hook", [DRIFT, FAILED], SOURCE)
    assert sent == Sent(frozenset({DRIFT.id, FAILED.id}))
    (message,) = site.got
    assert message["title"] == "dev: 2 new facts"
    assert "was changed by hand" in message["message"] and "reconciler status dev" in message["message"]


def test_apprise_tells_failure_too(site: Hook) -> None:
    site.answers = [500] * 9
    assert deliver(site.url.replace("http://", "json://"), [DRIFT], SOURCE) == Sent(error="it was not taken")
    assert "understand" in deliver("nothing://x", [DRIFT], SOURCE).error


def test_mail_arrives(post_office: Mailbox) -> None:
    server = f"mailto://127.0.0.1:{post_office.port}?from=reconciler@example.org&mode=insecure"
    assert deliver(f"{server}&to=team%40example.org", [DRIFT], SOURCE) == Sent(frozenset({DRIFT.id}))
    (mail,) = post_office.got
    assert mail["To"] == "team@example.org"
    assert mail["Subject"].endswith("Microsoft.Storage/storageAccounts:ours was changed by hand")
    body = mail.get_body(("plain",)) or mail.get_body(("html",))
    assert body is not None and "tags.team" in body.get_content()


def test_a_receiver_that_hangs_costs_a_bounded_time_and_no_other_message(site: Hook) -> None:
    """One dead address must not keep a tick, which holds a lease."""
    never = threading.Event()
    with hook() as slow:
        slow.wait = never
        started = time.monotonic()
        sent = side_by_side(
            {
                "slow": lambda: deliver(slow.url, [DRIFT], SOURCE),
                "site": lambda: deliver(site.url, [DRIFT], SOURCE),
                "bad": lambda: 1 / 0,  # type: ignore[dict-item,return-value]
            },
            seconds=1.0,
        )
        lasted = time.monotonic() - started
        never.set()
    assert lasted < 5
    assert sent["site"].ids == {DRIFT.id}
    assert (sent["slow"].error, sent["bad"].error) == (
        "it did not answer within 1 seconds",
        "sending failed: ZeroDivisionError",
    )


def test_what_failed_is_kept_shown_and_sent_again_by_the_next_tick(tmp_path: Path, site: Hook) -> None:
    """Shown without the address' secret; the receiver gets the same id when it is back."""
    environment = dev(tmp_path, 'alerts: [{to: "${env:HOOK}"}, {to: "${env:UNSET}"}]\n')
    setting = settings_reader({"HOOK": f"{site.url}/canary"}, frozenset({"HOOK", "UNSET"}))
    post = Post(addresses(setting), repository="https://user:canary@example.org/repo.git")
    failed = Ended("dev", "c" * 40, "failed", error=SignInError("nobody"))
    state = State.new("dev")
    site.answers = [410]
    first = after_tick(failed, state, state, environment, post, START)
    (told,) = undelivered(first)
    assert (told["fact"], told["shown"], told["attempts"]) == (
        "tick.failed",
        f"${{env:HOOK}} ({site.url})",
        1,
    )
    assert told["error"] == "it answered 410"
    assert "canary" not in repr(first.notes)
    assert first.notes["alerts"]["unset"] == ["${env:UNSET}: the app setting is not set"]

    early = after_tick(failed, first, first, environment, post, START)
    assert (site.got, undelivered(early)) == ([], [told]), "not due yet, and the same fact is silent"
    due = START.replace(minute=2)
    second = after_tick(failed, early, early, environment, post, due)
    assert (site.types, undelivered(second)) == (["tick.failed"], [])
    assert site.got[0]["source"] == "https://example.org/repo/environments/dev"

    well = replace(failed, result="done", error=None, plan=Plan("dev", "c" * 40))
    third = after_tick(well, second, second, environment, post, due)
    assert site.types == ["tick.failed", "recovered"]
    assert "standing" not in third.notes["alerts"]


def test_nothing_of_sending_can_end_a_tick(tmp_path: Path) -> None:
    def broken(*_: object) -> Sent:
        raise RuntimeError("canary")

    environment = dev(tmp_path, "alerts: [{to: 'https://example.org/x'}]\n")
    post = Post(addresses(settings_reader({}, frozenset())), deliver=broken)
    state = State.new("dev")
    failed = Ended("dev", "c" * 40, "failed", error=SignInError("nobody"))
    (told,) = undelivered(after_tick(failed, state, state, environment, post, START))
    assert told["error"] == "sending failed: RuntimeError"
    assert deliver_.SECONDS == 10
