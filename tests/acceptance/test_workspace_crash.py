"""Killed anywhere in the first apply to a workspace: the next tick converges, and no job is made twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support import workspaces
from support.crash import Doomed
from support.project import Project, environment
from support.sandbox import Sandbox
from support.workspaces import FOLDER, NOTEBOOKS, notebook, section

CALLS, WRITES = 38, 11
"""How many calls the apply makes to the workspace, and how many of these write: each one is killed at."""
LINES = (
    f"notebooks: [{{from: notebooks/, to: {FOLDER}, permissions: {{users: CAN_READ}}}}]",
    f"libraries: [{{build: lib/, to: {FOLDER}/libs}}]",
    "jobs: [{file: jobs/nightly.yaml}]",
    "secretScopes: {team: {permissions: {users: READ}, secrets: {key: '${env:API_KEY}'}}}",
)
PYPROJECT = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "lib"\nversion = "1.0"\n'
JOB = f"""\
resources:
  jobs:
    nightly:
      permissions: [{{group_name: users, level: CAN_VIEW}}]
      tasks:
        - task_key: only
          notebook_task: {{notebook_path: {FOLDER}/deep/a}}
          libraries: [{{whl: /Workspace{FOLDER}/libs/lib-*.whl}}]
          new_cluster: {{spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}
"""
FILES = {
    "notebooks/deep/a.py": notebook("print('a')"),
    "lib/pyproject.toml": PYPROJECT,
    "lib/src/lib/__init__.py": "ANSWER = 42\n",
    "jobs/nightly.yaml": JOB,
    "environments/one.yaml": environment("one", more=section(*LINES)),
}


@pytest.fixture
def team(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty workspace, and a commit that fills it."""
    monkeypatch.setenv("API_KEY", "the value")
    monkeypatch.setenv("RECONCILER_SECRETS", "API_KEY")
    made = workspaces.project(tmp_path, sandbox, NOTEBOOKS)
    made.write("environments/one.yaml", environment("one"))
    made.repository.commit()
    assert made.run("tick", "one").code == 0
    made.repository.commit(dict(FILES))
    return made


def killed(project: Project, after: int, when: str, method: str = "*") -> int | None:
    """Apply in a process that is killed at its call number `after` + 1 to the workspace; its exit code."""
    place = ("--repo", str(project.repository.path), "--state", str(project.state))
    variables = {**project.sandbox.env, "API_KEY": "the value", "RECONCILER_SECRETS": "API_KEY"}
    doomed = Doomed("apply", "one", "--yes", "--json", *place, variables=variables)
    match = {"host": "adb-*", "method": method}
    project.sandbox.fault("kill", match=match, after=after, times=1, pid=doomed.pid, when=when)
    code = doomed.go()
    project.sandbox.control("DELETE", "faults")
    return code


def converges(project: Project, sandbox: Sandbox) -> None:
    ticked = project.run("tick", "one")
    assert ticked.code == 0, ticked.text
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], []), planned.text
    assert planned.json["unmanaged"] == []
    client = workspaces.person(sandbox)
    (job,) = client.jobs.list(expand_tasks=True)
    (wheel,) = client.workspace.list(f"{FOLDER}/libs")
    assert [each.whl for each in job.settings.tasks[0].libraries] == [f"/Workspace{wheel.path}"]
    assert levels(client, "jobs", job.job_id) == ["CAN_VIEW"]
    folder = client.workspace.get_status(FOLDER).object_id
    assert levels(client, "directories", folder) == ["CAN_READ"]
    assert [each.key for each in client.secrets.list_secrets("team")] == ["key"]
    assert "users" in [each.principal for each in client.secrets.list_acls("team")]
    assert "print('a')" in workspaces.text_of(client, f"{FOLDER}/deep/a")


def levels(client: object, kind: str, id_: object) -> list[str]:
    """What was granted to all users on the object itself."""
    shown = client.permissions.get(kind, str(id_)).access_control_list  # type: ignore[attr-defined]
    return [
        level.permission_level.value
        for one in shown
        if one.group_name == "users"
        for level in one.all_permissions
        if not level.inherited
    ]


@pytest.mark.prove
@pytest.mark.parametrize(("calls", "method"), [(CALLS, "*"), (WRITES, "P*")])
def test_every_call_is_killed_at(team: Project, calls: int, method: str) -> None:
    """One kill more than there are calls reaches nobody, so the sweeps below leave none out."""
    assert killed(team, calls, "before", method) == 0


@pytest.mark.prove
@pytest.mark.parametrize("after", range(CALLS))
def test_killed_before_a_call(team: Project, sandbox: Sandbox, after: int) -> None:
    """The call has no effect; what was called before it has."""
    assert killed(team, after, "before") == -signal.SIGKILL
    converges(team, sandbox)


@pytest.mark.parametrize("after", range(WRITES))
def test_killed_after_a_write(team: Project, sandbox: Sandbox, after: int) -> None:
    """The write has its effect, and its answer is never seen."""
    assert killed(team, after, "after", "P*") == -signal.SIGKILL
    converges(team, sandbox)


@pytest.mark.parametrize(
    "path", ["*/jobs/create", "*/permissions/jobs/*", "*/workspace/import", "*/secrets/put"]
)
def test_an_answer_that_is_lost(team: Project, sandbox: Sandbox, path: str) -> None:
    """The call had its effect, and the reconciler lives on without knowing: in the same tick or the next."""
    sandbox.fault("drop-after", match={"host": "adb-*", "path": path}, times=1)
    team.run("tick", "one")
    converges(team, sandbox)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_a_job_gets_another_key(team: Project, sandbox: Sandbox, when: str) -> None:
    """The job of the old key bears the same name and our mark, and is not taken for the new one."""
    assert team.run("tick", "one").code == 0
    team.edit("jobs/nightly.yaml", "    nightly:\n", "    other:\n      name: nightly\n")
    assert killed(team, 0, when, "P*") == -signal.SIGKILL
    converges(team, sandbox)
