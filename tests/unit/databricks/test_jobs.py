"""Job files in the form of bundles: what is sent, and every fault by file, line and column, nothing called."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.jobfiles import (
    BUILT,
    JOB,
    LIBRARIES,
    OBJECTS,
    job,
    one,
    place,
    read,
    told,
)

from reconciler.databricks import jobs


def test_a_job_becomes_what_the_api_takes(tmp_path: Path) -> None:
    (found,), faults = read(tmp_path, JOB)
    assert faults == []
    assert (found.key, found.name, found.origin) == ("score", "Score bikes", "jobs/0.yaml:4:7")
    assert found.permissions == [{"permission_level": "CAN_VIEW", "group_name": "users"}]
    assert "permissions" not in found.settings
    prep, score = found.settings["tasks"]
    assert prep["notebook_task"] == {"notebook_path": "/Shared/bikeshare/prep"}
    assert score["notebook_task"] == {
        "notebook_path": "/Shared/bikeshare/score",
        "base_parameters": {"day": "1"},
    }
    assert score["libraries"] == [{"whl": f"/Workspace/Shared/bikeshare/libs/{BUILT}"}]
    assert found.settings["schedule"] == {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}
    assert found.uses == (
        "/Shared/bikeshare/libs/" + BUILT,
        "/Shared/bikeshare/prep",
        "/Shared/bikeshare/score",
    )


def test_fields_that_nobody_knows_yet_pass_through_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    (found,), faults = read(tmp_path, job(more="      new_field: {a: [1, null]}\n      schedule:\n"))
    assert faults == []
    assert found.settings["new_field"] == {"a": [1, None]}
    assert "schedule" not in found.settings
    assert (found.name, found.settings["name"], found.permissions) == ("j", "j", None)


def test_one_file_may_hold_several_jobs(tmp_path: Path) -> None:
    found, faults = read(
        tmp_path, JOB + "    other:\n      tasks: [{task_key: a, pipeline_task: {pipeline_id: x}}]\n"
    )
    assert faults == []
    assert [each.key for each in found] == ["score", "other"]


@pytest.mark.parametrize(
    ("mark", "hint"),
    [
        ("${var.node}", "job's parameter"),
        ("${resources.pipelines.x.id}", "path or id"),
        ("${bundle.target}", "environment"),
        ("${workspace.file_path}/a", "/Shared/bikeshare"),
        ("${anything", "Write the value itself"),
    ],
)
def test_values_of_the_bundles_own_tool_are_refused_by_name(tmp_path: Path, mark: str, hint: str) -> None:
    text = JOB.replace("Score bikes", mark)
    fault = one(tmp_path, text)
    assert fault.startswith(f"{place(text, mark)}: `{mark.removesuffix('/a')}`")
    assert hint in fault


def test_a_reference_in_a_key_is_refused_too(tmp_path: Path) -> None:
    text = JOB.replace("day:", '"${var.day}":')
    assert one(tmp_path, text).startswith(place(text, '"${var.day}"'))


def test_dynamic_values_of_the_jobs_api_are_kept(tmp_path: Path) -> None:
    (found,), faults = read(tmp_path, JOB.replace('"1"', '"{{job.start_time.iso_date}}"'))
    assert faults == []
    assert found.settings["tasks"][1]["notebook_task"]["base_parameters"] == {
        "day": "{{job.start_time.iso_date}}"
    }


@pytest.mark.parametrize(
    "section", ["targets", "variables", "bundle", "include", "artifacts", "sync", "workspace"]
)
def test_sections_of_the_bundles_own_tool_are_refused_by_name(tmp_path: Path, section: str) -> None:
    fault = one(tmp_path, JOB + f"{section}: {{}}\n")
    assert fault.startswith(
        f"jobs/0.yaml:{JOB.count(chr(10)) + 1}:1: `{section}` belongs to the bundle's own tool"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("resurces: {}\n", "Did you mean `resources`?"),
        (
            "resources:\n  pipelines: {}\n  jobs: {a: {tasks: [{task_key: a, sql_task: {}}]}}\n",
            "`resources.pipelines`",
        ),
        ("resources: {jobs: []}\n", "must be a map of jobs"),
        ("resources: {jobs: {a: 1}}\n", "The job 'a' must be a map, not a number"),
        ("{}\n", "no `resources`"),
        ("resources:\n\tjobs: x\n", "tab cannot indent"),
        ("resources: {jobs: {a: {tasks: [{task_key: x, task_key: y, sql_task: {}}]}}}\n", "said twice"),
        (JOB + "      lifecycle: {prevent_destroy: true}\n", "policy.protect"),
    ],
)
def test_a_file_that_is_no_job_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    faults = told(tmp_path, text)
    assert any(words in fault for fault in faults), faults
    assert all(re.match(r"jobs/0\.yaml:\d+:\d+: ", fault) for fault in faults)


def test_files_that_are_missing_or_outside_are_told_at_their_entry(tmp_path: Path) -> None:
    _, faults = jobs(tmp_path, ["jobs/none.yaml", "../x.yaml"], [], [], places=["e.yaml:1:1", "e.yaml:2:1"])
    assert [(fault.place, fault.message) for fault in faults] == [
        ("e.yaml:1:1", "There is no file jobs/none.yaml."),
        ("e.yaml:2:1", "../x.yaml leads out of the repository."),
    ]


def test_keys_and_names_of_jobs_are_unique_over_all_files(tmp_path: Path) -> None:
    _, faults = read(tmp_path, JOB, JOB, job().replace("    j:", "    other:"))
    assert sorted(fault.message.split(" is there")[0] for fault in faults) == [
        "The key 'score'",
        "The name 'Score bikes'",
    ]
    assert all(fault.place == "jobs/1.yaml:4:7" and "jobs/0.yaml:4:7" in fault.message for fault in faults)


# Tasks


def task(key: str, *needs: str) -> str:
    waits = ", ".join(f"{{task_key: {need}}}" for need in needs)
    return f"- {{task_key: {key}, depends_on: [{waits}], notebook_task: {{notebook_path: /Shared/bikeshare/prep}}}}"


def test_a_circle_of_tasks_is_told_with_its_path(tmp_path: Path) -> None:
    text = job("\n".join([task("a", "c"), task("b", "a"), task("c", "b"), task("d", "a"), task("e", "e")]))
    faults = told(tmp_path, text)
    assert [fault.split(": ", 1)[1] for fault in faults] == [
        "Tasks wait for each other: a → c → b → a. Take one `depends_on` out.",
        "Tasks wait for each other: e → e. Take one `depends_on` out.",
    ]
    assert faults[0].startswith(place(text, "[{task_key: c}]"))


def test_a_thousand_tasks_in_a_row_are_no_circle_and_one_more_is_too_many(tmp_path: Path) -> None:
    chain = [task("t0"), *(task(f"t{number}", f"t{number - 1}") for number in range(1, 1001))]
    assert "at most 1000 items" in one(tmp_path, job("\n".join(chain)))


@pytest.mark.parametrize(
    ("tasks", "mark", "words"),
    [
        (
            task("a", "score") + "\n" + task("scores"),
            "score}",
            "waits for 'score', which the job does not have. Did you mean `scores`?",
        ),
        (task("a") + "\n" + task("a"), None, "`task_key` 'a' is there twice"),
        (
            "- {task_key: a, job_cluster_key: main, sql_task: {}}",
            "main",
            "the job cluster 'main', which the job does not have",
        ),
        (
            "- {task_key: a, environment_key: e, spark_python_task: {python_file: /Shared/bikeshare/main.py}}",
            "e, spark",
            "the environment 'e'",
        ),
        (
            "- {task_key: a, libraries: [{pypi: {package: x}}], notebook_task: {notebook_path: /Shared/bikeshare/prep}}",
            "[{pypi",
            "takes no `libraries`",
        ),
        (
            "- {task_key: a, existing_cluster_id: x, new_cluster: {a: b}, sql_task: {}}",
            "x, new",
            "not on both",
        ),
        ("- {task_key: a}", "{task_key", "does one thing"),
        ("- {task_key: a, sql_task: {}, dbt_task: {}}", "{task_key", "sql_task, dbt_task"),
        ("- {task_key: a b, sql_task: {}}", "a b", "`tasks[0].task_key` is 'a b'"),
        ("- {sql_task: {}}", "{sql", "`tasks[0].task_key` is missing"),
        ("- {task_key: a, notebook_task: {}}", "{}", "notebook_path` is missing"),
        ("- {task_key: a, max_retries: '3', sql_task: {}}", "'3'", "must be a whole number, not text"),
        ("- {task_key: a, run_if: MAYBE, sql_task: {}}", "MAYBE", "ALL_SUCCESS"),
        ("- {task_key: 7, sql_task: {}}", "7", "must be text, not a number. Put it in quotes"),
        (
            "- {task_key: a, existing_cluster_id: x, sql_task: {}, libraries: [{whl: dbfs:/a.whl, jar: dbfs:/b.jar}]}",
            "{whl",
            "names one library",
        ),
        (
            "- {task_key: a, for_each_task: {inputs: '[1]', task: {task_key: b, job_cluster_key: none, sql_task: {}}}}",
            "none, sql",
            "job cluster 'none'",
        ),
    ],
)
def test_a_wrong_task_is_told_at_its_place(tmp_path: Path, tasks: str, mark: str | None, words: str) -> None:
    text = job(tasks)
    fault = one(tmp_path, text)
    assert words in fault
    if mark:
        assert fault.startswith(f"{place(text, mark)}: "), (fault, place(text, mark))


def test_a_task_without_compute_runs_serverless_with_an_environment(tmp_path: Path) -> None:
    more = f"      environments: [{{environment_key: e, spec: {{environment_version: '2', dependencies: [numpy, ./dist/{BUILT.split('+')[0]}-py3-none-any.whl]}}}}]\n"
    (found,), faults = read(
        tmp_path,
        job(
            "- {task_key: a, environment_key: e, spark_python_task: {python_file: ../notebooks/main.py}}",
            more,
        ),
    )
    assert faults == []
    assert found.settings["tasks"][0]["spark_python_task"] == {
        "python_file": "/Workspace/Shared/bikeshare/main.py"
    }
    assert found.settings["environments"][0]["spec"]["dependencies"] == [
        "numpy",
        f"/Workspace/Shared/bikeshare/libs/{BUILT}",
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("name: " + "é" * 2049, "at most 4096 bytes"),
        ("name: ''", "at least 1 character"),
        ("max_concurrent_runs: 1001", "less than or equal to 1000"),
        ("tags: {a: 1}", "`tags.a` must be text"),
        ("schedule: {quartz_cron_expression: 0 6 * * *, timezone_id: UTC}", "no Quartz expression"),
        ("schedule: {quartz_cron_expression: 0 0 6 * * *, timezone_id: UTC}", "must have `?`"),
        ("schedule: {quartz_cron_expression: '0 0 6 ? * MON-FRI'}", "`schedule.timezone_id` is missing"),
        ("parameters: [{name: a, default: ''}, {name: a, default: b}]", "`name` 'a' is there twice"),
        (
            "job_clusters: [{job_cluster_key: a}, {job_cluster_key: a}]",
            "`job_cluster_key` 'a' is there twice",
        ),
        ("permissions: [{level: CAN_DO, group_name: users}]", "CAN_VIEW"),
        ("permissions: [{level: CAN_VIEW}]", "names one of user_name"),
        (
            "permissions: [{level: CAN_VIEW, group: users, group_name: x}]",
            "`permissions[0].group` is not known",
        ),
        ("environments: {}", "must be a list, not a map"),
    ],
)
def test_a_wrong_field_is_told_at_its_place(tmp_path: Path, more: str, words: str) -> None:
    fault = one(tmp_path, job(more=f"      {more}\n"))
    assert words in fault
    assert fault.startswith("jobs/0.yaml:6:")


# What a job names


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    text = JOB.replace(
        "task_key: prep\n          job_cluster_key: main", "task_key: prep\n          job_cluster_key: mian"
    )
    text = (
        text.replace("UTC", "${var.zone}")
        .replace("../notebooks/score.py", "/Shared/bikeshare/none")
        .replace("CAN_VIEW", "NONE")
    )
    _, faults = read(tmp_path, text, "resources: {}\n")
    assert len(faults) == 6, "the misspelt cluster is there twice"
    assert {fault.place.split(":")[0] for fault in faults} == {"jobs/0.yaml", "jobs/1.yaml"}


WORDS = st.sampled_from([
    "a", "", "${var.x}", "/Shared/bikeshare/prep", "../notebooks/score.py", "*.whl", "[", "/Workspace/Shared/bikeshare/libs/[a", "ALL_DONE", "0 0 6 * * ?", "\ud7ff",
])  # fmt: skip
FIELDS = st.sampled_from([
    "task_key", "depends_on", "notebook_task", "notebook_path", "libraries", "whl", "jar", "requirements", "for_each_task", "task", "tasks",
    "job_clusters", "job_cluster_key", "environments", "environment_key", "spec", "dependencies", "schedule", "quartz_cron_expression",
    "permissions", "level", "group_name", "name", "parameters", "git_source", "new_cluster", "lifecycle", "sql_task", "file", "path", "tags",
])  # fmt: skip
TREES = st.recursive(
    WORDS | st.integers(-1, 3) | st.booleans() | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    fields=st.dictionaries(FIELDS, TREES),
    tasks=st.lists(st.dictionaries(FIELDS, TREES, max_size=4), max_size=3),
)
def test_any_tree_is_a_job_or_told(tmp_path: Path, fields: dict[str, Any], tasks: list[Any]) -> None:
    found, faults = read(
        tmp_path, json.dumps({"resources": {"jobs": {"j": {"tasks": tasks, **fields}}}}, ensure_ascii=False)
    )
    assert len(found) <= 1
    assert all(re.match(r"jobs/0\.yaml:\d+:\d+$", fault.place) for fault in faults)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40), st.integers(0, len(JOB)))
def test_any_text_is_read_or_told(tmp_path: Path, noise: str, at: int) -> None:
    (tmp_path / "x.yaml").write_bytes((JOB[:at] + noise + JOB[at:]).encode("utf-8", "surrogatepass"))
    found, faults = jobs(tmp_path, ["x.yaml"], LIBRARIES, OBJECTS, folders=["/Shared/bikeshare"])
    assert found or faults
