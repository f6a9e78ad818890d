"""Checks that run a notebook: it runs for real, once, and its own error is what is told."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.workspace import ImportFormat
from support.checks import Ticks
from support.databricks import RESOURCE_ID, Workspace
from support.sandbox import Sandbox
from support.workspaces import write

from reconciler.providers.workspace import Place

CLUSTER = (
    "compute: {newCluster: {spark_version: 16.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}"
)
FOLDER = "/Shared/team"


class Patient(Ticks):
    """Ticks that wait for what takes time of its own."""

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        time.sleep(min(seconds, 0.5))


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    made = Workspace.make(sandbox)
    made.admin.workspace.mkdirs(FOLDER)
    return made


def ticks(workspace: Workspace, root: Path, *checks: str, kind: type[Ticks] = Ticks) -> Ticks:
    place = Place(workspace.host, RESOURCE_ID)
    return kind(workspace.sandbox, root, "\n".join(f"  - {{{check}}}" for check in checks), place)


def notebook(workspace: Workspace, name: str, text: str) -> str:
    write(workspace.admin, f"{FOLDER}/{name}", text)
    return f"name: {name}, databricksNotebook: {FOLDER}/{name}"


def runs(workspace: Workspace) -> list[Any]:
    return list(workspace.admin.jobs.list_runs())


def test_a_notebook_decides(workspace: Workspace, tmp_path: Path) -> None:
    """One that ends passes, one that raises fails with the error it raised; both have a page, a duration, and
    are not run again."""
    good = notebook(workspace, "good", 'assert dbutils.widgets.get("rows") == "5"')
    bad = notebook(workspace, "bad", 'raise ValueError("3 rows are missing")')
    both = ticks(
        workspace,
        tmp_path,
        f"{good}, parameters: {{rows: 5}}, {CLUSTER}",
        f"{bad}, {CLUSTER}",
        kind=Patient,
    )
    records = both.run()
    assert {name: record["result"] for name, record in records.items()} == {"good": "passed", "bad": "failed"}
    assert "ValueError: 3 rows are missing" in records["bad"]["error"]
    assert "error" not in records["good"]
    for record in records.values():
        assert record["url"].startswith(f"https://{workspace.host}/")
        assert 0 < record["seconds"] < 120
    assert (both.run(), len(runs(workspace))) == (records, 2)


def wheel() -> bytes:
    """The least that pip and Databricks call a wheel: a module `bikes` with ANSWER in it."""
    held = {
        "bikes.py": "ANSWER = 42\n",
        "bikes-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: bikes\nVersion: 1.0\n",
        "bikes-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "bikes-1.0.dist-info/RECORD": "",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in held.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_the_environments_libraries_are_there(workspace: Workspace, tmp_path: Path) -> None:
    """`all` installs what the environment put into the workspace; without it the import fails."""
    path = f"{FOLDER}/libs/bikes-1.0-py3-none-any.whl"
    workspace.admin.workspace.mkdirs(f"{FOLDER}/libs")
    workspace.admin.workspace.upload(path, io.BytesIO(wheel()), format=ImportFormat.AUTO)
    check = notebook(workspace, "uses", "import bikes; assert bikes.ANSWER == 42")
    uses = ticks(workspace, tmp_path, f"{check}, {CLUSTER}, libraries: all", kind=Patient)
    uses.libraries = (path,)
    assert uses.run()["uses"]["result"] == "passed"
    uses.libraries = ()
    record = uses.run("another live state")["uses"]
    assert (record["result"], "No module named 'bikes'" in record["error"]) == ("failed", True)


class Crash(Exception):
    """The process ends here."""


def test_a_lost_answer_and_a_crash_make_no_second_run(workspace: Workspace, tmp_path: Path) -> None:
    """The idempotency token was saved before the call: Databricks gives back the run that there is."""
    check = notebook(workspace, "slow", "import time; time.sleep(600)")
    slow = ticks(workspace, tmp_path, f"{check}, {CLUSTER}, timeout: 5m")
    saves: list[Mapping[str, Any]] = []

    def save(notes: Mapping[str, Any]) -> None:
        if saves:
            raise Crash
        saves.append(notes)
        slow.save(notes)

    workspace.sandbox.fault("drop-after", match={"path": "*/runs/submit"})
    with pytest.raises(Crash):
        slow.run(save=save)
    assert "run" not in slow.saved["slow"]["token"]
    record = slow.run(seconds=0.9)["slow"]
    (made,) = runs(workspace)
    assert (record["result"], record["token"]["run"]) == ("running", made.run_id)
    assert slow.calls("/runs/submit") == 3
    slow.run("another commit", seconds=0.9)
    state = workspace.admin.jobs.get_run(made.run_id).state
    assert state is not None and state.life_cycle_state is not None
    assert state.life_cycle_state.value in ("TERMINATING", "TERMINATED")
    assert len(runs(workspace)) == 2


def test_a_timeout_fails_and_stops_it(workspace: Workspace, tmp_path: Path) -> None:
    """By Azure's clock, whoever stops it first: the reconciler or the run's own limit."""
    check = notebook(workspace, "slow", "import time; time.sleep(600)")
    slow = ticks(workspace, tmp_path, f"{check}, {CLUSTER}, timeout: 5m")
    assert slow.run(seconds=0.9)["slow"]["result"] == "running"
    workspace.sandbox.advance("PT6M")
    record = slow.run()["slow"]
    assert record["result"] == "failed"
    assert "TIMEDOUT" in record["error"] or "was cancelled" in record["error"]
    (made,) = runs(workspace)
    assert made.state.life_cycle_state.value in ("TERMINATING", "TERMINATED", "INTERNAL_ERROR")


def test_what_databricks_refuses_is_told_and_tried_again(workspace: Workspace, tmp_path: Path) -> None:
    """No compute in a workspace without serverless compute; nothing ran, so the next tick asks again."""
    check = notebook(workspace, "good", "pass")
    refused = ticks(workspace, tmp_path, check)
    record = refused.run()["good"]
    assert (record["result"], record["error"].split(":")[0]) == ("failed", "INVALID_PARAMETER_VALUE")
    assert refused.run()["good"]["attempt"] == 2
    assert runs(workspace) == []


def test_no_workspace_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """Before any call."""
    alone = Ticks(sandbox, tmp_path, "  - {name: alone, databricksNotebook: /Shared/a}")
    assert "no section `databricks`" in alone.run()["alone"]["error"]
