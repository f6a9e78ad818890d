"""A person's word holds: what is suspended is not written, and what was not shown is not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.project import Azure, Project, empty, environment, group, identity, template
from support.sandbox import Sandbox

from reconciler import settings
from reconciler.engine import Reconciler
from reconciler.source import Source
from reconciler.tick import Planned

SECOND = group("one", "Microsoft.ManagedIdentity/userAssignedIdentities/second")
VERSION = "2023-01-31"
DEPLOYMENTS = {"method": "PUT", "path": "*/deployments/*"}


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(identity("first"), identity("second")))
    project.repository.commit({"environments/one.yaml": environment("one")})
    return project


def engine(project: Project) -> Reconciler:
    place = {"repository": str(project.repository.path), "state": str(project.state)}
    return settings.engine(replace(settings.read(), **place))


def test_nothing_is_applied_while_suspended(project: Project, sandbox: Sandbox) -> None:
    assert project.run("suspend", "one", "--why", "incident").code == 0
    applied = project.run("apply", "one", "--yes")
    assert (applied.code, applied.json["result"], applied.json["reason"]) == (1, "suspended", "incident")
    assert "reconciler resume one" in project.run("apply", "one", "--yes", json_=False).text
    assert sandbox.writes() == []
    assert project.run("resume", "one").code == 0
    assert project.run("apply", "one", "--yes").code == 0


def test_a_suspension_without_a_reason_is_refused(project: Project) -> None:
    """It would be recorded as none at all, and the next tick would go on."""
    refused = project.run("suspend", "one", "--why", " ")
    assert (refused.code, refused.json["error"]["code"]) == (1, "invalid-input")


def test_a_tick_that_has_begun_heeds_a_suspension(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody suspends while the tick fetches: it has looked already, and writes nothing all the same."""
    fetch: Callable[[Source], None] = Source.fetch
    running = engine(project)
    running.resume("one")

    def fetch_meanwhile(source: Source) -> None:
        fetch(source)
        monkeypatch.setattr(Source, "fetch", fetch)
        engine(project).suspend("one", "incident")

    monkeypatch.setattr(Source, "fetch", fetch_meanwhile)
    tick = running.tick("one")
    assert (tick.result, tick.reason) == ("suspended", "incident")
    assert sandbox.writes() == []


@pytest.mark.parametrize("answer", [True, False])
def test_writes_that_waiting_brings_up_are_asked_for_too(
    project: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    """An earlier run's operation goes on, so the first plan has nothing to write; when it ends, a delete is due."""
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "2")
    sandbox.fault("slow-operation", match=DEPLOYMENTS, times=1, seconds=600)
    assert project.run("apply", "one", "--yes").code == 3
    project.write("arm/main.json", template(identity("first")))
    project.repository.commit()
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "60")
    asked: list[list[str]] = []

    def confirm(planned: Planned) -> bool:
        asked.append([change.action.value for change in planned.plan.writes])
        sandbox.advance("PT20M")
        return answer or len(asked) == 1

    engine(project).apply("one", confirm=confirm)
    assert asked == [[], ["delete"]]
    assert Azure().there(SECOND, VERSION) is not answer


def test_what_is_destroyed_already_is_no_fault(project: Project, sandbox: Sandbox) -> None:
    """Whoever removes an environment twice, as a script does, wants it gone and has that."""
    assert project.run("apply", "one", "--yes").code == 0
    assert project.run("destroy", "one", "--yes").code == 0
    calls = len(sandbox.journal())
    again = project.run("destroy", "one", "--yes", json_=False)
    assert (again.code, again.text) == (0, "nothing is left of one\n")
    document = project.run("destroy", "one", "--yes")
    assert (document.code, document.json["result"]) == (0, "done")
    assert document.json["reason"] == "nothing is left of one"
    assert len(sandbox.journal()) == calls


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [("onn", "invalid-input", "`one`"), ("one", "state-unreadable", "RECONCILER_STATE")],
    ids=["no such environment", "never applied, or recorded in another place"],
)
def test_to_destroy_what_was_never_seen_is_a_fault_with_a_way_out(
    project: Project, sandbox: Sandbox, name: str, code: str, hint: str
) -> None:
    """A misspelt name, or the wrong state, must not look as if all had gone."""
    told = project.run("destroy", name, "--yes")
    assert (told.code, told.json["error"]["code"]) == (1, code), told.text
    assert hint in told.text, told.text
    assert sandbox.journal() == []
