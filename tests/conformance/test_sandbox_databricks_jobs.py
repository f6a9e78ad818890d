"""Jobs through the real SDK: what is kept, what reading adds, what is refused, how runs of jobs start."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.workspace import ImportFormat, Language
from support.databricks import Workspace
from support.sandbox import Sandbox

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1}
SPEC = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=1)
PATIENCE = 120


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


@pytest.fixture
def client(workspace: Workspace) -> WorkspaceClient:
    return workspace.admin


def put(client: WorkspaceClient, path: str, source: str) -> None:
    content = base64.b64encode(f"# Databricks notebook source\n{source}".encode()).decode()
    client.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)


def notebook(path: str = "/Shared/one", key: str = "one", **more: Any) -> jobs.Task:
    return jobs.Task(
        task_key=key, notebook_task=jobs.NotebookTask(notebook_path=path), new_cluster=SPEC, **more
    )


def raw_task(**fields: Any) -> dict[str, Any]:
    task = {"task_key": "one", "notebook_task": {"notebook_path": "/Shared/one"}, "new_cluster": CLUSTER}
    return {key: value for key, value in {**task, **fields}.items() if value is not None}


def ended(client: WorkspaceClient, run_id: int) -> jobs.Run:
    deadline = time.monotonic() + PATIENCE
    while not (run := client.jobs.get_run(run_id)).end_time:
        assert time.monotonic() < deadline, run.state
        time.sleep(0.2)
    return run


def result(run: jobs.Run) -> str:
    assert run.state
    return run.state.result_state.value if run.state.result_state else str(run.state.life_cycle_state)


def test_reading_adds_what_the_service_adds(client: WorkspaceClient) -> None:
    """A differ that does not know these would see drift in every job."""
    job_id = client.jobs.create(name="train", tasks=[notebook()], tags={"team": "data"}).job_id
    assert job_id
    read = client.jobs.get(job_id)
    assert read.settings and read.settings.tasks and read.creator_user_name == read.run_as_user_name
    settings = read.settings.as_dict()
    assert {key: settings[key] for key in ("format", "max_concurrent_runs", "timeout_seconds")} == {
        "format": "MULTI_TASK",
        "max_concurrent_runs": 1,
        "timeout_seconds": 0,
    }
    task = settings["tasks"][0]
    assert (task["run_if"], task["timeout_seconds"]) == ("ALL_SUCCESS", 0)
    assert task["notebook_task"] == {"notebook_path": "/Shared/one", "source": "WORKSPACE"}
    assert task["new_cluster"]["azure_attributes"]["availability"] == "ON_DEMAND_AZURE"
    assert settings["tags"] == {"team": "data"}


def test_an_update_replaces_fields_and_merges_tasks_by_key(client: WorkspaceClient) -> None:
    """`fields_to_remove` takes out fields and single tasks; a reset leaves nothing of before."""
    job_id = client.jobs.create(name="a", tasks=[notebook(), notebook(key="two")], tags={"x": "y"}).job_id
    assert job_id
    client.jobs.update(
        job_id,
        new_settings=jobs.JobSettings(name="b", tasks=[notebook("/Shared/other")]),
        fields_to_remove=["tags", "tasks/two"],
    )
    settings = client.jobs.get(job_id).settings
    assert settings and settings.tasks
    assert (settings.name, settings.tags) == ("b", None)
    assert [
        (one.task_key, one.notebook_task and one.notebook_task.notebook_path) for one in settings.tasks
    ] == [("one", "/Shared/other")]
    client.jobs.reset(
        job_id, jobs.JobSettings(name="c", tasks=[notebook(key="three")], max_concurrent_runs=3)
    )
    settings = client.jobs.get(job_id).settings
    assert settings and settings.tasks and settings.max_concurrent_runs == 3
    assert [one.task_key for one in settings.tasks] == ["three"]


def test_lists_come_in_pages(workspace: Workspace, client: WorkspaceClient) -> None:
    """The newest first, with tokens both ways, and by name without regard to case."""
    made = [client.jobs.create(name=f"job {n}", tasks=[notebook()]).job_id for n in range(5)]
    assert [job.job_id for job in client.jobs.list(limit=2)] == made[::-1]
    assert [job.job_id for job in client.jobs.list(name="JOB 3")] == [made[3]]
    path = f"https://{workspace.host}/api/2.1/jobs/list"
    first = client.api_client.do("GET", url=path, query={"limit": 2})
    assert isinstance(first, dict) and first["has_more"] is True and "prev_page_token" not in first
    assert "tasks" not in first["jobs"][0]["settings"]
    second = client.api_client.do(
        "GET", url=path, query={"limit": 2, "page_token": first["next_page_token"], "expand_tasks": "true"}
    )
    assert isinstance(second, dict) and second["prev_page_token"]
    assert second["jobs"][0]["settings"]["tasks"][0]["task_key"] == "one"
    assert workspace.refused("GET", "../2.1/jobs/list?limit=101") == (400, "INVALID_PARAMETER_VALUE")


def test_many_tasks_come_in_pages(client: WorkspaceClient) -> None:
    """2.2 shows a hundred tasks at a time; the SDK puts them together."""
    job_id = client.jobs.create(name="many", tasks=[notebook(key=f"t{n}") for n in range(130)]).job_id
    settings = client.jobs.get(job_id or 0).settings
    assert settings and len(settings.tasks or ()) == 130


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([raw_task(new_cluster=None)], "One of job_cluster_key, new_cluster, or existing_cluster_id must be"),
        ([raw_task(new_cluster=None, job_cluster_key="no")], "Job cluster 'no' is not defined"),
        ([raw_task(new_cluster=None, existing_cluster_id="0101-1-x")], "Cluster 0101-1-x does not exist"),
        ([raw_task(), raw_task()], "Duplicate task key 'one'"),
        ([raw_task(depends_on=[{"task_key": "none"}])], "depends on unknown task 'none'"),
        (
            [
                raw_task(depends_on=[{"task_key": "b"}]),
                raw_task(task_key="b", depends_on=[{"task_key": "one"}]),
            ],
            "must not have a cycle: one, b",
        ),
        ([raw_task(notebook_task=None)], "must have exactly one task type"),
        ([raw_task(notebook_task={})], "Missing required field: settings.tasks.notebook_task.notebook_path"),
        ([raw_task(notebook_task={"notebook_path": "./x"})], "Only absolute paths"),
        ([raw_task(new_cluster={**CLUSTER, "spark_version": "twelve"})], "Invalid spark version twelve"),
        (
            [raw_task(new_cluster={k: v for k, v in CLUSTER.items() if k != "num_workers"})],
            "new_cluster.size",
        ),
    ],
)
def test_a_job_that_cannot_run_is_refused(workspace: Workspace, tasks: list[Any], message: str) -> None:
    """By code and words, and nothing is made."""
    answer = workspace.raw("POST", "../2.1/jobs/create", json={"name": "x", "tasks": tasks})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer.json()["message"]
    assert list(workspace.admin.jobs.list()) == []


def test_types_of_tasks_that_are_not_played_say_so(workspace: Workspace) -> None:
    task = raw_task(notebook_task=None, sql_task={"warehouse_id": "1"})
    body = {"name": "x", "tasks": [task]}
    assert workspace.refused("POST", "../2.1/jobs/create", json=body) == (501, "NOT_IMPLEMENTED")


def test_unknown_fields_are_dropped(workspace: Workspace, client: WorkspaceClient) -> None:
    """As in the service, whose clients are newer and older than it."""
    body = {"name": "x", "tasks": [raw_task()], "colour": "red"}
    job_id = workspace.raw("POST", "../2.1/jobs/create", json=body).json()["job_id"]
    assert "colour" not in workspace.raw("GET", f"../2.1/jobs/get?job_id={job_id}").json()["settings"]


def test_the_form_of_old_has_one_task(workspace: Workspace) -> None:
    """2.0, which the older command line speaks: the task's fields lie at the top, also when read."""
    body = {"name": "x", "new_cluster": CLUSTER, "notebook_task": {"notebook_path": "/Shared/one"}}
    job_id = workspace.raw("POST", "jobs/create", json=body).json()["job_id"]
    settings = workspace.raw("GET", f"jobs/get?job_id={job_id}").json()["settings"]
    assert settings["format"] == "SINGLE_TASK" and "tasks" not in settings
    assert settings["notebook_task"]["notebook_path"] == "/Shared/one"
    changed = {"job_id": job_id, "new_settings": {"timeout_seconds": 60}}
    assert workspace.raw("POST", "jobs/update", json=changed).status_code == 200
    settings = workspace.raw("GET", f"jobs/get?job_id={job_id}").json()["settings"]
    assert (settings["timeout_seconds"], settings["new_cluster"]["num_workers"]) == (60, 1)
    assert [job["job_id"] for job in workspace.raw("GET", "jobs/list").json()["jobs"]] == [job_id]


def test_a_job_s_parameters_reach_its_notebooks(client: WorkspaceClient) -> None:
    """Defaults, what the run says instead, and references to them."""
    put(
        client,
        "/Shared/one",
        "dbutils.notebook.exit(' '.join(map(dbutils.widgets.get, ('who', 'how', 'seen'))))",
    )
    task = notebook()
    assert task.notebook_task
    task.notebook_task.base_parameters = {"seen": "{{job.parameters.who}}-{{job.id}}"}
    declared = [jobs.JobParameterDefinition(name=n, default=v) for n, v in (("who", "me"), ("how", "well"))]
    job_id = client.jobs.create(name="x", tasks=[task], parameters=declared).job_id or 0
    run = ended(client, client.jobs.run_now(job_id, job_parameters={"who": "you"}).response.run_id)
    assert (run.job_id, run.run_type) == (job_id, jobs.RunType.JOB_RUN)
    told = client.jobs.get_run_output((run.tasks or ())[0].run_id)
    assert told.notebook_output and told.notebook_output.result == f"you well you-{job_id}"


def test_a_job_runs_once_at_a_time_unless_it_queues(client: WorkspaceClient) -> None:
    """Without a queue a second run is skipped, with one it waits for the first."""
    put(client, "/Shared/one", "import time; time.sleep(float(dbutils.widgets.get('s')))")
    job_id = client.jobs.create(name="x", tasks=[notebook()]).job_id or 0
    first = client.jobs.run_now(job_id, notebook_params={"s": "600"}).response.run_id
    skipped = client.jobs.get_run(client.jobs.run_now(job_id, notebook_params={"s": "0"}).response.run_id)
    assert skipped.state and skipped.state.life_cycle_state == jobs.RunLifeCycleState.SKIPPED
    client.jobs.update(job_id, new_settings=jobs.JobSettings(queue=jobs.QueueSettings(enabled=True)))
    queued = client.jobs.run_now(job_id, notebook_params={"s": "0"}).response.run_id
    waiting = client.jobs.get_run(queued)
    assert waiting.state and waiting.state.life_cycle_state == jobs.RunLifeCycleState.QUEUED
    client.jobs.cancel_run(first)
    assert result(ended(client, queued)) == "SUCCESS"


def test_a_deleted_job_is_gone_with_its_runs_under_way(client: WorkspaceClient) -> None:
    put(client, "/Shared/one", "import time; time.sleep(600)")
    job_id = client.jobs.create(name="x", tasks=[notebook()]).job_id or 0
    run_id = client.jobs.run_now(job_id).response.run_id
    client.jobs.delete(job_id)
    assert result(client.jobs.get_run(run_id)) == "CANCELED"
    with pytest.raises(ResourceDoesNotExist, match=f"Job {job_id} does not exist"):
        client.jobs.get(job_id)


def test_others_see_and_run_a_job_only_by_permission(workspace: Workspace, client: WorkspaceClient) -> None:
    """A service principal that the workspace knows, first without and then with CAN_VIEW."""
    credential = workspace.stranger("analyst")
    application = credential._client_id
    client.service_principals.create(application_id=application, display_name="analyst")
    other = workspace.client(credential)
    job_id = client.jobs.create(name="x", tasks=[notebook()]).job_id or 0
    assert list(other.jobs.list()) == []
    with pytest.raises(PermissionDenied):
        other.jobs.get(job_id)
    level = jobs.JobPermissionLevel.CAN_VIEW
    entry = jobs.JobAccessControlRequest(service_principal_name=application, permission_level=level)
    client.jobs.update_permissions(str(job_id), access_control_list=[entry])
    assert other.jobs.get(job_id).job_id == job_id
    with pytest.raises(DatabricksError, match="Manage run"):
        other.jobs.run_now(job_id)


def test_clusters_are_names_with_settings(client: WorkspaceClient) -> None:
    """Versions and sizes for who asks; a job can use one that exists."""
    assert "15.4.x-scala2.12" in [one.key for one in client.clusters.spark_versions().versions or ()]
    assert client.clusters.list_node_types().node_types
    made = client.clusters.create(spark_version="15.4.x-scala2.12", num_workers=1).response.cluster_id
    task = notebook()
    task.new_cluster, task.existing_cluster_id = None, made
    assert client.jobs.create(name="x", tasks=[task]).job_id
