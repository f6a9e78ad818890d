"""Checks that run a pipeline of Data Factory: through lost answers, crashes and the end of a tick."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.adf import Factory, wait
from support.arm import Arm
from support.checks import FACTORY, Ticks
from support.sandbox import Sandbox

CREATE = {"path": "*/createRun"}


@pytest.fixture
def factory(sandbox: Sandbox) -> Factory:
    return Factory(Arm(sandbox, "2018-06-01"))


@pytest.fixture
def ticks(sandbox: Sandbox, tmp_path: Path, factory: Factory) -> Ticks:
    return Ticks(sandbox, tmp_path, "  - {name: scoring, dataFactoryPipeline: score all, timeout: 5m}")


def pipeline(factory: Factory, seconds: int = 20, marked: bool = False, **parameters: Any) -> None:
    declared = {name: {"type": "string"} for name in (*parameters, *(["reconcilerRun"] if marked else []))}
    activities = [wait("w", seconds)] if seconds else [wait("bad", 0)]
    factory.put("pipelines/score all", {"parameters": declared, "activities": activities})


def runs(factory: Factory) -> list[dict[str, Any]]:
    window = {"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
    found: list[dict[str, Any]] = factory.post("queryPipelineRuns", window)["value"]
    return found


def test_a_pipeline_that_ends_well_passes(ticks: Ticks, factory: Factory) -> None:
    """With how long it took, its page, and no second run of the same."""
    pipeline(factory)
    record = ticks.run()["scoring"]
    (made,) = runs(factory)
    page = f"https://adf.azure.com/en/monitoring/pipelineruns/{made['runId']}?factory="
    assert (record["result"], record["kind"], record["url"].startswith(page)) == (
        "passed",
        "dataFactoryPipeline",
        True,
    )
    assert record["url"].endswith(FACTORY.replace("/", "%2F"))
    assert 20 <= record["seconds"] < 30
    assert "error" not in record
    assert ticks.told == [("scoring", "running"), ("scoring", "passed")]
    assert ticks.waits == [1.0, 1.0, 2.0, 3.0, *[5.0] * 9][: len(ticks.waits)]
    again = ticks.run()
    assert (again["scoring"], len(runs(factory))) == (record, 1)
    ticks.run("another commit")
    assert len(runs(factory)) == 2


def test_a_pipeline_that_fails_says_why(ticks: Ticks, factory: Factory) -> None:
    """In Data Factory's words, with secrets taken out; and it is not run again for the same content."""
    pipeline(factory, 0)
    record = ticks.run(redact=lambda text: text.replace("target", "•••"))["scoring"]
    assert record["result"] == "failed"
    assert record["error"].startswith("Failed: Operation on ••• bad failed")
    ticks.run()
    assert len(runs(factory)) == 1


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("fault", ["drop-after", "drop-before"])
def test_a_lost_answer_makes_no_second_run(ticks: Ticks, factory: Factory, marked: bool, fault: str) -> None:
    """Found by the marker, or by its time; made anew only once it can no longer turn up."""
    pipeline(factory, marked=marked)
    ticks.sandbox.fault(fault, match=CREATE)
    record = ticks.run()["scoring"]
    (made,) = runs(factory)
    assert (record["result"], record["token"]["run"]) == ("passed", made["runId"])
    assert ticks.calls("createRun") == (1 if fault == "drop-after" else 2)
    assert record["attempt"] == (1 if fault == "drop-after" else 2)
    assert made["parameters"] == ({"reconcilerRun": record["token"]["mark"]} if marked else {})
    assert sum(ticks.waits) < 120 if fault == "drop-after" else sum(ticks.waits) > 120


def test_the_marker_tells_ours_from_another_run(ticks: Ticks, factory: Factory) -> None:
    """Somebody starts the same pipeline by hand just before our answer is lost."""
    pipeline(factory, marked=True)
    other = factory.run("score%20all", {"reconcilerRun": "theirs"})
    ticks.sandbox.fault("drop-after", match=CREATE)
    record = ticks.run()["scoring"]
    assert record["result"] == "passed"
    assert record["token"]["run"] in {run["runId"] for run in runs(factory)} - {other}


class Crash(Exception):
    """The process ends here."""


@pytest.mark.parametrize("at", [1, 2])
def test_a_crash_after_any_save_makes_no_second_run(ticks: Ticks, factory: Factory, at: int) -> None:
    """The intent is saved before the call, the run's id after it. A crash right after the intent may have
    come before or after the call: here it came after, which the second save's loss stands for."""
    pipeline(factory)
    saves: list[Mapping[str, Any]] = []

    def save(notes: Mapping[str, Any]) -> None:
        if len(saves) + 1 > at:
            raise Crash
        saves.append(notes)
        ticks.save(notes)

    with pytest.raises(Crash):
        ticks.run(save=save)
    assert ("run" in ticks.saved["scoring"]["token"]) == (at == 2)
    assert (ticks.run()["scoring"]["result"], len(runs(factory))) == ("passed", 1)


def test_a_run_goes_on_past_the_end_of_a_tick(ticks: Ticks, factory: Factory) -> None:
    """The next tick looks after the same run, and its time counts from the start."""
    pipeline(factory, 60)
    left = ticks.run(seconds=0.9)["scoring"]
    assert (left["result"], ticks.waits) == ("running", [])
    ticks.sandbox.advance("PT2M")
    ended = ticks.run(seconds=0.9)["scoring"]
    assert (ended["result"], len(runs(factory)), ended["started"]) == ("passed", 1, left["started"])


def test_no_time_left_starts_nothing(ticks: Ticks, factory: Factory) -> None:
    """And an older result does not stand for the new content."""
    pipeline(factory)
    ticks.run()
    assert ticks.run("another commit", seconds=0.0) == {}
    assert len(runs(factory)) == 1


def test_a_timeout_cancels_and_fails(ticks: Ticks, factory: Factory) -> None:
    """By Azure's clock."""
    pipeline(factory, 3600)
    record = ticks.run()["scoring"]
    assert (record["result"], record["error"]) == ("failed", "It did not end within 5m and was cancelled.")
    assert 300 < record["seconds"] < 330
    assert [run["status"] for run in runs(factory)] == ["Cancelled"]


def test_an_end_that_comes_too_late_is_a_failure_whenever_it_is_seen(ticks: Ticks, factory: Factory) -> None:
    """Nobody looked while it ran over its time."""
    pipeline(factory, 400)
    ticks.run(seconds=0.9)
    ticks.sandbox.advance("PT1H")
    record = ticks.run()["scoring"]
    assert record["result"] == "failed"
    assert record["error"].endswith("s, longer than 5m.")
    assert 400 <= record["seconds"] < 410


def test_what_tests_an_older_content_is_cancelled(ticks: Ticks, factory: Factory) -> None:
    """A new commit does not wait for the test of the old one; nor does a check that is taken out go on."""
    pipeline(factory, 3600)
    ticks.run(seconds=0.9)
    pipeline(factory)
    assert ticks.run("another commit")["scoring"]["result"] == "passed"
    assert sorted(run["status"] for run in runs(factory)) == ["Cancelled", "Succeeded"]
    ticks.run("a third", seconds=0.9)
    ticks.checks = "  - {name: other, dataFactoryPipeline: score all}"
    assert list(ticks.run("a third")) == ["other"]
    assert sorted(run["status"] for run in runs(factory)) == [
        "Cancelled",
        "Cancelled",
        "Succeeded",
        "Succeeded",
    ]


def test_what_could_not_be_started_is_tried_again_by_the_next_tick(ticks: Ticks, factory: Factory) -> None:
    """Nothing was tested: a right that comes later, or a pipeline, mends it. Since when it fails is kept."""
    first = ticks.run()["scoring"]
    told = "There is no pipeline 'score all' in bikes-adf."
    assert (first["result"], first["error"]) == ("failed", told)
    ticks.sandbox.advance("PT5M")
    second = ticks.run()["scoring"]
    assert (second["attempt"], second["since"]) == (2, first["since"])
    pipeline(factory)
    assert ticks.run()["scoring"]["result"] == "passed"


def test_a_parameter_that_would_be_dropped_is_refused(ticks: Ticks, factory: Factory) -> None:
    """Data Factory ignores it without a word, and the test would test something else."""
    pipeline(factory, 20, input="")
    ticks.checks = ticks.checks.replace("timeout", "parameters: {inputs: a}, timeout")
    assert ticks.run()["scoring"]["error"] == "The pipeline has no parameter inputs. It declares input."
    ticks.checks = ticks.checks.replace("inputs", "input")
    assert ticks.run()["scoring"]["result"] == "passed"
    assert [run["parameters"] for run in runs(factory)] == [{"input": "a"}]


def test_calls_that_fail_while_it_runs_do_not_fail_it(ticks: Ticks, factory: Factory) -> None:
    """The run goes on all the same."""
    pipeline(factory)
    ticks.sandbox.fault("status", match={"path": "*/pipelineruns/*"}, status=409, times=2)
    assert ticks.run()["scoring"]["result"] == "passed"


def test_checks_run_side_by_side(ticks: Ticks, factory: Factory) -> None:
    """Two that take 20 seconds each end together."""
    pipeline(factory)
    ticks.checks += "\n  - {name: second, dataFactoryPipeline: score all}"
    records = ticks.run()
    assert [record["result"] for record in records.values()] == ["passed", "passed"]
    assert sum(ticks.waits) < 35
    assert len({run["runId"] for run in runs(factory)}) == 2


def test_no_factory_is_told(ticks: Ticks) -> None:
    ticks.factory = ""
    assert "no section `dataFactory`" in ticks.run()["scoring"]["error"]
