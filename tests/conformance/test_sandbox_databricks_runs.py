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
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
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
    client.workspace.mkdirs(path.rpartition("/")[0])
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
        time.sleep(0.2)  # the processor is the run's
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


def test_a_notebook_that_raises_fails_its_run(client: WorkspaceClient) -> None:
    """The states of task and run differ as in the service; error and trace name the line; secrets are blotted out."""
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="hunter2")
    put(client, "/Shared/bad", "v = dbutils.secrets.get('s', 'k')\nprint(v)\nraise ValueError('got ' + v)")
    run = ended(
        client,
        submitted(
            client,
            task("bad", "/Shared/bad"),
            task("next", "/Shared/bad", depends_on=[jobs.TaskDependency("bad")]),
        ),
    )
    assert run.state and run.status and run.status.termination_details
    assert outcome(run) == ("INTERNAL_ERROR", "FAILED")
    assert run.status.termination_details.code == jobs.TerminationCodeCode.RUN_EXECUTION_ERROR
    assert str(run.state.state_message).startswith("Task bad failed with message: Workload failed")
    bad, following = run.tasks or ()
    assert outcome(bad) == ("TERMINATED", "FAILED")
    assert outcome(following) == ("TERMINATED", "UPSTREAM_FAILED")
    told = output(client, run, "bad")
    assert told.error == "ValueError: got [REDACTED]"
    assert "raise ValueError('got ' + v)" in str(told.error_trace)
    assert "hunter2" not in json.dumps(told.as_dict())


def test_nothing_that_a_run_leaves_behind_holds_a_secret(sandbox: Sandbox, client: WorkspaceClient) -> None:
    """Neither what it printed nor what it answers, however the value is put together with other text."""
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="hunter2")
    put(
        client,
        "/Shared/told",
        "v = dbutils.secrets.get('s', 'k')\nprint(f'<{v}>', end='')\ndbutils.notebook.exit(v)",
    )
    run = ended(client, submitted(client, task("told", "/Shared/told")))
    found = output(client, run, "told").notebook_output
    assert found and found.result == "[REDACTED]"
    number = (run.tasks or ())[0].run_id
    assert sandbox.control("GET", f"databricks/output?run_id={number}") == {"logs": "<[REDACTED]>"}
    assert "hunter2" not in json.dumps(sandbox.control("GET", "state")["databricks.outputs"])


def test_tasks_hand_on_values_and_run_by_their_conditions(client: WorkspaceClient) -> None:
    """Task values, references to them, and `run_if`: what is left out or skipped is told apart."""
    put(client, "/Shared/make", "dbutils.jobs.taskValues.set('rows', 7)")
    put(
        client,
        "/Shared/take",
        "n = dbutils.jobs.taskValues.get('make', 'rows')",
        "dbutils.notebook.exit(f\"{n} {dbutils.widgets.get('r')} {dbutils.widgets.get('t')}\")",
    )
    put(client, "/Shared/fail", "1 / 0")
    made = [jobs.TaskDependency("make")]
    references = {"r": "{{tasks.make.values.rows}}", "t": "{{task.name}}"}
    run = ended(
        client,
        submitted(
            client,
            task("make", "/Shared/make"),
            task("take", "/Shared/take", references, depends_on=made),
            task("fail", "/Shared/fail", depends_on=made),
            task(
                "mend",
                "/Shared/make",
                depends_on=[jobs.TaskDependency("fail")],
                run_if=jobs.RunIf.AT_LEAST_ONE_FAILED,
            ),
            task("spare", "/Shared/make", depends_on=made, run_if=jobs.RunIf.ALL_FAILED),
        ),
    )
    found = output(client, run, "take").notebook_output
    assert found and found.result == "7 7 take"
    results = {one.task_key: outcome(one)[1] for one in run.tasks or ()}
    assert results == {
        "make": "SUCCESS",
        "take": "SUCCESS",
        "fail": "FAILED",
        "mend": "SUCCESS",
        "spare": "EXCLUDED",
    }
    # All the last tasks went well or were left out.
    assert outcome(run) == ("TERMINATED", "SUCCESS_WITH_FAILURES")


def test_notebooks_include_and_call_others(client: WorkspaceClient) -> None:
    """`%run` shares names, `notebook.run` has its own; workspace files can be imported and read."""
    put(client, "/Shared/lib/names", "shared = dbutils.widgets.get('p')")
    put(
        client,
        "/Shared/lib/child",
        "dbutils.notebook.exit(str('shared' in globals()) + dbutils.widgets.get('x'))",
    )
    client.workspace.upload(
        "/Shared/helper.py", io.BytesIO(b"def twice(v):\n    return v * 2\n"), format=ImportFormat.AUTO
    )
    put(
        client,
        "/Shared/main",
        "# MAGIC %md\n# MAGIC # Text",
        '# MAGIC %run ./lib/names $p="q"',
        "# MAGIC %pip install nothing-at-all",
        "import helper\nseen = open('/Workspace/Shared/helper.py').read()",
        "child = dbutils.notebook.run('lib/child', 60, {'x': 5})",
        "try:\n    dbutils.widgets.get('absent')\nexcept Exception as fault:\n    missing = str(fault)",
        "try:\n    dbutils.notebook.run('lib/none', 60)\nexcept Exception as fault:\n    none = str(fault)",
        "assert 'InputWidgetNotDefined: No input widget named absent is defined' in missing, missing",
        "assert 'com.databricks.WorkflowException' in none and 'lib/none' in none, none",
        "dbutils.notebook.exit(f'{helper.twice(shared)} {child} {len(seen)}')",
    )
    run = ended(client, submitted(client, task("main", "/Shared/main")))
    told = output(client, run, "main")
    assert told.error is None, told.error_trace
    assert told.notebook_output and told.notebook_output.result == "qq False5 31"


@pytest.mark.parametrize(
    ("cell", "language", "message"),
    [
        ("# MAGIC %sh\n# MAGIC ls", Language.PYTHON, "does not play %sh"),
        ("# MAGIC %scala\n# MAGIC 1", Language.PYTHON, "does not play %scala"),
    ],
)
def test_what_is_not_played_fails_with_words(
    client: WorkspaceClient, cell: str, language: Language, message: str
) -> None:
    put(client, "/Shared/other", cell, language=language)
    run = ended(client, submitted(client, task("other", "/Shared/other")))
    assert message in str(output(client, run, "other").error)


def test_a_missing_notebook_fails_the_run(client: WorkspaceClient) -> None:
    run = ended(client, submitted(client, task("lost", "/Shared/nowhere")))
    assert 'Unable to access the notebook "/Shared/nowhere"' in str(output(client, run, "lost").error)


def wheel(body: str) -> bytes:
    """A package `greet` with an entry point `hello`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("greet/__init__.py", body)
        archive.writestr("greet-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n")
        archive.writestr(
            "greet-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("greet-1.0.dist-info/entry_points.txt", "[console_scripts]\nhello = greet:main\n")
        archive.writestr("greet-1.0.dist-info/RECORD", "")
    return content.getvalue()


def test_wheels_are_there_for_their_run_alone(client: WorkspaceClient) -> None:
    """From a workspace file, for a notebook and as an entry point; a run without it cannot import it."""
    body = "import sys\ndef main():\n    print('hello', *sys.argv[1:])\n"
    path = "/Workspace/Shared/greet-1.0-py3-none-any.whl"
    client.workspace.upload(
        "/Shared/greet-1.0-py3-none-any.whl", io.BytesIO(wheel(body)), format=ImportFormat.AUTO
    )
    put(client, "/Shared/use", "import greet\ndbutils.notebook.exit(greet.__name__)")
    libraries = [Library(whl=path)]
    point = jobs.PythonWheelTask(package_name="greet", entry_point="hello", parameters=["a", "b"])
    run = ended(
        client,
        submitted(
            client,
            task("use", "/Shared/use", libraries=libraries),
            jobs.SubmitTask(
                task_key="call", python_wheel_task=point, libraries=libraries, new_cluster=CLUSTER
            ),
        ),
    )
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert output(client, run, "call").logs == "hello a b\n"
    bare = ended(client, submitted(client, task("use", "/Shared/use")))
    assert output(client, bare, "use").error == "ModuleNotFoundError: No module named 'greet'"


def test_a_library_that_is_missing_fails_the_run_before_its_notebook(client: WorkspaceClient) -> None:
    """As the service: INTERNAL_ERROR, and the output tells the library."""
    put(client, "/Shared/one", "pass")
    missing = "/Workspace/Shared/absent-1.0-py3-none-any.whl"
    run = ended(client, submitted(client, task("one", "/Shared/one", libraries=[Library(whl=missing)])))
    only = (run.tasks or ())[0]
    assert outcome(only) == ("INTERNAL_ERROR", "FAILED")
    assert only.status and only.status.termination_details
    assert only.status.termination_details.code == jobs.TerminationCodeCode.LIBRARY_INSTALLATION_ERROR
    error = str(output(client, run, "one").error)
    assert error.startswith(
        "Run result unavailable: job failed with error message\n Library installation failed"
    )
    assert missing in error


def test_a_python_file_is_a_program(client: WorkspaceClient) -> None:
    """It has arguments, `dbutils`, and logs, which notebooks do not have."""
    client.dbfs.put(
        "/code/main.py",
        contents=base64.b64encode(
            b"import sys\nprint(sys.argv[1], dbutils.fs.ls('dbfs:/code')[0].name)"
        ).decode(),
    )
    program = jobs.SparkPythonTask(python_file="dbfs:/code/main.py", parameters=["x"])
    run = ended(
        client,
        submitted(client, jobs.SubmitTask(task_key="p", spark_python_task=program, new_cluster=CLUSTER)),
    )
    assert output(client, run, "p").logs == "x main.py\n"


def test_a_failed_attempt_is_tried_again(client: WorkspaceClient) -> None:
    """`max_retries`, with what each attempt put out under a run id of its own."""
    put(
        client,
        "/Shared/flaky",
        "import os\nif not os.path.exists('/dbfs/seen'):\n    dbutils.fs.put('/seen', 'x')\n    raise OSError('first')",
    )
    run = ended(
        client, submitted(client, task("flaky", "/Shared/flaky", max_retries=1, min_retry_interval_millis=0))
    )
    only = (run.tasks or ())[0]
    assert (outcome(only), only.attempt_number) == (("TERMINATED", "SUCCESS"), 1)
    first = client.jobs.get_run(client.jobs.get_run(only.run_id).original_attempt_run_id or 0)
    assert (outcome(first), first.attempt_number) == (("TERMINATED", "FAILED"), 0)
    assert client.jobs.get_run_output(first.run_id or 0).error == "OSError: first"


LONG = "import time\nprint('begun')\ntime.sleep(600)"


def begun(client: WorkspaceClient, run_id: int) -> None:
    until(client, run_id, lambda run: outcome(run)[0] == "RUNNING")


def test_a_run_ends_when_it_is_cancelled_or_its_time_is_over(
    sandbox: Sandbox, client: WorkspaceClient
) -> None:
    """The limit goes by the world's clock; both free the machine for others."""
    put(client, "/Shared/long", LONG)
    late = submitted(client, task("long", "/Shared/long"), timeout_seconds=3600)
    begun(client, late)
    sandbox.advance("PT61M")
    assert outcome(client.jobs.get_run(late)) == ("TERMINATED", "TIMEDOUT")
    run_id = submitted(
        client,
        task("long", "/Shared/long"),
        task("after", "/Shared/long", depends_on=[jobs.TaskDependency("long")]),
    )
    begun(client, run_id)
    client.jobs.cancel_run(run_id)
    run = client.jobs.get_run(run_id)
    assert outcome(run) == ("TERMINATED", "CANCELED")
    assert [outcome(one)[1] for one in run.tasks or ()] == ["CANCELED", "CANCELED"]
    assert run.status and run.status.termination_details
    assert run.status.termination_details.code == jobs.TerminationCodeCode.USER_CANCELED


def test_a_run_does_not_outlive_its_sandbox(sandbox: Sandbox, client: WorkspaceClient) -> None:
    """After a restart it has failed by no fault of its own; and others start."""
    put(client, "/Shared/long", LONG)
    put(client, "/Shared/short", "dbutils.notebook.exit('done')")
    run_id = submitted(client, task("long", "/Shared/long"))
    begun(client, run_id)
    sandbox.kill()
    sandbox.restart()
    assert outcome(client.jobs.get_run(run_id)) == ("INTERNAL_ERROR", "FAILED")
    assert outcome(ended(client, submitted(client, task("short", "/Shared/short")))) == (
        "TERMINATED",
        "SUCCESS",
    )


def test_a_token_makes_one_run(client: WorkspaceClient) -> None:
    """The same token answers the same run; a second token another one. Lists have the newest first."""
    put(client, "/Shared/one", "pass")
    first, again, other = (
        submitted(client, task("one", "/Shared/one"), idempotency_token=token) for token in ("a", "a", "b")
    )
    assert first == again != other
    ended(client, first)
    ended(client, other)
    assert [run.run_id for run in client.jobs.list_runs(completed_only=True)] == [other, first]
    client.jobs.delete_run(other)
    assert [run.run_id for run in client.jobs.list_runs()] == [first]
    # What answers 400 INVALID_PARAMETER_VALUE, the SDK knows by its words.
    with pytest.raises(ResourceDoesNotExist, match="does not exist"):
        client.jobs.get_run(other)


def test_the_form_of_old_is_one_task(workspace: Workspace, client: WorkspaceClient) -> None:
    """2.0, as older clients send it: the run itself has the output, and its task at the top."""
    put(client, "/Shared/one", "dbutils.notebook.exit('old')")
    body = {
        "run_name": "r",
        "new_cluster": CLUSTER.as_dict(),
        "notebook_task": {"notebook_path": "/Shared/one"},
    }
    run_id = workspace.raw("POST", "jobs/runs/submit", json=body).json()["run_id"]
    ended(client, run_id)
    shown = workspace.raw("GET", f"jobs/runs/get?run_id={run_id}").json()
    assert shown["task"]["notebook_task"]["notebook_path"] == "/Shared/one"
    assert "tasks" not in shown
    told = workspace.raw("GET", f"jobs/runs/get-output?run_id={run_id}").json()
    assert told["notebook_output"] == {"result": "old", "truncated": False}
    assert told["metadata"]["state"]["result_state"] == "SUCCESS"


def test_a_run_needs_compute_unless_serverless_is_on(sandbox: Sandbox, client: WorkspaceClient) -> None:
    """Serverless takes no libraries; its environment brings them, from the workspace too."""
    notebook = jobs.NotebookTask(notebook_path="/Shared/one")
    bare = jobs.SubmitTask(task_key="one", notebook_task=notebook)
    with pytest.raises(
        InvalidParameterValue, match="One of job_cluster_key, new_cluster, or existing_cluster_id"
    ):
        submitted(client, bare)
    sandbox.control("POST", "databricks/serverless", {"enabled": True})
    put(client, "/Shared/one", "dbutils.notebook.exit('free')")
    assert outcome(ended(client, submitted(client, bare))) == ("TERMINATED", "SUCCESS")
    with pytest.raises(InvalidParameterValue, match="Libraries field is not supported for serverless task"):
        submitted(
            client, jobs.SubmitTask(task_key="one", notebook_task=notebook, libraries=[Library(whl="/x.whl")])
        )
