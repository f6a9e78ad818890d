"""Steps about Azure and Data Factory: what comes into being, drifts, is put right, is released by a merge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from sandbox.demo.stage import SUBSCRIPTION, Stage, expect

STORAGE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikeshare-dev"
    "/providers/Microsoft.Storage/storageAccounts/bikesharedev"
)
FACTORY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikeshare-test"
    "/providers/Microsoft.DataFactory/factories/bikeshare-test-adf"
)


def passed(tick: dict[str, Any]) -> str:
    """The checks of a tick, all of which must have passed, each with its seconds."""
    checks = tick["checks"]
    expect(
        bool(checks) and all(check["result"] == "passed" for check in checks), "checks should pass", checks
    )
    return ", ".join(f"{check['name']} ({check['seconds']:.0f} s)" for check in checks)


def too_early(stage: Stage) -> str:
    code, tick = stage.reconciler("tick", "test")
    expect((code, tick["result"]) == (0, "held"), "test should wait for dev", tick)
    return str(tick["reason"])


def create_dev(stage: Stage) -> str:
    code, tick = stage.reconciler("tick", "dev")
    done = [o for o in tick.get("outcomes", []) if o["result"] == "done"]
    expect(
        code == 0, "the first tick of dev should end well", tick.get("error") or tick.get("reason") or tick
    )
    expect(len(done) == tick["summary"]["create"] > 0, "dev should come from nothing", tick["summary"])
    return (
        f"{len(done)} resources made in {tick['seconds']:.1f} s, {tick['calls']['write']} writes; "
        f"checks passed: {passed(tick)}"
    )


def again(environment: str) -> Callable[[Stage], str]:
    def nothing(stage: Stage) -> str:
        before = stage.position()
        code, plan = stage.reconciler("plan", environment)
        expect(code == 0 and not plan["changes"], "a second plan should be empty", plan)
        expect(not stage.writes(before), "a plan should write nothing", stage.writes(before))
        return f"nothing to change, {plan['summary']['unchanged']} unchanged, 0 writes"

    return nothing


def drift(stage: Stage) -> str:
    weaker = {"properties": {"minimumTlsVersion": "TLS1_0"}}
    stage.person("portal", id=STORAGE, version="2024-01-01", body=weaker)
    code, plan = stage.reconciler("plan", "dev")
    expect(code == 2 and len(plan["changes"]) == 1, "the plan should name the one resource", plan)
    fields = plan["changes"][0]["fields"]
    told = [(field["path"], field["cause"]) for field in fields]
    expect(told == [("properties.minimumTlsVersion", "drift")], "it should name just that field", fields)
    moved = f"{told[0][0]} {fields[0]['desired']} → {fields[0]['live']}"
    return f"{unquote(plan['changes'][0]['key'])}: {moved}, cause drift"


def heal(environment: str) -> Callable[[Stage], str]:
    """The next tick puts one resource back. What is live is then what was tested: no check runs again."""

    def put_back(stage: Stage) -> str:
        before = stage.position()
        code, tick = stage.reconciler("tick", environment)
        expect(code == 0 and len(tick["outcomes"]) == 1, "the tick should put one resource back", tick)
        writes = stage.writes(before)
        expect(not any("/jobs/runs/" in write for write in writes), "no check should run again", writes)
        return f"put back {unquote(tick['outcomes'][0]['key'])}, {len(writes)} write"

    return put_back


def create_test(stage: Stage) -> str:
    code, tick = stage.reconciler("tick", "test")
    expect(code == 0 and tick["result"] == "done", "test should follow dev", tick)
    made = [o["key"] for o in tick["outcomes"] if o["result"] == "done"]
    definitions = sum(key.startswith("adf.") for key in made)
    expect(definitions >= 6, "the factory's definitions should be deployed", made)
    return (
        f"{len(made)} resources made, {definitions} of them Data Factory definitions, once dev was healthy; "
        f"checks passed: {passed(tick)}"
    )


def drift_in_test(stage: Stage) -> str:
    stage.person("portal", id=FACTORY, version="2018-06-01", body={"tags": {"owner": "somebody"}})
    code, plan = stage.reconciler("plan", "test")
    expect(code == 0, "what Git does not mention is nobody's drift", plan)
    return "a tag added by hand, which Git does not mention: left alone"


def drift_in_factory(stage: Stage) -> str:
    hasty = {"properties": {"activities": [], "description": "edited in the browser"}}
    place = f"{FACTORY}/pipelines/Apply ML model pipeline"
    stage.person("portal", id=place, version="2018-06-01", body=hasty, method="create_or_update")
    code, plan = stage.reconciler("plan", "test")
    keys = [change["key"] for change in plan["changes"]]
    expect(
        keys == ["adf.pipeline/bikeshare-test-adf/Apply%20ML%20model%20pipeline"], "one pipeline drifts", plan
    )
    causes = {field["cause"] for field in plan["changes"][0]["fields"]}
    expect(causes == {"drift"}, "by drift alone", plan["changes"])
    before = stage.position()
    code, tick = stage.reconciler("tick", "test")
    expect(code == 0, "the tick should put it back", tick)
    verbs = [write.rsplit("/", 1)[1] for write in stage.writes(before)]
    expect(verbs == ["stop", "Apply ML model pipeline", "start"], "its trigger stops and runs again", verbs)
    return "the pipeline is put back; its trigger was stopped for it and runs again"


def tell_status(stage: Stage) -> str:
    _, status = stage.reconciler("status")
    told = {one["environment"]: one["health"] for one in status["environments"]}
    expect(told.get("dev") == told.get("test") == "healthy", "dev and test should be healthy", told)
    return ", ".join(f"{name} {health}" for name, health in told.items())
