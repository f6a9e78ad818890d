"""Triggers: what a started one refuses, event subscriptions, what can never change."""

from __future__ import annotations

from typing import Any

import pytest
from azure.identity import DefaultAzureCredential
from azure.mgmt.datafactory import DataFactoryManagementClient
from support.adf import NAME, Factory, reference, schedule
from support.arm import GROUP, SUBSCRIPTION, Arm
from support.sandbox import Sandbox

BLOBS: dict[str, Any] = {
    "type": "BlobEventsTrigger",
    "pipelines": [{"pipelineReference": reference("Pipeline", "score")}],
    "typeProperties": {
        "scope": "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/g/providers/"
        "Microsoft.Storage/storageAccounts/elsewhere",
        "events": ["Microsoft.Storage.BlobCreated"],
    },
}


@pytest.fixture
def factory(sandbox: Sandbox) -> Factory:
    made = Factory(Arm(sandbox, "2018-06-01"))
    made.put("pipelines/score", {"activities": []})
    return made


@pytest.fixture
def client(factory: Factory) -> DataFactoryManagementClient:
    return DataFactoryManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


def test_a_started_trigger_takes_no_write(factory: Factory) -> None:
    """Neither a PUT nor a DELETE; a `runtimeState` that is sent starts nothing."""
    sent = {**schedule("score"), "runtimeState": "Started"}
    assert factory.put("triggers/t", sent)["properties"]["runtimeState"] == "Stopped"
    before = factory.get("triggers/t")["etag"]
    assert factory.post("triggers/t/start") == {}
    started = factory.get("triggers/t")
    assert (started["properties"]["runtimeState"], started["etag"] != before) == ("Started", True)
    words = "Cannot update enabled Trigger; the trigger needs to be disabled first."
    assert factory.refused("triggers/t", sent) == (400, "TriggerEnabledCannotUpdate", words)
    assert factory.refusal("DELETE", "triggers/t")[:2] == (400, "TriggerEnabledCannotUpdate")
    factory.post("triggers/t/start")
    factory.post("triggers/t/stop")
    factory.put("triggers/t", sent)
    assert factory.call("DELETE", "triggers/t").status_code == 200


def test_a_trigger_holds_its_pipeline(factory: Factory) -> None:
    """A pipeline that a trigger starts can be changed while it is started, and not deleted."""
    factory.put("triggers/t", schedule("score"))
    factory.post("triggers/t/start")
    factory.put("pipelines/score", {"activities": [], "description": "new"})
    assert "referenced by t." in factory.refusal("DELETE", "pipelines/score")[2]


def test_a_trigger_without_a_pipeline_does_not_start(factory: Factory) -> None:
    """It can be written, as ADF Studio does."""
    factory.put("triggers/t", schedule())
    words = "Missing or invalid pipeline references for trigger t"
    assert factory.refusal("POST", "triggers/t/start") == (400, "BadRequest", words)


def test_times_lose_a_fraction_of_zeros_alone(factory: Factory) -> None:
    """Recorded forms of start and end times."""
    trigger = schedule("score")
    trigger["typeProperties"]["recurrence"] |= {
        "startTime": "2017-04-14T13:00:00.0000000Z",
        "endTime": "2018-06-16T00:55:13.84418Z",
    }
    kept = factory.put("triggers/t", trigger)["properties"]["typeProperties"]["recurrence"]
    assert (kept["startTime"], kept["endTime"]) == ("2017-04-14T13:00:00Z", "2018-06-16T00:55:13.84418Z")


def test_a_window_never_changes_its_start_or_its_size(factory: Factory) -> None:
    """A tumbling window trigger must be made anew for that."""
    window: dict[str, Any] = {
        "type": "TumblingWindowTrigger",
        "pipeline": {"pipelineReference": reference("Pipeline", "score")},
        "typeProperties": {"frequency": "Hour", "interval": 1, "startTime": "2024-01-01T00:00:00Z"},
    }
    factory.put("triggers/w", window)
    factory.put("triggers/w", {**window, "description": "other"})

    def changed(**fields: Any) -> str:
        return factory.refused(
            "triggers/w", {**window, "typeProperties": {**window["typeProperties"], **fields}}
        )[1]

    assert changed(interval=2) == "TumblingWindowTriggerFrequencyOrIntervalUpdateNotAllowed"
    assert changed(startTime="2025-01-01T00:00:00Z") == "TumblingWindowTriggerStartTimeUpdateNotAllowed"


def test_events_are_subscribed_to_later(factory: Factory, client: DataFactoryManagementClient) -> None:
    """The call is accepted, the trigger cannot start until the subscription is made, and goes the same way."""
    factory.put("triggers/b", BLOBS)
    assert factory.post("triggers/b/getEventSubscriptionStatus")["status"] == "Disabled"
    assert factory.refusal("POST", "triggers/b/start")[:2] == (400, "BadRequest")
    factory.arm.sandbox.fault("slow-operation", match={"path": "*/subscribeToEvents"}, seconds=60)
    poller = client.triggers.begin_subscribe_to_events("bikes", NAME, "b", polling_interval=0)
    assert factory.post("triggers/b/getEventSubscriptionStatus")["status"] == "Provisioning"
    words = "Resource cannot be updated during provisioning"
    assert factory.refusal("POST", "triggers/b/start") == (400, "BadRequest", words)
    factory.arm.sandbox.advance("PT61S")
    assert poller.result().status == "Enabled"
    client.triggers.begin_start("bikes", NAME, "b", polling_interval=0).result()
    assert factory.get("triggers/b")["properties"]["runtimeState"] == "Started"
    client.triggers.begin_stop("bikes", NAME, "b", polling_interval=0).result()
    undone = client.triggers.begin_unsubscribe_from_events("bikes", NAME, "b", polling_interval=0).result()
    assert undone.status == "Disabled"


def test_a_subscription_that_fails_leaves_it_as_it_was(factory: Factory) -> None:
    """The call was accepted all the same."""
    factory.put("triggers/b", BLOBS)
    factory.arm.sandbox.fault("fail-operation", match={"path": "*/subscribeToEvents"})
    assert factory.call("POST", "triggers/b/subscribeToEvents").status_code == 202
    assert factory.post("triggers/b/getEventSubscriptionStatus")["status"] == "Disabled"


def test_the_account_of_an_event_trigger_must_be_there(factory: Factory) -> None:
    """Of a subscription that the sandbox plays, it knows."""
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/absent"
    factory.put("triggers/b", {**BLOBS, "typeProperties": {**BLOBS["typeProperties"], "scope": account}})
    assert factory.refusal("POST", "triggers/b/subscribeToEvents")[:2] == (400, "BadRequest")


def test_a_subscription_and_a_state_survive_a_restart(factory: Factory) -> None:
    """They are in the store."""
    factory.put("triggers/b", BLOBS)
    factory.call("POST", "triggers/b/subscribeToEvents")
    factory.post("triggers/b/start")
    factory.arm.sandbox.kill()
    factory.arm.sandbox.restart()
    factory.arm = Arm(factory.arm.sandbox, "2018-06-01")
    assert factory.get("triggers/b")["properties"]["runtimeState"] == "Started"
    assert factory.post("triggers/b/getEventSubscriptionStatus")["status"] == "Enabled"


def test_triggers_are_found_by_their_parent(factory: Factory) -> None:
    """querytriggers."""
    factory.put("triggers/w", schedule("score"))
    rerun = {"type": "RerunTumblingWindowTrigger", "typeProperties": {"parentTrigger": "w"}}
    factory.put("triggers/again", rerun)
    found = factory.post("querytriggers", {"parentTriggerName": "w"})["value"]
    assert [one["name"] for one in found] == ["again"]
