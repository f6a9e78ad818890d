"""Runs through the real SDK: notebooks that really execute, on local Spark where they ask for it."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec, Library
from databricks.sdk.service.workspace import ImportFormat, Language
from support.databricks import Workspace
from support.sandbox import Sandbox

HEADER = "# Databricks notebook source\n"
CELL = "\n\n# COMMAND ----------\n\n"
CLUSTER = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=1)
PATIENCE = 240  # seconds for a run that starts Spark on a busy machine


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


@pytest.fixture
def client(workspace: Workspace) -> WorkspaceClient:
    return workspace.admin


def put(client: WorkspaceClient, path: str, *cells: str, language: Language = Language.PYTHON) -> None:
    source = HEADER + CELL.join(cells)
    content = base64.b64encode(source.encode()).decode()
    client.workspace.import_(
        path, content=content, format=ImportFormat.SOURCE, language=language, overwrite=True
    )


def task(key: str, path: str, parameters: dict[str, str] | None = None, **more: Any) -> jobs.SubmitTask:
    notebook = jobs.NotebookTask(notebook_path=path, base_parameters=parameters)
    return jobs.SubmitTask(task_key=key, notebook_task=notebook, new_cluster=CLUSTER, **more)


def submitted(client: WorkspaceClient, *tasks: jobs.SubmitTask, **more: Any) -> int:
    return client.jobs.submit(run_name="a run", tasks=list(tasks), **more).response.run_id


def ended(client: WorkspaceClient, run_id: int) -> jobs.Run:
    """The run when it has ended, asked for until it has."""
    return until(client, run_id, lambda run: run.end_time)


def until(client: WorkspaceClient, run_id: int, seen: Callable[[jobs.Run], Any]) -> jobs.Run:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        run = client.jobs.get_run(run_id)
        if seen(run):
            return run
    raise AssertionError(f"run {run_id} stands at {run.state}")


def outcome(one: jobs.Run | jobs.RunTask) -> tuple[str, str]:
    assert one.state and one.state.life_cycle_state
    result = one.state.result_state.value if one.state.result_state else ""
    return one.state.life_cycle_state.value, result


def output(client: WorkspaceClient, run: jobs.Run, key: str) -> jobs.RunOutput:
    one = next(each for each in run.tasks or () if each.task_key == key)
    return client.jobs.get_run_output(one.run_id)


def test_a_notebook_runs_and_answers_what_it_exits_with(
    workspace: Workspace, client: WorkspaceClient
) -> None:
    """Parameters arrive as widgets; state, status, times and page tell how it went."""
    put(
        client,
        "/Shared/one",
        "dbutils.widgets.text('n', '1')",
        "dbutils.notebook.exit(dbutils.widgets.get('n') * 2)",
    )
    run = ended(client, submitted(client, task("only", "/Shared/one", {"n": "ab"})))
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert run.status and run.status.termination_details
    assert run.status.termination_details.code == jobs.TerminationCodeCode.SUCCESS
    assert run.run_type == jobs.RunType.SUBMIT_RUN
    assert run.start_time and run.end_time and run.start_time <= run.end_time
    assert f"https://{workspace.host}/?o=" in str(run.run_page_url)
    found = output(client, run, "only").notebook_output
    assert found and (found.result, found.truncated) == ("abab", False)
    with pytest.raises(InvalidParameterValue, match="multiple tasks is not supported"):
        client.jobs.get_run_output(run.run_id)
