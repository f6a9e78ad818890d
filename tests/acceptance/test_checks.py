"""Checks in the loop: they decide health, hold back what comes after, and run once for one commit and live state."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from support import workspaces
from support.project import Azure, Project, environment, group
from support.sandbox import Sandbox
from support.workspaces import FOLDER, NOTEBOOKS, RESOURCE, notebook

CHECK = f"""\
checks:
  - name: integration
    databricksNotebook: {FOLDER}/inttest
    compute: {{newCluster: {{spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}}}
    timeout: 20m
"""
AFTER = "  - {name: closed, after: [integration], http: 'https://management.azure.com/subscriptions', expect: 401}\n"
WAITS = 'import os, time\nwhile not os.path.exists("/dbfs/go"):\n    time.sleep(0.1)'
"""A notebook that ends once somebody lets it."""
PATIENCE = 300


def project(folder: Path, sandbox: Sandbox, test: str, more: str = "") -> Project:
    """A workspace with one notebook, which is the environment's test."""
    made = workspaces.project(folder, sandbox, NOTEBOOKS, more=CHECK + more)
    made.write("notebooks/inttest.py", notebook(test))
    made.repository.commit()
    return made


def runs(sandbox: Sandbox) -> list[int | None]:
    return [run.run_id for run in workspaces.person(sandbox).jobs.list_runs()]


def submits(sandbox: Sandbox) -> int:
    return sum(entry["path"].endswith("/runs/submit") for entry in sandbox.journal())


def let_go(sandbox: Sandbox, name: str = "go") -> None:
    workspaces.person(sandbox).dbfs.upload(f"dbfs:/{name}", io.BytesIO(b"1"))


def told(project: Project) -> tuple[str, dict[str, Any]]:
    """The health of `one` by `status`, and its checks by name."""
    (one,) = project.run("status", "one").json["environments"]
    return one["health"], {check["name"]: check for check in one["checks"]}


def test_a_failed_test_holds_the_successor_until_git_mends_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """Nobody touches anything but the notebook in Git."""
    made = project(tmp_path, sandbox, 'raise AssertionError("3 predictions for 4 rows")', AFTER)
    second = environment("two", policy="after: [one]\n").replace("main.json", "two.json")
    made.write("arm/two.json", workspaces.workspace_template("two-dbw"))
    made.repository.commit({"environments/two.yaml": second})
    ticked = made.run("tick", "one")
    assert (ticked.code, ticked.json["result"]) == (1, "failed")
    assert ticked.json["reason"].startswith("check integration failed:"), ticked.json["reason"]
    assert {outcome["result"] for outcome in ticked.json["outcomes"]} == {"done"}
    health, checks = told(made)
    assert health == "failed"
    assert "AssertionError: 3 predictions for 4 rows" in checks["integration"]["error"]
    assert checks["closed"]["result"] == "skipped"
    held = made.run("tick", "two")
    assert (held.code, held.json["result"], held.json["calls"]["write"]) == (0, "held", 0)
    assert held.json["reason"].startswith("one comes first and was not healthy yet.")
    made.write("notebooks/inttest.py", notebook("print('well')"))
    made.repository.commit()
    assert made.run("tick", "one").code == 0
    health, checks = told(made)
    assert health == "healthy"
    assert {name: check["result"] for name, check in checks.items()} == {
        "integration": "passed",
        "closed": "passed",
    }
    released = made.run("tick", "two")
    assert (released.code, released.json["result"]) == (0, "done")


def test_the_same_commit_and_live_state_are_not_tested_twice(tmp_path: Path, sandbox: Sandbox) -> None:
    """Nor once drift was put back. A setting that Git changes is another live state."""
    made = project(tmp_path, sandbox, "print(1)")
    assert made.run("tick", "one").code == 0
    assert submits(sandbox) == 1
    again = made.run("tick", "one")
    assert (again.code, [check["result"] for check in again.json["checks"]]) == (0, ["passed"])
    workspace = group("one", f"{RESOURCE}/team-dbw")
    client = workspaces.person(sandbox)
    workspaces.write(client, f"{FOLDER}/inttest", "print('by hand')")
    healed = made.run("tick", "one")
    assert (healed.code, len(healed.json["outcomes"])) == (0, 1)
    assert submits(sandbox) == 1
    made.edit("arm/main.json", '"premium"', '"standard"')
    assert made.run("tick", "one").code == 0
    assert Azure().get(workspace, "2024-05-01")["sku"]["name"] == "standard"
    assert submits(sandbox) == 2


def test_a_check_outlives_the_tick_that_started_it(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time over, a tick is pending; the next one goes on with the same run."""
    made = project(tmp_path, sandbox, WAITS)
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "5")
    started = time.monotonic()
    while (ticked := made.run("tick", "one")).code == 3 and not submits(sandbox):
        assert time.monotonic() - started < PATIENCE, ticked.text
    assert (ticked.code, ticked.json["result"]) == (3, "pending")
    assert ticked.json["reason"] == "check integration has not ended."
    assert told(made)[0] == "pending"
    again = made.run("tick", "one")
    assert (again.code, again.json["summary"]["update"], submits(sandbox)) == (3, 0, 1)
    let_go(sandbox)
    monkeypatch.delenv("RECONCILER_TICK_SECONDS")
    done = made.run("tick", "one")
    assert (done.code, done.json["result"]) == (0, "done")
    (run,) = runs(sandbox)
    assert done.json["checks"][0]["url"].endswith(f"/run/{run}")
    assert told(made)[0] == "healthy"


def test_a_kill_during_a_check_makes_no_second_run(tmp_path: Path, sandbox: Sandbox) -> None:
    """Whoever comes next finds the run: by its number, or by the token with which it was asked for."""
    made = project(tmp_path, sandbox, WAITS)
    doomed = made.start("tick", "one")
    started = time.monotonic()
    while not submits(sandbox):
        assert doomed.poll() is None and time.monotonic() - started < PATIENCE, doomed.communicate()
        time.sleep(0.02)
    doomed.kill()
    doomed.communicate()
    let_go(sandbox)
    done = made.run("tick", "one")
    assert (done.code, done.json["checks"][0]["result"]) == (0, "passed"), done.text
    assert len(runs(sandbox)) == 1


def test_a_failed_check_is_run_again_after_resume(tmp_path: Path, sandbox: Sandbox) -> None:
    """A person who has mended what is not in Git says so; until then the failure stands."""
    made = project(tmp_path, sandbox, 'open("/dbfs/mended").close()')
    assert made.run("tick", "one").code == 1
    let_go(sandbox, "mended")
    assert (made.run("tick", "one").code, submits(sandbox)) == (1, 1)
    assert made.run("resume", "one").code == 0
    assert (made.run("tick", "one").code, len(runs(sandbox))) == (0, 2)
    assert told(made)[0] == "healthy"
