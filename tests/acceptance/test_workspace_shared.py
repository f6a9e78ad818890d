"""Several environments in one workspace, and a workspace of an Azure that is late."""

from __future__ import annotations

from pathlib import Path

from support import workspaces
from support.sandbox import Sandbox
from support.workspaces import notebook

JOB = """\
resources:
  jobs:
    nightly:
      tasks:
        - task_key: one
          notebook_task: {notebook_path: /Shared/team/a}
          new_cluster: {spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}
"""


def to(folder: str) -> str:
    return f"notebooks: [{{from: notebooks/, to: {folder}}}]"


def test_environments_share_a_workspace_and_a_folder_above_theirs(tmp_path: Path, sandbox: Sandbox) -> None:
    """`two` and `three` have folders below one that `one` brings: nobody's notebooks go with another's."""
    made = workspaces.project(tmp_path, sandbox, to("/Shared/all/one"))
    made.repository.commit({"notebooks/a.py": notebook()})
    assert made.run("tick", "one").code == 0
    client = workspaces.person(sandbox)
    host = client.config.host.removeprefix("https://")
    for name in ("two", "three"):
        made.write(f"environments/{name}.yaml", workspaces.guest(name, host, to(f"/Shared/all/{name}")))
        made.repository.commit()
        ticked = made.run("tick", name)
        assert ticked.code == 0, ticked.text
    for name in ("one", "two", "three"):
        planned = made.run("plan", name)
        assert (planned.json["changes"], planned.json["unmanaged"]) == ([], []), name
    destroyed = made.run("destroy", "two", "--yes")
    assert destroyed.code == 0, destroyed.text
    left = {each.path for each in client.workspace.list("/Shared/all", recursive=True)}
    assert left == {"/Shared/all/one/a", "/Shared/all/three/a"}
    assert {each.path for each in client.workspace.list("/Shared/all")} == {
        "/Shared/all/one",
        "/Shared/all/three",
    }
    for name in ("one", "three"):
        assert made.run("plan", name).json["changes"] == [], name


def test_a_folder_that_two_environments_fill_goes_with_the_last_one(tmp_path: Path, sandbox: Sandbox) -> None:
    """Both put their own folder of Git into one folder of the workspace: it stays while one uses it."""
    made = workspaces.project(tmp_path, sandbox, to("/Shared/all"))
    made.repository.commit({"notebooks/a.py": notebook(), "others/b.py": notebook()})
    assert made.run("tick", "one").code == 0
    client = workspaces.person(sandbox)
    host = client.config.host.removeprefix("https://")
    theirs = "notebooks: [{from: others/, to: /Shared/all}]"
    made.repository.commit({"environments/two.yaml": workspaces.guest("two", host, theirs)})
    ticked = made.run("tick", "two")
    assert ticked.code == 0, ticked.text
    assert made.run("plan", "two").json["changes"] == []
    made.run("destroy", "two", "--yes")
    assert {each.path for each in client.workspace.list("/Shared/all")} == {"/Shared/all/a"}
    assert made.run("plan", "one").json["changes"] == []


def test_a_late_azure_converges_over_ticks(tmp_path: Path, sandbox_lag: Sandbox) -> None:
    """A workspace that was just made, and rights that are not there yet: nobody is told of failures."""
    made = workspaces.project(tmp_path, sandbox_lag, to("/Shared/team"), "jobs: [{file: jobs/job.yaml}]")
    made.repository.commit({"notebooks/a.py": notebook(), "jobs/job.yaml": JOB})
    results = []
    for _ in range(20):
        ticked = made.run("tick", "one")
        results.append(ticked.code)
        assert ticked.code in (0, 3), ticked.text
        assert {o["result"] for o in ticked.json["outcomes"]} <= {"done", "pending"}, ticked.text
        if ticked.code == 0:
            break
        sandbox_lag.advance("PT2M")
    assert results[-1] == 0, results
    assert results[0] == 3, "nothing was late: the test shows nothing"
    sandbox_lag.advance("PT1H")
    planned = made.run("plan", "one")
    assert (planned.code, planned.json["changes"]) == (0, []), planned.text
    assert len(list(workspaces.person(sandbox_lag).jobs.list())) == 1
