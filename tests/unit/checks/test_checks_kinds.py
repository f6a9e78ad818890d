"""The pure parts of the kinds of checks: what is asked for, and what an answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.environments import dev

from reconciler.armtemplate import Unknown
from reconciler.checks import Wanted, wanted
from reconciler.checks.notebook import submission, text, verdict
from reconciler.checks.pipeline import started_by_hand
from reconciler.checks.probe import plain
from reconciler.errors import CloudError

CLUSTER = "compute: {newCluster: {spark_version: 16.4.x-scala2.12, num_workers: 1}}"
WHEEL, JAR = "/Shared/libs/bike_share-1.0+a1-py3-none-any.whl", "/Shared/libs/seed.jar"


def check(root: Path, more: str = "") -> Wanted:
    said = f"\nchecks: [{{name: integration, databricksNotebook: /Shared/inttest, timeout: 90s{more}}}]\n"
    return wanted(dev(root, said), "")[0]


def test_a_run_is_one_notebook_task(tmp_path: Path) -> None:
    """The whole body, as the Jobs API wants it: parameters are texts, libraries are `/Workspace` paths."""
    more = f", parameters: {{rows: 5, on: true, path: 'abfss://a', list: [1, x]}}, {CLUSTER}, libraries: all"
    assert submission(check(tmp_path, more), "m" * 64, (WHEEL, JAR)) == {
        "run_name": "dev: check integration",
        "timeout_seconds": 90,
        "idempotency_token": "m" * 64,
        "tasks": [
            {
                "task_key": "check",
                "notebook_task": {
                    "notebook_path": "/Shared/inttest",
                    "source": "WORKSPACE",
                    "base_parameters": {
                        "rows": "5",
                        "on": "true",
                        "path": "abfss://a",
                        "list": '[1, "x"]',
                    },
                },
                "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 1},
                "libraries": [{"whl": f"/Workspace{WHEEL}"}, {"jar": f"/Workspace{JAR}"}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("more", "key"),
    [
        (", compute: {existingCluster: 0123-abc}", "existing_cluster_id"),
        (", compute: {serverless: true}", None),
        ("", None),
    ],
)
def test_compute_is_named_or_serverless(tmp_path: Path, more: str, key: str | None) -> None:
    """Serverless is a task that names no compute."""
    task = submission(check(tmp_path, more), "m", ())["tasks"][0]
    assert set(task) == {"task_key", "notebook_task"} | ({key} if key else set())


@pytest.mark.parametrize("name", ["bike-share", "bike_share", "bike_share-1.0+a1-py3-none-any.whl"])
def test_libraries_are_named_by_distribution_or_file(tmp_path: Path, name: str) -> None:
    """A wheel's version comes from its content, so that its file's name is seldom known."""
    task = submission(check(tmp_path, f", {CLUSTER}, libraries: [{name}]"), "m", (JAR, WHEEL))["tasks"][0]
    assert task["libraries"] == [{"whl": f"/Workspace{WHEEL}"}]


@pytest.mark.parametrize(
    ("more", "there", "told"),
    [
        (f", {CLUSTER}, libraries: [other]", (JAR,), "no library 'other'. The environment has seed.jar."),
        (
            ", compute: {serverless: true}, libraries: all",
            (WHEEL,),
            "Serverless compute takes no `libraries`",
        ),
        (", libraries: [seed]", (JAR,), "Serverless compute takes no `libraries`"),
    ],
)
def test_what_cannot_be_is_refused_before_a_call(
    tmp_path: Path, more: str, there: tuple[str, ...], told: str
) -> None:
    with pytest.raises(CloudError, match=told.replace(".", r"\.")):
        submission(check(tmp_path, more), "m", there)


def test_serverless_with_all_of_no_libraries_is_fine(tmp_path: Path) -> None:
    task = submission(check(tmp_path, ", libraries: all"), "m", ())["tasks"][0]
    assert "libraries" not in task


def test_a_value_that_is_not_known_yet_starts_nothing(tmp_path: Path) -> None:
    """Its expression would otherwise reach the notebook as text."""
    said = check(tmp_path, ", parameters: {a: b}")
    unknown = said.check.model_copy(update={"parameters": {"a": Unknown("reference('x')")}})
    with pytest.raises(CloudError, match="not known yet"):
        submission(Wanted("dev", unknown, ""), "m", ())


def test_texts_of_parameters() -> None:
    assert [text(value) for value in ("a", 1, 1.5, None, {"a": 1})] == ["a", "1", "1.5", "", '{"a": 1}']


@pytest.mark.parametrize(
    ("run", "passed", "told"),
    [
        ({"state": {"life_cycle_state": "PENDING"}}, None, ""),
        ({"state": {"life_cycle_state": "TERMINATING", "result_state": "SUCCESS"}}, None, ""),
        ({"state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}}, True, "SUCCESS"),
        (
            {
                "state": {
                    "life_cycle_state": "TERMINATED",
                    "result_state": "FAILED",
                    "state_message": "Task check failed",
                }
            },
            False,
            "FAILED: Task check failed",
        ),
        ({"state": {"life_cycle_state": "TERMINATED", "result_state": "TIMEDOUT"}}, False, "TIMEDOUT"),
        ({"state": {"life_cycle_state": "SKIPPED", "state_message": "too many"}}, False, "SKIPPED: too many"),
        (
            {"state": {"life_cycle_state": "INTERNAL_ERROR", "result_state": "FAILED", "state_message": "x"}},
            False,
            "FAILED: x",
        ),
        ({"status": {"state": "RUNNING"}}, None, ""),
        ({"status": {"state": "TERMINATED", "termination_details": {"code": "SUCCESS"}}}, True, "SUCCESS"),
        (
            {
                "status": {
                    "state": "TERMINATED",
                    "termination_details": {"code": "CLUSTER_ERROR", "message": "gone"},
                }
            },
            False,
            "CLUSTER_ERROR: gone",
        ),
        ({}, None, ""),
    ],
)
def test_how_a_notebook_run_ended(run: dict[str, Any], passed: bool | None, told: str) -> None:
    """Only a success that is said is one; a run that says nothing goes on."""
    assert verdict(run)[0] is passed
    assert verdict(run)[1].startswith(told)


ASKED = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("by", "started", "mine"),
    [
        ("Manual", 0, True),
        ("Manual", 60, True),
        ("Manual", -1, True),
        ("Manual", -3, False),
        ("ScheduleTrigger", 1, False),
        ("PipelineActivity", 1, False),
    ],
)
def test_which_run_may_be_ours(by: str, started: int, mine: bool) -> None:
    """One that a call made, since we asked; clocks differ by their second."""
    start = (ASKED + timedelta(seconds=started)).isoformat().replace("+00:00", ".1234567Z")
    assert started_by_hand({"invokedBy": {"invokedByType": by}, "runStart": start}, ASKED) is mine


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert plain("https://u:p@a.example:8443/x/y?code=s#t") == "https://a.example:8443/x/y"
