"""What Git turns into another thing at the same place, and what is left of a workspace that has gone."""

from __future__ import annotations

import io
import signal
from pathlib import Path

import pytest
from support import workspaces
from support.crash import Doomed
from support.project import Azure, Project, group
from support.sandbox import Sandbox
from support.workspaces import FOLDER, NOTEBOOKS, RESOURCE, notebook

JOB = f"""\
resources:
  jobs:
    nightly:
      tasks:
        - task_key: one
          notebook_task: {{notebook_path: {FOLDER}/a}}
          new_cluster: {{spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}
"""
JOBS = "jobs: [{file: jobs/nightly.yaml}]"
TICKS = 3
"""Most ticks until it is as Git says: what is in the way goes first."""


def found(sandbox: Sandbox) -> dict[str, str]:
    """What lies in the team's folder, by path below it."""
    listed = workspaces.person(sandbox).workspace.list(FOLDER, recursive=True)
    return {each.path.removeprefix(f"{FOLDER}/"): each.object_type.value for each in listed}


def converged(project: Project, name: str = "one") -> None:
    """Tick until nothing is left to be done."""
    for _ in range(TICKS):
        ticked = project.run("tick", name)
    assert ticked.code == 0, ticked.text
    planned = project.run("plan", name)
    assert (planned.json["changes"], planned.json["blocked"]) == ([], []), planned.text


def team(folder: Path, sandbox: Sandbox, files: dict[str, str], *lines: str) -> Project:
    made = workspaces.project(folder, sandbox, *lines)
    made.repository.commit(files)
    assert made.run("tick", "one").code == 0
    return made


def move(project: Project, old: str, files: dict[str, str]) -> None:
    (project.repository.path / old).unlink()
    project.repository.commit(files)


def test_a_notebook_becomes_a_folder(tmp_path: Path, sandbox: Sandbox) -> None:
    """`prep.py` is split into `prep/a.py` and `prep/b.py`: the old one stands where the folder is to be."""
    made = team(tmp_path, sandbox, {"notebooks/prep.py": notebook()})
    move(made, "notebooks/prep.py", {"notebooks/prep/a.py": notebook(), "notebooks/prep/b.py": notebook()})
    converged(made)
    assert found(sandbox) == {"prep/a": "NOTEBOOK", "prep/b": "NOTEBOOK"}


def test_a_folder_becomes_a_notebook(tmp_path: Path, sandbox: Sandbox) -> None:
    made = team(tmp_path, sandbox, {"notebooks/prep/a.py": notebook()})
    move(made, "notebooks/prep/a.py", {"notebooks/prep.py": notebook()})
    converged(made)
    assert found(sandbox) == {"prep": "NOTEBOOK"}


def test_a_notebook_becomes_a_file_of_its_name(tmp_path: Path, sandbox: Sandbox) -> None:
    """A notebook loses its extension; a file that has none takes the same path."""
    made = team(tmp_path, sandbox, {"notebooks/prep.py": notebook()})
    move(made, "notebooks/prep.py", {"notebooks/prep": "text"})
    converged(made)
    assert found(sandbox) == {"prep": "FILE"}


def test_a_library_becomes_a_file_of_the_same_folder(tmp_path: Path, sandbox: Sandbox) -> None:
    """The record of the library goes, and not the file that is there for it: it is never away."""
    jar = "PK\5\6" + "\0" * 18
    lines = (NOTEBOOKS, "libraries: [{file: dist/x.jar, to: " + FOLDER + "}]")
    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook(), "dist/x.jar": jar}, *lines)
    made.edit("environments/one.yaml", lines[1], "")
    made.repository.commit({"notebooks/x.jar": jar})
    ticked = made.run("tick", "one")
    assert ticked.code == 0, ticked.text
    assert found(sandbox) == {"a": "NOTEBOOK", "x.jar": "FILE"}
    converged(made)


def test_a_scope_written_in_another_case_is_the_same_scope(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databricks does not regard case in names of scopes and keys: nothing is deleted for it."""
    monkeypatch.setenv("API_KEY", "a value that is a secret")
    monkeypatch.setenv("RECONCILER_SECRETS", "API_KEY")
    scope = "secretScopes: {Team: {permissions: {users: READ}, secrets: {Key: '${env:API_KEY}'}}}"
    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook()}, NOTEBOOKS, scope)
    client = workspaces.person(sandbox)
    made.edit("environments/one.yaml", scope, scope.replace("Team", "team").replace("Key:", "key:"))
    at = len(sandbox.journal())
    ticked = made.run("tick", "one")
    assert ticked.code == 0, ticked.text
    assert not [e for e in sandbox.journal()[at:] if e["path"].endswith("/delete")]
    (secret,) = client.secrets.list_secrets("team")
    assert secret.key.lower() == "key"
    converged(made)


def gone(sandbox: Sandbox, name: str = "team-dbw") -> None:
    """Somebody deletes the workspace."""
    Azure().call("DELETE", group("one", f"{RESOURCE}/{name}"), "2024-05-01")


def test_an_interrupted_call_to_a_workspace_that_has_gone_is_forgotten(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Killed in an import, and then the workspace is deleted: nobody can be asked what became of the call."""
    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook()})
    made.repository.commit({"notebooks/b.py": notebook()})
    place = ("--repo", str(made.repository.path), "--state", str(made.state))
    doomed = Doomed("tick", "one", *place, variables=made.sandbox.env)
    sandbox.fault("kill", match={"path": "*/workspace/import"}, pid=doomed.pid, when="before")
    assert doomed.go() == -signal.SIGKILL
    gone(sandbox)
    converged(made)
    assert found(sandbox) == {"a": "NOTEBOOK", "b": "NOTEBOOK"}


def test_what_was_in_a_workspace_of_another_that_has_gone_is_forgotten(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """`two` is a guest in the workspace of `one`, and moves into another one after that has gone."""
    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook()})
    host = workspaces.person(sandbox).config.host.removeprefix("https://")
    made.repository.commit({"environments/two.yaml": workspaces.guest("two", host, NOTEBOOKS)})
    assert made.run("tick", "two").code == 0
    gone(sandbox)
    assert made.run("tick", "one").code == 0
    other = workspaces.person(sandbox).config.host.removeprefix("https://")
    assert other != host
    made.edit("environments/two.yaml", host, other)
    converged(made, "two")


def test_a_guest_whose_file_has_gone_is_destroyed(tmp_path: Path, sandbox: Sandbox) -> None:
    """Nothing of it is a resource of Azure: who may remove it is told by the workspace."""
    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook()})
    host = workspaces.person(sandbox).config.host.removeprefix("https://")
    guest = workspaces.guest("two", host, "notebooks: [{from: notebooks/, to: /Shared/two}]")
    made.repository.commit(
        {"environments/two.yaml": guest.replace("resourceGroup: two", "resourceGroup: one")}
    )
    assert made.run("tick", "two").code == 0
    move(made, "environments/two.yaml", {})
    destroyed = made.run("destroy", "two", "--yes")
    assert destroyed.code == 0, destroyed.text
    assert "/Shared/two" not in {each.path for each in workspaces.person(sandbox).workspace.list("/Shared")}


def test_a_check_of_a_manual_environment_decides_though_nothing_is_to_be_applied(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The approval is used up while the check runs: its end is seen all the same, and a failure stays one."""
    check = (
        f"checks:\n  - name: test\n    databricksNotebook: {FOLDER}/test\n    timeout: 20m\n"
        "    compute: {newCluster: {spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}\n"
    )
    made = workspaces.project(tmp_path, sandbox, NOTEBOOKS, more=check + "policy: {sync: manual}\n")
    waits = (
        'import os, time\nwhile not os.path.exists("/dbfs/go"):\n    time.sleep(0.1)\nraise ValueError("no")'
    )
    made.repository.commit({"notebooks/test.py": notebook(waits)})
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "8")
    assert made.run("apply", "one", "--yes").json["result"] == "pending"
    assert made.run("tick", "one").json["result"] == "pending"
    workspaces.person(sandbox).dbfs.upload("dbfs:/go", io.BytesIO(b"1"))
    monkeypatch.delenv("RECONCILER_TICK_SECONDS")
    ticked = made.run("tick", "one")
    assert (ticked.code, ticked.json["result"]) == (1, "failed"), ticked.text
    again = made.run("tick", "one")
    assert (again.code, again.json["result"]) == (1, "failed"), again.text


def test_a_job_that_a_late_list_leaves_out_is_not_made_again(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorded job is asked for by its id before it counts as deleted; one that is deleted comes back."""
    from reconciler.providers.jobs import JobProvider

    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook(), "jobs/nightly.yaml": JOB}, NOTEBOOKS, JOBS)
    with monkeypatch.context() as late:
        late.setattr(JobProvider, "_list", lambda self, place: [])
        assert made.run("plan", "one").json["changes"] == []
    client = workspaces.person(sandbox)
    (job,) = client.jobs.list()
    client.jobs.delete(job.job_id)
    converged(made)
    (again,) = client.jobs.list()
    assert again.job_id != job.job_id


def test_an_edit_by_hand_that_git_takes_up_is_as_git_says(tmp_path: Path, sandbox: Sandbox) -> None:
    """Tried out in the browser, then committed: nothing is to be written, and what was recorded before is not
    taken for live afterwards, so that the next edit is seen too."""
    made = team(tmp_path, sandbox, {"notebooks/a.py": notebook("print(1)")})
    sandbox.advance("PT1H")
    client = workspaces.person(sandbox)
    workspaces.write(client, f"{FOLDER}/a", "print(2)")
    made.repository.commit({"notebooks/a.py": notebook("print(2)")})
    for _ in range(2):
        ticked = made.run("tick", "one")
        assert (ticked.code, ticked.json["outcomes"], ticked.json["summary"]["notAccepted"]) == (0, [], 0)
    sandbox.advance("PT1H")
    workspaces.write(client, f"{FOLDER}/a", "print(3)")
    assert [change["cause"] for change in made.run("plan", "one").json["changes"]] == ["drift"]
    converged(made)
    assert "print(2)" in workspaces.text_of(client, f"{FOLDER}/a")
