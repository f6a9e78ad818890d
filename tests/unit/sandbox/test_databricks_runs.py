"""How tasks of a run hang together, what their parameters refer to, and the data set that they find."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from sandbox.services.databricks import dataset, run_outcome, run_references


def task(key: str, *after: str, result: str = "", run_if: str = "ALL_SUCCESS") -> dict[str, Any]:
    spec = {"task_key": key, "depends_on": [{"task_key": one} for one in after], "run_if": run_if}
    life = "TERMINATED" if result else "BLOCKED"
    return {
        "key": key,
        "spec": spec,
        "life": life,
        "result": result,
        "message": "m",
        "run_id": 1,
        "attempt": 0,
    }


@pytest.mark.parametrize(
    ("run_if", "before", "verdict"),
    [
        ("ALL_SUCCESS", ("SUCCESS", "SUCCESS"), "RUN"),
        ("ALL_SUCCESS", ("SUCCESS", ""), None),
        ("ALL_SUCCESS", ("SUCCESS", "FAILED"), "UPSTREAM_FAILED"),
        ("ALL_SUCCESS", ("SUCCESS", "CANCELED"), "UPSTREAM_CANCELED"),
        ("ALL_SUCCESS", ("SUCCESS", "EXCLUDED"), "RUN"),
        ("ALL_SUCCESS", ("EXCLUDED", "EXCLUDED"), "EXCLUDED"),
        ("AT_LEAST_ONE_SUCCESS", ("FAILED", "SUCCESS"), "RUN"),
        ("AT_LEAST_ONE_SUCCESS", ("FAILED", "FAILED"), "UPSTREAM_FAILED"),
        ("NONE_FAILED", ("SUCCESS", "TIMEDOUT"), "UPSTREAM_FAILED"),
        ("ALL_DONE", ("FAILED", "UPSTREAM_FAILED"), "RUN"),
        ("AT_LEAST_ONE_FAILED", ("SUCCESS", "FAILED"), "RUN"),
        ("AT_LEAST_ONE_FAILED", ("SUCCESS", "SUCCESS"), "EXCLUDED"),
        ("ALL_FAILED", ("FAILED", "SUCCESS"), "EXCLUDED"),
        ("ALL_FAILED", ("FAILED", "FAILED"), "RUN"),
    ],
)
def test_a_task_runs_by_its_condition(run_if: str, before: tuple[str, str], verdict: str | None) -> None:
    tasks = [task("a", result=before[0]), task("b", result=before[1]), task("c", "a", "b", run_if=run_if)]
    assert run_outcome.of_dependencies(tasks[2], tasks) == verdict


def test_the_last_tasks_decide_about_a_run() -> None:
    """A failure that was mended is told, but is none."""
    bad = task("a", result="FAILED")
    mended = [bad, task("b", "a", result="SUCCESS")]
    assert run_outcome.of_run(mended, legacy=False)[:2] == ("TERMINATED", "SUCCESS_WITH_FAILURES")
    skipped = [bad, task("b", "a", result="UPSTREAM_FAILED")]
    assert run_outcome.of_run(skipped, legacy=False) == (
        "INTERNAL_ERROR",
        "FAILED",
        "Task a failed with message: m. This caused all downstream tasks to get skipped.",
    )
    assert run_outcome.of_run([bad], legacy=True) == ("TERMINATED", "FAILED", "m")


def test_references_are_replaced_and_unknown_ones_stay() -> None:
    known = {"job.id": 7, "tasks.a.values.x": {"n": 1}}
    sent = {"a": "id {{job.id}}", "b": ["{{ tasks.a.values.x }}", "{{what.else}}"], "c": 3}
    assert run_references.resolved(sent, known) == {"a": "id 7", "b": ['{"n": 1}', "{{what.else}}"], "c": 3}


def test_the_synthetic_data_are_always_the_same_and_look_like_the_real() -> None:
    """Two years by the hour; counts add up; a model has something to learn and nothing to cheat with."""
    rows = [dict(zip(dataset.COLUMNS, row, strict=True)) for row in dataset.hours()]
    assert len(rows) == dataset.ROWS
    assert [dict(zip(dataset.COLUMNS, row, strict=True)) for row in islice(dataset.hours(), 50)] == rows[:50]
    assert (rows[0]["dteday"], rows[-1]["dteday"]) == ("2011-01-01", "2012-12-31")
    assert [row["instant"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["cnt"] == row["casual"] + row["registered"] >= 1 for row in rows)
    assert all(0 <= row[name] <= 1 for row in rows for name in ("temp", "atemp", "hum", "windspeed"))
    assert {row["season"] for row in rows} == {1, 2, 3, 4} and {row["weathersit"] for row in rows} <= {
        1,
        2,
        3,
        4,
    }

    def mean(**where: int) -> float:
        found = [row["cnt"] for row in rows if all(row[key] == value for key, value in where.items())]
        return sum(found) / len(found)

    assert mean(workingday=1, hr=8) > 3 * mean(workingday=0, hr=8) > 0
    assert mean(mnth=7) > mean(mnth=1) and mean(yr=1) > mean(yr=0) and mean(weathersit=1) > mean(weathersit=3)
