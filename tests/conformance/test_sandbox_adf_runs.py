"""Runs of pipelines on the sandbox: by the world's clock, through a restart, and never a success by chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.identity import DefaultAzureCredential
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter
from support.adf import NAME, Factory, reference, wait
from support.arm import SUBSCRIPTION, Arm
from support.sandbox import Sandbox

ALWAYS = {"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}


@pytest.fixture
def factory(sandbox: Sandbox) -> Factory:
    return Factory(Arm(sandbox, "2018-06-01"))


def execute(name: str, pipeline: str, waits: bool = True, **parameters: Any) -> dict[str, Any]:
    settings = {
        "pipeline": reference("Pipeline", pipeline),
        "waitOnCompletion": waits,
        "parameters": parameters,
    }
    return {"name": name, "type": "ExecutePipeline", "typeProperties": settings}


def after(activity: dict[str, Any], other: str, on: str = "Succeeded") -> dict[str, Any]:
    return {**activity, "dependsOn": [{"activity": other, "dependencyConditions": [on]}]}


def status(factory: Factory, run: str) -> str:
    return str(factory.get(f"pipelineruns/{run}")["status"])


def activities(factory: Factory, run: str) -> dict[str, dict[str, Any]]:
    found = factory.post(f"pipelineruns/{run}/queryActivityruns", ALWAYS)["value"]
    return {one["activityName"]: one for one in found}


def test_a_run_takes_as_long_as_it_waits(factory: Factory) -> None:
    """Waits go by the clock of the world, one after the other."""
    factory.put("pipelines/p", {"activities": [wait("one", 60), wait("two", 30, "one")]})
    run = factory.run("p")
    assert (status(factory, run), list(activities(factory, run))) == ("InProgress", ["one"])
    factory.arm.sandbox.advance("PT61S")
    assert (status(factory, run), list(activities(factory, run))) == ("InProgress", ["one", "two"])
    factory.arm.sandbox.advance("PT31S")
    ended = factory.get(f"pipelineruns/{run}")
    assert (ended["status"], ended["message"], ended["invokedBy"]["name"]) == ("Succeeded", "", "Manual")
    assert 90_000 <= ended["durationInMs"] < 92_000
    assert {one["status"] for one in activities(factory, run).values()} == {"Succeeded"}


def test_a_long_jump_of_the_clock_settles_each_step_at_its_time(factory: Factory) -> None:
    """Nobody looked in between; the times are those at which things happened."""
    factory.put("pipelines/p", {"activities": [wait("one", 60), wait("two", 30, "one")]})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT10H")
    assert 90_000 <= factory.get(f"pipelineruns/{run}")["durationInMs"] < 92_000


def test_a_run_goes_on_after_a_kill(factory: Factory) -> None:
    """All of it is in the store."""
    factory.put("pipelines/inner", {"activities": [wait("w", 60)]})
    factory.put("pipelines/outer", {"activities": [execute("call", "inner"), wait("then", 10, "call")]})
    run = factory.run("outer")
    factory.arm.sandbox.kill()
    factory.arm.sandbox.restart()
    factory.arm = Arm(factory.arm.sandbox, "2018-06-01")
    assert status(factory, run) == "InProgress"
    factory.arm.sandbox.advance("PT75S")
    assert status(factory, run) == "Succeeded"


def test_parameters_reach_the_activities(factory: Factory) -> None:
    """Defaults, values of the call, those of an ExecutePipeline; what is not declared is dropped."""
    declared = {"seconds": {"type": "int", "defaultValue": 5}, "label": {"type": "string"}}
    expression = {"type": "Expression", "value": "@pipeline().parameters.seconds"}
    factory.put("pipelines/inner", {"parameters": declared, "activities": [wait("w", expression)]})
    outer = execute("call", "inner", seconds="@pipeline().parameters.seconds", label="@@literal")
    factory.put("pipelines/outer", {"parameters": declared, "activities": [outer]})
    run = factory.run("outer", {"seconds": 7, "unknown": 1})
    assert factory.get(f"pipelineruns/{run}")["parameters"] == {"seconds": "7"}
    child = activities(factory, run)["call"]["output"]["pipelineRunId"]
    found = factory.get(f"pipelineruns/{child}")
    assert found["parameters"] == {"seconds": "7", "label": "@literal"}
    assert found["invokedBy"] | {"id": ""} == {
        "id": "",
        "name": "outer",
        "invokedByType": "PipelineActivity",
        "pipelineName": "outer",
        "pipelineRunId": run,
    }
    assert found["runGroupId"] == run
    assert activities(factory, child)["w"]["input"] == {"waitTimeInSeconds": 7}


def test_an_output_can_be_read_by_what_follows(factory: Factory) -> None:
    """`@activity('a').output.…`; a property that is not there fails the activity in the service's words."""
    factory.put("pipelines/inner", {"parameters": {"of": {"type": "string"}}, "activities": []})
    first = execute("first", "inner")
    good = after(execute("good", "inner", of="@activity('first').output.pipelineName"), "first")
    factory.put("pipelines/p", {"activities": [first, good]})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT1S")
    child = activities(factory, run)["good"]["output"]["pipelineRunId"]
    assert factory.get(f"pipelineruns/{child}")["parameters"] == {"of": "inner"}
    bad = after(execute("bad", "inner", of="@activity('first').output.absent"), "first")
    factory.put("pipelines/p", {"activities": [first, bad]})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT1S")
    message = factory.get(f"pipelineruns/{run}")["message"]
    assert message.startswith("Operation on target bad failed: The template language expression")
    assert activities(factory, run)["bad"]["error"]["errorCode"] == "InvalidTemplate"


@pytest.mark.parametrize(
    ("activity", "named"),
    [
        ({"name": "copy", "type": "Copy", "typeProperties": {}}, "activity 'copy' of type 'Copy'"),
        (wait("w", "@add(1, 2)"), "expression '@add(1, 2)' in activity 'w'"),
        (wait("w", "a@{pipeline().RunId}"), "expression 'a@{pipeline().RunId}' in activity 'w'"),
        (wait("w", "@variables('x')"), "expression '@variables('x')' in activity 'w'"),
    ],
)
def test_what_is_not_played_fails_the_run_before_it_begins(
    factory: Factory, activity: dict[str, Any], named: str
) -> None:
    """An empty success would be worse than none."""
    factory.put("pipelines/p", {"activities": [wait("first", 1), after(activity, "first")]})
    run = factory.run("p")
    found = factory.get(f"pipelineruns/{run}")
    assert found["status"] == "Failed"
    assert found["message"] == f"The sandbox does not play: {named}."
    assert activities(factory, run) == {}


def test_no_branch_handles_what_is_not_played(factory: Factory) -> None:
    """A pipeline that goes on after a failed call fails all the same when the sandbox is the reason."""
    factory.put("pipelines/inner", {"activities": [{"name": "copy", "type": "Copy"}]})
    handled = [execute("call", "inner"), after(wait("anyway", 1), "call", "Failed")]
    factory.put("pipelines/p", {"activities": handled})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT5S")
    found = factory.get(f"pipelineruns/{run}")
    assert (found["status"], "does not play" in found["message"]) == ("Failed", True)


@pytest.mark.parametrize(
    ("on", "ends", "ran"),
    [
        ("Succeeded", "Failed", {"bad"}),
        ("Failed", "Succeeded", {"bad", "next"}),
        ("Completed", "Succeeded", {"bad", "next"}),
        ("Skipped", "Failed", {"bad"}),
    ],
)
def test_a_failure_runs_what_waits_for_it(factory: Factory, on: str, ends: str, ran: set[str]) -> None:
    """The leaves decide how a run ends; a skipped leaf stands for what it hung on."""
    factory.put("pipelines/p", {"activities": [wait("bad", 0), wait("next", 1, "bad", on)]})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT2S")
    assert (status(factory, run), set(activities(factory, run))) == (ends, ran)


def test_a_call_that_is_not_waited_for_succeeds_at_once(factory: Factory) -> None:
    """The run that it started goes on alone."""
    factory.put("pipelines/inner", {"activities": [wait("w", 60)]})
    factory.put("pipelines/p", {"activities": [execute("call", "inner", waits=False)]})
    run = factory.run("p")
    assert status(factory, run) == "Succeeded"
    child = activities(factory, run)["call"]["output"]["pipelineRunId"]
    assert status(factory, child) == "InProgress"


def test_a_failed_inner_run_fails_the_outer_one(factory: Factory) -> None:
    """Its message is handed on."""
    factory.put("pipelines/inner", {"activities": [wait("bad", 0)]})
    factory.put("pipelines/p", {"activities": [execute("call", "inner")]})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT1S")
    message = factory.get(f"pipelineruns/{run}")["message"]
    assert message.startswith("Operation on target call failed: Operation on target bad failed: ")


def test_a_pipeline_that_calls_itself_comes_to_an_end(factory: Factory) -> None:
    """The sandbox must not run for ever."""
    factory.put("pipelines/p", {"activities": []})
    factory.put("pipelines/p", {"activities": [execute("again", "p")]})
    run = factory.run("p")
    factory.arm.sandbox.advance("PT1S")
    assert "nested deeper" in factory.get(f"pipelineruns/{run}")["message"]


def test_a_cancelled_run_stops_with_the_runs_in_it(factory: Factory) -> None:
    """`isRecursive` asks for the latter."""
    factory.put("pipelines/inner", {"activities": [wait("w", 60)]})
    factory.put("pipelines/p", {"activities": [execute("call", "inner"), wait("later", 1, "call")]})
    for recursive, inner in (("false", "InProgress"), ("true", "Cancelled")):
        run = factory.run("p")
        factory.arm.sandbox.advance("PT1S")
        child = activities(factory, run)["call"]["output"]["pipelineRunId"]
        path = f"{factory_path(run)}/cancel?isRecursive={recursive}"
        assert factory.arm.call("POST", path).status_code == 200
        assert (status(factory, run), status(factory, child)) == ("Cancelled", inner)
        assert activities(factory, run)["call"]["status"] == "Cancelled"
    factory.arm.sandbox.advance("PT2M")
    assert status(factory, run) == "Cancelled"


def factory_path(run: str) -> str:
    return f"Microsoft.DataFactory/factories/{NAME}/pipelineruns/{run}"


def test_a_pipeline_with_a_concurrency_queues_its_runs(factory: Factory) -> None:
    """The next one starts when one ends."""
    factory.put("pipelines/p", {"concurrency": 1, "activities": [wait("w", 60)]})
    first, second = factory.run("p"), factory.run("p")
    assert (status(factory, first), status(factory, second)) == ("InProgress", "Queued")
    factory.arm.sandbox.advance("PT61S")
    assert (status(factory, first), status(factory, second)) == ("Succeeded", "InProgress")


def test_a_run_keeps_to_the_pipeline_as_it_was(factory: Factory) -> None:
    """A change comes with the next run."""
    factory.put("pipelines/p", {"activities": [wait("one", 10), wait("two", 10, "one")]})
    run = factory.run("p")
    factory.put("pipelines/p", {"activities": []})
    factory.arm.sandbox.advance("PT30S")
    assert set(activities(factory, run)) == {"one", "two"}


def test_faults_can_delay_and_fail_a_run(factory: Factory) -> None:
    """As with every operation that is started."""
    factory.put("pipelines/p", {"activities": []})
    factory.arm.sandbox.fault("slow-operation", match={"path": "*/createRun"}, seconds=60)
    slow = factory.run("p")
    factory.arm.sandbox.fault("fail-operation", match={"path": "*/createRun"})
    failing = factory.run("p")
    assert (status(factory, slow), status(factory, failing)) == ("Queued", "Failed")
    factory.arm.sandbox.advance("PT61S")
    assert status(factory, slow) == "Succeeded"


def test_runs_are_asked_for_through_the_sdk(factory: Factory) -> None:
    """Filters, an order, and pages of a hundred with a token in the body."""
    client = DataFactoryManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    factory.put("pipelines/p", {"activities": []})
    factory.put("pipelines/q", {"activities": [{"name": "copy", "type": "Copy"}]})
    for _ in range(101):
        client.pipelines.create_run("bikes", NAME, "p")
    failed = client.pipelines.create_run("bikes", NAME, "q").run_id
    now = datetime.now(UTC)
    window = {"last_updated_after": now - timedelta(days=1), "last_updated_before": now + timedelta(days=1)}
    first = client.pipeline_runs.query_by_factory("bikes", NAME, RunFilterParameters(**window))
    assert (len(first.value), bool(first.continuation_token)) == (100, True)
    more = RunFilterParameters(**window, continuation_token=first.continuation_token)
    rest = client.pipeline_runs.query_by_factory("bikes", NAME, more)
    assert (len(rest.value), rest.continuation_token) == (2, None)
    wish = RunQueryFilter({"operand": "Status", "operator": "In", "values": ["Failed"]})
    only = client.pipeline_runs.query_by_factory("bikes", NAME, RunFilterParameters(**window, filters=[wish]))
    assert [one.run_id for one in only.value] == [failed]
    assert client.pipeline_runs.get("bikes", NAME, failed).status == "Failed"
    early = {"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2020-01-02T00:00:00Z"}
    assert factory.post("queryPipelineRuns", early)["value"] == []
    assert factory.refusal("POST", "queryPipelineRuns", {})[:2] == (400, "BadRequest")
    odd = {**ALWAYS, "filters": [{"operand": "LatestOnly", "operator": "Equals", "values": ["true"]}]}
    assert factory.refusal("POST", "queryPipelineRuns", odd)[0] == 501


def test_runs_of_others_are_not_found(factory: Factory) -> None:
    """An unknown id, a rerun, a pipeline that is not there."""
    unknown = "00000000-0000-0000-0000-00000000000f"
    assert factory.refusal("GET", f"pipelineruns/{unknown}")[:2] == (404, "NotFound")
    assert factory.refusal("POST", f"pipelineruns/{unknown}/cancel")[:2] == (404, "NotFound")
    assert factory.post(f"pipelineruns/{unknown}/queryActivityruns", ALWAYS) == {"value": []}
    assert factory.refusal("POST", "pipelines/p/createRun")[:2] == (404, "NotFound")
    factory.put("pipelines/p", {"activities": []})
    path = f"Microsoft.DataFactory/factories/{NAME}/pipelines/p/createRun?isRecovery=true"
    assert factory.arm.call("POST", path).status_code == 501


def test_runs_go_with_their_factory(factory: Factory) -> None:
    """A new factory of the same name knows none of them."""
    factory.put("pipelines/p", {"activities": [wait("w", 60)]})
    run = factory.run("p")
    assert factory.call("DELETE", "").status_code == 200
    Factory(factory.arm)
    factory.arm.sandbox.advance("PT2M")
    assert factory.refusal("GET", f"pipelineruns/{run}")[0] == 404
