"""GitHub and Azure DevOps as hosts: only our own comment is changed, refusals name the right that is missing."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from support.hosted import one
from support.pulls import SIDES, Side, azuredevops, github
from support.sandbox import Sandbox

from reconciler.errors import HostRefused, HostUnavailable, SourceError
from reconciler.githost import Host, Status, statuses

STATUS = Status("a", "pending", "x", "https://app.example.org/api/dashboard/a")
FILES = one("a")
DAY_AGO = (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat(timespec="seconds")


@pytest.fixture(params=sorted(SIDES))
def side(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Side:
    return SIDES[request.param](tmp_path, sandbox, FILES)


def host(side: Side) -> Host:
    return cast(Host, side.engine().host)


def test_a_comment_of_somebody_else_is_never_ours(side: Side) -> None:
    """Somebody copies our marker: their comment stays as it is, and ours is found behind many others."""
    side.push({}, "x")
    number, us = side.open("x"), host(side)
    copied = "<!-- reconciler plan m -->\nmine"
    for count in range(101 if side.name == "github" else 3):
        side.say(number, f"{copied} {count}")
    assert list(us.own_comments(number)) == []
    us.add_comment(number, f"{copied} ours")
    (found,) = us.own_comments(number)
    us.change_comment(number, found, "changed")
    assert [each.text for each in us.own_comments(number)] == ["changed"]
    assert f"{copied} 0" in side.comments(number)


def test_a_pull_request_is_what_its_host_says(side: Side) -> None:
    commit = side.push({}, "x")
    number, us = side.open("x"), host(side)
    found = us.pull_request(number)
    assert (found.open, found.head, found.base, found.fork) == (True, commit, "main", False)
    closed = {"state": "closed"} if side.name == "github" else {"status": "abandoned"}
    side.open("x", number=number, **closed)
    assert not us.pull_request(number).open
    with pytest.raises(HostRefused, match="404"):
        us.pull_request(999)


def test_a_missing_right_is_told_by_its_name_once(
    tmp_path: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statuses are no reason for a tick to fail; the log tells once what to grant."""
    monkeypatch.setattr(statuses, "_told", set())
    for folder, make, rights, needs in (
        ("g", github, {"contents": "read", "pull_requests": "write"}, "write the commit statuses"),
        ("d", azuredevops, ("read",), "Contribute to pull requests"),
    ):
        side = make(
            tmp_path / folder,
            sandbox,
            FILES,
            *(rights if isinstance(rights, tuple) else ()),
            **(rights if isinstance(rights, dict) else {}),
        )
        engine, commit = side.engine(), side.push({})
        with pytest.raises(SourceError, match=needs):
            cast(Host, engine.host).put_status(commit, STATUS)
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                statuses.begun(engine.host, engine.store, "a", commit)
        assert len([record for record in caplog.records if needs in record.getMessage()]) == 1
        caplog.clear()


def test_a_refused_status_is_not_posted_by_every_tick(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    """A missing permission would be asked for some hundred times a day; another commit or a day asks again."""
    name, tail = (
        ("api.github.com", "*/statuses/*") if side.name == "github" else ("dev.azure.com", "*/statuses")
    )
    side.sandbox.fault("status", match={"host": name, "method": "POST", "path": tail}, status=403, times=99)
    engine, commit = side.engine(), side.push({})

    def posts() -> int:
        return sum("/statuses" in str(entry["path"]) for entry in side.sandbox.journal())

    line = {"commit": commit, "result": "failed", "reason": "first"}
    for count in range(3):
        statuses.begun(engine.host, engine.store, "a", commit)
        engine.store.append_history("a", {**line, "reason": f"told in other words {count}"})
        statuses.ended(engine.host, engine.store, "a")
    assert posts() == 2, "pending, failure"
    statuses.begun(engine.host, engine.store, "a", side.push({}))
    assert posts() == 3, "another commit"
    engine.store.append_history("status.a", {**line, "state": "failure", "refused": True, "time": DAY_AGO})
    statuses.ended(engine.host, engine.store, "a")
    assert posts() == 4, "a day later"
    side.sandbox.control("DELETE", "faults")
    last = side.push({})
    statuses.begun(engine.host, engine.store, "a", last)
    assert side.statuses(last) == {"reconciler/a": ["pending"]}


def test_a_status_fails_no_tick_whatever_goes_wrong(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    """An answer of another shape is no error of ours: what follows from it stays with the status."""
    engine, commit = side.engine(), side.push({})

    def sign() -> str:
        raise KeyError("expires_at")

    us = cast(Any, host(side))
    odd = replace(us, on_statuses=sign) if side.name == "github" else replace(us, sign=sign)
    statuses.begun(odd, engine.store, "a", commit)
    assert "status of a was not posted" in caplog.text


def test_a_token_that_no_header_can_bear_is_told_and_not_shown(side: Side) -> None:
    """Pasted with a line break: Python's own HTTP client names the whole token in what it raises."""
    us = cast(Any, host(side))
    bad = {"on_statuses" if side.name == "github" else "sign": lambda: "Bearer two\nlines"}
    with pytest.raises(HostRefused, match="line break") as caught:
        replace(us, **bad).put_status(side.push({}), STATUS)
    assert "lines" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_time_may_mend_is_tried_again(side: Side) -> None:
    """The message comes back to the queue; the next try makes the comment."""
    side.push({"arm/a.json": '{"resources": []}'}, "x")
    number = side.open("x")
    name = "api.github.com" if side.name == "github" else "dev.azure.com"
    side.sandbox.fault("status", match={"host": name, "path": f"*/pull*/{number}"}, status=503, times=1)
    with pytest.raises(HostUnavailable):
        host(side).pull_request(number)
    side.sandbox.fault("status", match={"host": name, "path": f"*/pull*/{number}"}, status=503, times=1)
    assert side.told(number) == "waits"
    [(put, delay)] = side.queue.put_with[-1:]
    assert (put["pull"], put["tries"]) == (number, 1)
    assert delay > 0


def test_a_token_that_has_ended_is_a_refusal(side: Side, tmp_path: Path) -> None:
    """Nothing of it is shown."""
    bad = replace(side.settings, token="github_pat_wrong", github_app="", github_key="")
    side.settings, side._engine = bad, None
    with pytest.raises(HostRefused, match="sign-in") as caught:
        host(side).pull_request(1)
    assert "github_pat_wrong" not in str(caught.value)


def test_a_person_s_token_will_do(side: Side) -> None:
    """What is set in RECONCILER_GIT_TOKEN reads, comments and posts."""
    from support.pulls import PERSON

    side.settings = replace(side.settings, token=PERSON, github_app="", github_key="")
    side._engine = None
    if side.name == "azuredevops":
        body = {
            "repository": "acme/bikes/bikes",
            "path": str(side.bare),
            "members": {"person": ["read", "contributeToPullRequests"]},
        }
        side.sandbox.control("POST", "azuredevops/repositories", body)
    commit = side.push({}, "x")
    number, us = side.open("x"), host(side)
    us.add_comment(number, "hello")
    assert [each.text for each in us.own_comments(number)] == ["hello"]
    us.put_status(commit, STATUS)
    assert side.statuses(commit) == {"reconciler/a": ["pending"]}
    side.engine().checkout.fetch()
    assert side.engine().checkout.names() == ("a",)


def test_it_is_off_where_it_is_said_or_where_there_is_nobody_to_tell(side: Side) -> None:
    from reconciler import settings

    assert settings.engine(replace(side.settings, feedback=frozenset())).host is None
    assert settings.engine(replace(side.settings, repository=str(side.bare))).host is None
    if side.name == "github":
        assert settings.engine(replace(side.settings, github_app="", github_key="")).host is None
    assert settings.read({"RECONCILER_FEEDBACK": "none"}).feedback == frozenset()
    assert settings.read({"RECONCILER_FEEDBACK": ""}).feedback == settings.read({}).feedback
    assert settings.read({}).feedback == {"comments", "statuses"}
