"""Which checks have to run, and what their records mean for health."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.environments import dev

from reconciler.armtemplate import Unknown
from reconciler.checks import Record, checks_json, due, healthy, wanted
from reconciler.environment import Environment

CHECKS = """
checks:
  - {name: integration, databricksNotebook: /Shared/inttest, parameters: {rows: 5}, timeout: 20m}
  - {name: scoring, dataFactoryPipeline: score}
  - {name: endpoint, http: "https://example.org/health"}
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return dev(tmp_path, CHECKS)


def notes(environment: Environment, fingerprint: str = "same", **fields: Any) -> dict[str, Any]:
    """Records of all checks as they were tested at a fingerprint, with these fields."""
    base = {"result": "passed", "token": {"run": "1"}, "started": "2026-01-01T00:00:00+00:00", **fields}
    return {
        each.name: Record(kind=each.kind, digest=each.digest, **base).note
        for each in wanted(environment, fingerprint)
    }


def names(environment: Environment, recorded: dict[str, Any], fingerprint: str = "same") -> list[str]:
    return [each.name for each in due(wanted(environment, fingerprint), recorded)]


ALL = ["integration", "scoring", "endpoint"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"result": "failed"}, []),
        ({"result": "failed", "token": {"mark": "m"}}, ALL),
        ({"result": "running"}, ALL),
        ({"result": "running", "token": {}}, ALL),
    ],
)
def test_what_ran_to_its_end_is_not_run_again(
    environment: Environment, fields: dict[str, Any], expected: list[str]
) -> None:
    """The same content and live state are not tested twice; what never started tested nothing."""
    assert names(environment, notes(environment, **fields)) == expected


def test_another_content_or_live_state_is_tested(environment: Environment) -> None:
    """And so is a check that was never run."""
    assert names(environment, notes(environment), "another") == ALL
    recorded = notes(environment)
    del recorded["scoring"]
    assert names(environment, recorded) == ["scoring"]


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("rows: 5", "rows: 6", ["integration"]),
        ("timeout: 20m", "timeout: 21m", ["integration"]),
        ("/Shared/inttest", "/Shared/other", ["integration"]),
        ("Pipeline: score", "Pipeline: other", ["scoring"]),
        ('health"', 'health", expect: 204', ["endpoint"]),
    ],
)
def test_a_changed_definition_is_tested(tmp_path: Path, old: str, new: str, moved: list[str]) -> None:
    """That check alone."""
    recorded = notes(dev(tmp_path, CHECKS))
    assert names(dev(tmp_path, CHECKS.replace(old, new)), recorded) == moved


def test_references_are_put_in_and_count(tmp_path: Path) -> None:
    """Another value behind a reference is another test; one that is not known yet differs from both."""
    text = CHECKS.replace("rows: 5", 'at: "${azure.platform.url}"').replace(
        "example.org/", "${azure.platform.host}/"
    )
    environment = dev(tmp_path, text)
    paths: list[str] = []

    def value(found: Any) -> Any:
        def put_in(said: Any, path: str) -> Any:
            paths.append(path)
            return {"at": found} if isinstance(said, dict) and said else said

        return put_in

    known, other, unknown = (
        wanted(environment, "same", value(found)) for found in ("a", "b", Unknown("reference('x')"))
    )
    assert known[0].check.parameters == {"at": "a"}
    assert len({each[0].digest for each in (known, other, unknown)}) == 3
    assert known[1:] == other[1:]
    assert {"checks[0].parameters", "checks[2].http"} <= set(paths)
    assert wanted(environment, "same", value("a")) == known


def test_kinds_are_told(environment: Environment) -> None:
    assert [each.kind for each in wanted(environment, "")] == [
        "databricksNotebook",
        "dataFactoryPipeline",
        "http",
    ]


def test_a_record_is_json_and_back() -> None:
    """It is kept in the state; a later version's fields are passed over."""
    record = Record("http", "failed", "d", "t", since="s", seconds=1.5, url="u", error="e", token={"run": 1})
    assert Record.of({**record.note, "later": 1}) == record
    assert Record.of(replace(record, error="", token={}).note) == replace(record, error="", token={})


def test_health_names_the_check_and_its_error(environment: Environment) -> None:
    """The first line of it; a check without a record, or one that goes on, is no health either."""
    good = notes(environment)
    assert healthy({"checks": good}, environment) == ""
    failed = notes(environment, result="failed", error="AssertionError: 3 rows\nmore")["scoring"]
    told = healthy({"checks": {**good, "scoring": failed}}, environment)
    assert told == "check scoring failed: AssertionError: 3 rows"
    running = notes(environment, result="running")["endpoint"]
    assert healthy({"checks": {**good, "endpoint": running}}, environment) == "check endpoint has not ended."
    assert healthy({}, environment) == "check integration has not run yet."


def test_an_environment_without_checks_is_healthy(tmp_path: Path) -> None:
    assert healthy({}, dev(tmp_path, "")) == ""


def test_the_json_of_results(environment: Environment) -> None:
    """Names, results, seconds and addresses; an error only where there is one; what had to wait is skipped."""
    recorded = {
        "scoring": Record("dataFactoryPipeline", "failed", "d", "t", "s", 2.5, "https://u", "bad").note,
        "endpoint": Record("http", "passed", "d", "t", "s", 0.1, "https://v").note,
    }
    assert checks_json(recorded, ["integration", "endpoint"]) == [
        {"name": "endpoint", "result": "skipped", "seconds": 0.0, "url": ""},
        {"name": "integration", "result": "skipped", "seconds": 0.0, "url": ""},
        {
            "name": "scoring",
            "kind": "dataFactoryPipeline",
            "result": "failed",
            "seconds": 2.5,
            "url": "https://u",
            "since": "s",
            "error": "bad",
        },
    ]
