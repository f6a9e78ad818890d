"""Jobs stay in the workspace as their files say, each exactly once, and other people's jobs are left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import workspaces
from support.project import Project, Ran, environment
from support.sandbox import ROOT, Sandbox
from support.workspaces import FOLDER, NOTEBOOKS, notebook, section

JOB = {
    "name": "nightly",
    "tags": {"team": "bikes"},
    "permissions": [{"group_name": "users", "level": "CAN_VIEW"}],
    "job_clusters": [
        {
            "job_cluster_key": "small",
            "new_cluster": {
                "spark_version": "15.4.x-scala2.12",
                "node_type_id": "Standard_DS3_v2",
                "num_workers": 1,
            },
        }
    ],
    "tasks": [
        {
            "task_key": "prep",
            "job_cluster_key": "small",
            "notebook_task": {"notebook_path": f"{FOLDER}/a"},
        },
        {
            "task_key": "train",
            "depends_on": [{"task_key": "prep"}],
            "job_cluster_key": "small",
            "notebook_task": {"notebook_path": f"{FOLDER}/b"},
        },
    ],
}
JOBS = (NOTEBOOKS, "jobs: [{file: jobs/nightly.yaml}]")


def file_of(settings: dict[str, Any], key: str = "nightly") -> dict[str, Any]:
    """A job file, in JSON, which is YAML."""
    return {"resources": {"jobs": {key: settings}}}


def filled(made: Project, settings: dict[str, Any] = JOB) -> Project:
    for name in ("a", "b"):
        made.write(f"notebooks/{name}.py", notebook(f"print('{name}')"))
    made.write("jobs/nightly.yaml", file_of(settings))
    made.repository.commit()
    return made


@pytest.fixture
def team(tmp_path: Path, sandbox: Sandbox) -> Project:
    """A workspace with two notebooks and a job that runs them."""
    made = filled(workspaces.project(tmp_path, sandbox, *JOBS))
    ticked = made.run("tick", "one")
    assert ticked.code == 0, ticked.text
    return made


def jobs(client: Any) -> dict[int, Any]:
    return {job.job_id: job.settings for job in client.jobs.list(expand_tasks=True)}


def changes(ran: Ran) -> list[tuple[str, str, str]]:
    """Action, cause and key without its host, of each change."""
    return [
        (each["action"], each["cause"], each["key"].replace(each["key"].split("/")[1], "HOST"))
        for each in ran.json["changes"]
    ]


def paths(ran: Ran) -> list[str]:
    return sorted(field["path"] for each in ran.json["changes"] for field in each["fields"])


def held(ran: Ran) -> list[tuple[str, str]]:
    return [(each["key"].rpartition("/")[2], each["code"]) for each in ran.json["blocked"]]


def empty(project: Project, name: str = "one") -> None:
    """The plan has nothing to say."""
    planned = project.run("plan", name)
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], []), planned.text


def test_a_job_is_made_once_and_found_by_its_id(team: Project, sandbox: Sandbox) -> None:
    """Renamed in the browser it is the same job: it is named back, and no other is made."""
    client = workspaces.person(sandbox)
    ((id_, settings),) = jobs(client).items()
    assert [task.task_key for task in settings.tasks] == ["prep", "train"]
    empty(team)
    from databricks.sdk.service.jobs import JobSettings

    client.jobs.update(id_, new_settings=JobSettings(name="renamed"))
    planned = team.run("plan", "one")
    assert changes(planned) == [("update", "drift", "databricks.job/HOST/nightly")]
    assert paths(planned) == ["settings.name"]
    assert team.run("tick", "one").code == 0
    ((again, settings),) = jobs(client).items()
    assert (again, settings.name) == (id_, "nightly")
    empty(team)


def test_what_is_edited_in_the_browser_is_named_and_put_back(team: Project, sandbox: Sandbox) -> None:
    """A schedule that Git does not mention, a task that points elsewhere, and one task more."""
    from databricks.sdk.service.jobs import CronSchedule, JobSettings, NotebookTask, Task

    client = workspaces.person(sandbox)
    ((id_, _),) = jobs(client).items()
    cluster = "small"
    client.jobs.update(
        id_,
        new_settings=JobSettings(
            schedule=CronSchedule(quartz_cron_expression="0 0 6 * * ?", timezone_id="UTC"),
            tasks=[
                Task("prep", job_cluster_key=cluster, notebook_task=NotebookTask(f"{FOLDER}/mine")),
                Task("extra", job_cluster_key=cluster, notebook_task=NotebookTask(f"{FOLDER}/mine")),
            ],
        ),
    )
    planned = team.run("plan", "one")
    assert changes(planned) == [("update", "drift", "databricks.job/HOST/nightly")]
    assert paths(planned) == [
        "settings.schedule.quartz_cron_expression",
        "settings.schedule.timezone_id",
        "settings.tasks[extra]",
        "settings.tasks[prep].notebook_task.notebook_path",
    ]
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    ((again, settings),) = jobs(client).items()
    assert again == id_ and settings.schedule is None
    assert [task.task_key for task in settings.tasks] == ["prep", "train"]
    empty(team)


def test_an_edited_permission_is_seen_within_the_hour(team: Project, sandbox: Sandbox) -> None:
    """No list shows permissions: an hourly look does, and until then nothing is called for them."""
    from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

    client = workspaces.person(sandbox)
    ((id_, _),) = jobs(client).items()
    client.permissions.update(
        "jobs",
        str(id_),
        access_control_list=[
            AccessControlRequest(group_name="users", permission_level=PermissionLevel.CAN_MANAGE)
        ],
    )
    at = len(sandbox.journal())
    assert team.run("tick", "one").json["changes"] == []
    assert not [e for e in sandbox.journal()[at:] if "/permissions/" in e["path"]]
    sandbox.advance("PT1H")
    planned = team.run("plan", "one")
    assert paths(planned) == ["permissions.groups/users"]
    assert team.run("tick", "one").code == 0
    shown = client.permissions.get("jobs", str(id_)).access_control_list
    assert [one.all_permissions[0].permission_level.value for one in shown if one.group_name == "users"] == [
        "CAN_VIEW"
    ]
    empty(team)


def test_a_mark_taken_off_is_put_back(team: Project, sandbox: Sandbox) -> None:
    """Without it, the job would be made twice once the state is lost. A clone bears it too, and is not ours."""
    from databricks.sdk.service.jobs import JobSettings

    client = workspaces.person(sandbox)
    ((id_, settings),) = jobs(client).items()
    clone = JobSettings(**{**settings.as_shallow_dict(), "name": "Clone of nightly"})
    client.jobs.create(**clone.as_shallow_dict())
    client.jobs.update(id_, new_settings=JobSettings(tags={"team": "bikes"}))
    planned = team.run("plan", "one")
    assert paths(planned) == ["settings.tags.reconciler"]
    assert [key.rpartition("/")[2] for key in planned.json["unmanaged"]] == ["Clone%20of%20nightly"]
    assert team.run("tick", "one").code == 0
    assert jobs(client)[id_].tags == {"team": "bikes", "reconciler": "one"}
    empty(team)


def test_an_owner_that_git_names_takes_the_place_of_the_one_before(team: Project, sandbox: Sandbox) -> None:
    """A job has one owner: the new one is not granted beside the old one."""
    client = workspaces.person(sandbox)
    client.users.create(user_name="ada@example.org")
    owner = {"user_name": "ada@example.org", "level": "IS_OWNER"}
    team.write("jobs/nightly.yaml", file_of({**JOB, "permissions": [owner]}))
    team.repository.commit()
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    ((id_, _),) = jobs(client).items()
    shown = client.permissions.get("jobs", str(id_)).access_control_list
    direct = [
        (one.user_name, level.permission_level.value)
        for one in shown
        for level in one.all_permissions
        if not level.inherited
    ]
    assert direct == [("ada@example.org", "IS_OWNER")]
    sandbox.advance("PT1H")
    empty(team)


def test_an_edited_permission_of_a_folder_is_seen_within_the_hour(tmp_path: Path, sandbox: Sandbox) -> None:
    """What is granted by hand beside what Git says is an edit, too."""
    from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

    granted = f"notebooks: [{{from: notebooks/, to: {FOLDER}, permissions: {{users: CAN_READ}}}}]"
    team = filled(workspaces.project(tmp_path, sandbox, granted))
    assert team.run("tick", "one").code == 0
    client = workspaces.person(sandbox)
    client.users.create(user_name="ada@example.org")
    folder = str(client.workspace.get_status(FOLDER).object_id)
    edit = AccessControlRequest(user_name="ada@example.org", permission_level=PermissionLevel.CAN_EDIT)
    client.permissions.update("directories", folder, access_control_list=[edit])
    assert team.run("tick", "one").json["changes"] == []
    sandbox.advance("PT1H")
    assert paths(team.run("plan", "one")) == ['permissions["users/ada@example.org"]']
    assert team.run("tick", "one").code == 0
    found = client.permissions.get("directories", folder).access_control_list
    assert "ada@example.org" not in [one.user_name for one in found]
    empty(team)


def test_a_deleted_job_is_made_again(team: Project, sandbox: Sandbox) -> None:
    client = workspaces.person(sandbox)
    ((id_, _),) = jobs(client).items()
    client.jobs.delete(id_)
    assert changes(team.run("plan", "one")) == [("create", "drift", "databricks.job/HOST/nightly")]
    assert team.run("tick", "one").code == 0
    ((again, settings),) = jobs(client).items()
    assert again != id_ and settings.name == "nightly"
    empty(team)


def test_a_lost_state_finds_the_job_by_its_mark(team: Project, sandbox: Sandbox) -> None:
    """Without a state, somebody's edit is put back as well, and no second job is made."""
    from databricks.sdk.service.jobs import JobSettings

    client = workspaces.person(sandbox)
    ((id_, settings),) = jobs(client).items()
    settings.tasks[0].notebook_task.notebook_path = f"{FOLDER}/mine"
    client.jobs.update(id_, new_settings=JobSettings(tasks=settings.tasks))
    shutil.rmtree(team.state)
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    ((again, settings),) = jobs(client).items()
    assert (again, settings.tasks[0].notebook_task.notebook_path) == (id_, f"{FOLDER}/a")
    empty(team)


def mine(client: Any, name: str = "nightly", **settings: Any) -> int:
    """A job that somebody made by hand."""
    from databricks.sdk.service.jobs import JobSettings, NotebookTask, Task

    task = Task("mine", existing_cluster_id=None, notebook_task=NotebookTask(f"{FOLDER}/mine"))
    task.new_cluster = _cluster()
    made = client.jobs.create(**JobSettings(name=name, tasks=[task], **settings).as_shallow_dict())
    return int(made.job_id)


def _cluster() -> Any:
    from databricks.sdk.service.compute import ClusterSpec

    return ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=1)


def late(tmp_path: Path, sandbox: Sandbox, *lines: str, settings: dict[str, Any] = JOB) -> Project:
    """A project whose workspace is there, and whose job comes with a later commit; `lines` name it."""
    made = workspaces.project(tmp_path, sandbox)
    filled(made, settings)
    assert made.run("tick", "one").code == 0
    made.write("environments/one.yaml", environment("one", more=section(NOTEBOOKS, *lines)))
    return made


@pytest.mark.parametrize("key", ["nightly", "other"])
def test_a_job_of_the_same_name_is_somebody_elses(tmp_path: Path, sandbox: Sandbox, key: str) -> None:
    """It is reported as unmanaged and stays as it is, whatever key ours has in its file."""
    team = late(tmp_path, sandbox, "jobs: [{file: jobs/nightly.yaml}]")
    team.write("jobs/nightly.yaml", file_of(JOB, key))
    team.repository.commit()
    client = workspaces.person(sandbox)
    theirs = mine(client)
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    found = jobs(client)
    assert len(found) == 2
    assert [task.task_key for task in found[theirs].tasks] == ["mine"]
    planned = team.run("plan", "one")
    assert planned.json["changes"] == []
    assert len([each for each in planned.json["unmanaged"] if "databricks.job/" in each]) == 1


def test_a_job_of_the_same_name_is_taken_over_where_git_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    """And what the write loses of it is told, and has to be allowed."""
    from databricks.sdk.service.jobs import CronSchedule

    team = late(tmp_path, sandbox, "jobs: [{file: jobs/nightly.yaml, adopt: true}]")
    team.repository.commit()
    client = workspaces.person(sandbox)
    schedule = CronSchedule(quartz_cron_expression="0 0 6 * * ?", timezone_id="UTC")
    theirs = mine(client, schedule=schedule)
    planned = team.run("plan", "one")
    assert changes(planned) == [("update", "new", "databricks.job/HOST/nightly")], planned.text
    assert held(planned) == [("nightly", "resets")] and "settings.schedule" in planned.text
    assert team.run("tick", "one").code == 0
    assert jobs(client)[theirs].schedule is not None, "nothing is lost unasked"
    lines = section(NOTEBOOKS, "jobs: [{file: jobs/nightly.yaml, adopt: true}]")
    team.write("environments/one.yaml", environment("one", policy="policy: {resets: allow}\n", more=lines))
    team.repository.commit()
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    ((id_, settings),) = jobs(client).items()
    assert (id_, settings.schedule) == (theirs, None)
    assert [task.task_key for task in settings.tasks] == ["prep", "train"]
    empty(team)


def test_of_two_jobs_of_that_name_none_is_taken_over(tmp_path: Path, sandbox: Sandbox) -> None:
    """Nobody can tell which one is meant."""
    team = late(tmp_path, sandbox, "jobs: [{file: jobs/nightly.yaml, adopt: true}]")
    team.repository.commit()
    client = workspaces.person(sandbox)
    theirs = {mine(client), mine(client)}
    team.run("tick", "one")
    found = jobs(client)
    assert len(found) == 3
    assert all([task.task_key for task in found[id_].tasks] == ["mine"] for id_ in theirs)


def test_two_environments_in_one_workspace_keep_their_jobs_apart(tmp_path: Path, sandbox: Sandbox) -> None:
    """The same job file in both: each has its own job, and what leaves one leaves the other alone."""
    team = filled(workspaces.project(tmp_path, sandbox, *JOBS))
    assert team.run("tick", "one").code == 0
    client = workspaces.person(sandbox)
    host = client.config.host.removeprefix("https://")
    team.write("environments/two.yaml", workspaces.guest("two", host, *JOBS))
    team.repository.commit()
    for name in ("two", "one", "two"):
        ticked = team.run("tick", name)
        assert ticked.code == 0, ticked.text
    assert sorted(s.tags["reconciler"] for s in jobs(client).values()) == ["one", "two"]
    for name in ("one", "two"):
        empty(team, name)
        assert team.run("plan", name).json["unmanaged"] == []
    team.write("environments/two.yaml", workspaces.guest("two", host, NOTEBOOKS))
    team.repository.commit()
    assert team.run("tick", "two").code == 0
    assert [s.tags["reconciler"] for s in jobs(client).values()] == ["one"]
    empty(team, "one")


def test_a_job_that_leaves_git_is_deleted(team: Project, sandbox: Sandbox) -> None:
    client = workspaces.person(sandbox)
    theirs = mine(client, "theirs")
    team.write("environments/one.yaml", environment("one", more=section(NOTEBOOKS)))
    team.repository.commit()
    assert changes(team.run("plan", "one")) == [("delete", "removed", "databricks.job/HOST/nightly")]
    assert team.run("tick", "one").code == 0
    assert list(jobs(client)) == [theirs]
    assert team.run("plan", "one").json["changes"] == []


def test_a_job_renamed_in_git_stays_the_same_job(team: Project, sandbox: Sandbox) -> None:
    """Its key is what it is known by; its runs and its page stay."""
    client = workspaces.person(sandbox)
    (before,) = jobs(client)
    team.write("jobs/nightly.yaml", file_of({**JOB, "name": "hourly"}))
    team.repository.commit()
    assert team.run("tick", "one").code == 0
    ((id_, settings),) = jobs(client).items()
    assert (id_, settings.name) == (before, "hourly")
    empty(team)


def test_a_job_of_120_tasks_is_read_by_its_pages(tmp_path: Path, sandbox: Sandbox) -> None:
    """The list shows a hundred tasks: the others are compared as well."""
    tasks = [
        {"task_key": f"t{n}", "job_cluster_key": "small", "notebook_task": {"notebook_path": f"{FOLDER}/a"}}
        for n in range(120)
    ]
    team = filled(workspaces.project(tmp_path, sandbox, *JOBS), {**JOB, "tasks": tasks})
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    empty(team)
    tasks[119]["notebook_task"] = {"notebook_path": f"{FOLDER}/b"}
    team.write("jobs/nightly.yaml", file_of({**JOB, "tasks": tasks}))
    team.repository.commit()
    planned = team.run("plan", "one")
    assert paths(planned) == ["settings.tasks[t119].notebook_task.notebook_path"]
    assert team.run("tick", "one").code == 0
    empty(team)


def test_a_changed_source_line_moves_jobs_to_a_new_wheel(tmp_path: Path, sandbox: Sandbox) -> None:
    """The new wheel is there before a job names it, and the old one goes after no job names it any more."""
    team = workspaces.project(tmp_path, sandbox, *JOBS, f"libraries: [{{build: model/, to: {FOLDER}/libs}}]")
    shutil.copytree(
        ROOT / "model", team.repository.path / "model", ignore=shutil.ignore_patterns("__pycache__")
    )
    cleaned = json.loads(json.dumps(JOB))
    cleaned["tasks"][0]["libraries"] = [{"whl": f"/Workspace{FOLDER}/libs/bikeshare-*.whl"}]
    filled(team, cleaned)
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    client = workspaces.person(sandbox)
    (old,) = wheels(client)
    team.repository.commit(message="nothing else")
    assert team.run("plan", "one").json["changes"] == [], "the same source gives the same wheel"
    source = "model/src/bikeshare/evaluation.py"
    text = (team.repository.path / source).read_text("utf-8")
    team.write(source, f"{text}\nANSWER = 42\n")
    team.repository.commit()
    at = len(sandbox.journal())
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    (new,) = wheels(client)
    assert new != old
    ((_, settings),) = jobs(client).items()
    assert [each.whl for each in settings.tasks[0].libraries] == [f"/Workspace{new}"]
    writes = [
        e["path"].split("/")[3:5]
        for e in sandbox.journal()[at:]
        if e["write"] and e["host"].endswith(".azuredatabricks.net")
    ]
    assert writes == [
        ["workspace", "import"],
        ["jobs", "reset"],
        ["permissions", "jobs"],
        ["workspace", "delete"],
    ]
    empty(team)
    team.repository.git("revert", "--no-edit", "HEAD")
    assert team.run("tick", "one").code == 0
    assert wheels(client) == [old], "the same source has the same version again"


def wheels(client: Any) -> list[str]:
    return [each.path for each in client.workspace.list(f"{FOLDER}/libs")]
