"""What Azure answers seldom is not misread: nothing is written, dropped or given up because of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.project import Azure, Project, empty, environment, group, identity, template
from support.sandbox import Sandbox

from reconciler.providers import retries

NETWORK = "Microsoft.Network/virtualNetworks"
NETWORKS = "2023-09-01"
FIRST = "*userAssignedIdentities/first"


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(identity("first"), identity("second")))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("apply", "one", "--yes").code == 0
    return project


def test_an_answer_without_content_makes_only_that_resource_unknown(
    project: Project, sandbox: Sandbox
) -> None:
    sandbox.fault("status", match={"method": "GET", "path": FIRST}, times=0, status=202)
    planned = project.run("plan", "one")
    assert [h["code"] for h in planned.json["blocked"]] == ["unreadable"], planned.text
    assert planned.json["summary"]["unchanged"] == 2


def test_all_waits_that_one_call_is_asked_for_count_together(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wait alone is short enough; five of them would outlast the tick."""
    monkeypatch.setattr(retries, "PATIENCE", 1.5)
    sandbox.fault("status", match={"method": "GET", "path": FIRST}, times=0, status=429, retryAfter=1)
    started = time.monotonic()
    planned = project.run("plan", "one")
    assert time.monotonic() - started < 3.5
    assert [h["code"] for h in planned.json["blocked"]] == ["unreadable"], planned.text


GROUP = "*/resourceGroups/one"


@pytest.mark.parametrize("verb", [["plan", "one"], ["tick", "one"], ["destroy", "one", "--yes"]])
def test_where_nobody_answers_for_the_group_one_error_says_so(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    """As where a proxy refuses connections: each resource would say the same line, and write nothing."""
    monkeypatch.setattr(retries, "ATTEMPTS", 2)
    since = len(sandbox.writes())
    sandbox.fault("drop-before", match={"method": "GET", "path": GROUP}, times=0)
    told = project.run(*verb)
    assert (told.code, told.json["error"]["code"]) == (1, "unreachable"), told.text
    assert told.json["error"]["where"].endswith("/one")
    assert sandbox.writes()[since:] == []


@pytest.mark.parametrize(
    ("do", "path", "said", "unknown"),
    [("drop-before", FIRST, {}, ["first"]), ("status", GROUP, {"status": 503}, ["one", "first", "second"])],
    ids=["one resource", "Azure's own trouble with the group"],
)
def test_what_alone_is_not_answered_is_unknown_and_the_rest_goes_on(
    project: Project,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    do: str,
    path: str,
    said: dict[str, Any],
    unknown: list[str],
) -> None:
    monkeypatch.setattr(retries, "ATTEMPTS", 2)
    sandbox.fault(do, match={"method": "GET", "path": path}, times=0, **said)
    planned = project.run("plan", "one")
    held = {h["key"].split("/")[-1].split(":")[-1]: h["code"] for h in planned.json["blocked"]}
    assert held == dict.fromkeys(unknown, "unreadable"), planned.text


def test_a_delete_whose_operation_is_forgotten_is_settled_by_a_read(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operation's address answers 404 while the resource is still there: it stays ours until it is gone."""
    project = empty(tmp_path, sandbox)
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    net = {
        "type": NETWORK,
        "apiVersion": NETWORKS,
        "name": "net",
        "location": "westeurope",
        "properties": space,
    }
    project.write("arm/main.json", template(identity("first"), net))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("apply", "one", "--yes").code == 0
    project.write("arm/main.json", template(identity("first")))
    project.repository.commit()
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "2")
    sandbox.fault("slow-operation", match={"method": "DELETE", "path": "*/net"}, times=1, seconds=600)
    sandbox.fault("status", match={"method": "GET", "path": "*operation*"}, times=0, status=404)
    first = project.run("tick", "one")
    assert [(o["action"], o["result"]) for o in first.json["outcomes"]] == [("delete", "pending")], first.text
    assert project.run("tick", "one").code == 3
    assert project.run("plan", "one").json["unmanaged"] == []
    sandbox.control("DELETE", "faults")
    sandbox.advance("PT20M")
    assert project.run("tick", "one").code == 0
    assert not Azure().there(group("one", f"{NETWORK}/net"), NETWORKS)
    assert project.run("plan", "one").json["changes"] == []
