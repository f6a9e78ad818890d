"""A factory on the sandbox, and Data Factory's objects in the fewest words, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from support.arm import Arm

NAME = "bikes-adf"
FACTORY = f"Microsoft.DataFactory/factories/{NAME}"
LINKED_SERVICE: dict[str, Any] = {
    "type": "AzureBlobStorage",
    "typeProperties": {"serviceEndpoint": "https://a"},
}


class Factory:
    """One empty factory `bikes-adf` in the group `bikes`."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        assert arm.call("PUT", FACTORY, {"location": "westeurope"}).status_code == 200

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A request to the factory (path "") or below it."""
        return self.arm.call(method, f"{FACTORY}/{path}".rstrip("/"), body)

    def put(self, path: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Write an object; it must be taken."""
        answer = self.call("PUT", path, {"properties": properties})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def get(self, path: str) -> dict[str, Any]:
        """Read an object; it must be there."""
        return self.arm.get(f"{FACTORY}/{path}".rstrip("/"))

    def post(self, path: str, body: Any = None) -> Any:
        """An action that must succeed; the body of its answer."""
        answer = self.call("POST", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        """Status, code and message of a call that must fail."""
        answer = self.call(method, path, body)
        assert answer.status_code >= 400, answer.text
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"].strip()

    def refused(self, path: str, properties: Any) -> tuple[int, str, str]:
        """As `refusal`, of a PUT."""
        return self.refusal("PUT", path, {"properties": properties})

    def run(self, pipeline: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Start a run; its id."""
        return str(self.post(f"pipelines/{pipeline}/createRun", dict(parameters or {}))["runId"])


def reference(kind: str, name: str) -> dict[str, str]:
    """`{"type": "DatasetReference", "referenceName": …}`."""
    return {"type": f"{kind}Reference", "referenceName": name}


def dataset(linked_service: str) -> dict[str, Any]:
    return {"type": "Binary", "linkedServiceName": reference("LinkedService", linked_service)}


def wait(name: str, seconds: Any, after: str | None = None, on: str = "Succeeded") -> dict[str, Any]:
    """A Wait activity, perhaps after another one."""
    depends = [{"activity": after, "dependencyConditions": [on]}] if after else []
    settings = {"waitTimeInSeconds": seconds}
    return {"name": name, "type": "Wait", "dependsOn": depends, "typeProperties": settings}


def schedule(*pipelines: str) -> dict[str, Any]:
    """A schedule trigger."""
    started = [{"pipelineReference": reference("Pipeline", name)} for name in pipelines]
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2024-01-01T00:00:00Z", "timeZone": "UTC"}
    return {"type": "ScheduleTrigger", "pipelines": started, "typeProperties": {"recurrence": recurrence}}
