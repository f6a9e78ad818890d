"""The requests of the REST specification's examples: documented statuses, bodies of the documented shape.

Set RECONCILER_CORPUS to the folder that holds `adf-spec-examples/`; `pytest -s` prints the counts.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.adf import LINKED_SERVICE, dataset
from support.arm import GROUP, SUBSCRIPTION, Arm
from support.recordings import Difference, differences
from support.sandbox import Sandbox

CORPUS = os.environ.get("RECONCILER_CORPUS", "")
SPEC = Path(CORPUS) / "adf-spec-examples" / "datafactory"
NAME = "exampleFactoryName"
SSIS = {"type": "Managed", "typeProperties": {"ssisProperties": {"edition": "Standard"}}}
# In this order things are made; the last is the factory's own deletion.
MADE = (
    "Factories_CreateOrUpdate",
    "IntegrationRuntimes_Create",
    "ManagedVirtualNetworks_Create",
    "ManagedPrivateEndpoints_Create",
    "Credentials_Create",
    "LinkedServices_Create",
    "Datasets_Create",
    "DataFlows_Create",
    "Pipelines_Create",
    "Triggers_Create",
    "GlobalParameters_Create",
)
ENDING = (
    "Triggers",
    "Pipelines",
    "DataFlows",
    "Datasets",
    "LinkedServices",
    "Credentials",
    "IntegrationRuntimes",
)
# Operations that the sandbox does not play, and why.
NOT_PLAYED = {
    r"ChangeDataCapture_.*": "change data capture has no place in a factory that is deployed from Git",
    r"DataFlowDebugSession_.*": "debug sessions belong to ADF Studio",
    r"ExposureControl_.*": "feature flags belong to ADF Studio",
    r"Factories_Get(DataPlaneAccess|GitHubAccessToken)": "tokens for ADF Studio",
    r"IntegrationRuntimeNodes_.*": "no node can join a runtime of the sandbox",
    r"IntegrationRuntimeObjectMetadata_.*": "packages for SSIS are not played",
    r"IntegrationRuntimes_(CreateLinkedIntegrationRuntime|GetConnectionInfo|ListOutbound.*|Upgrade)": "nodes",
    r"Operations_List": "a list of what the provider can do, that nobody deploys with",
    r"(ApproveReject|Get)PrivateEndpointConnection|GetPrivateLinkResources": "private links into a factory",
    r"TriggerRuns_.*": "no trigger fires",
}
# Where a body differs from the example's, and why.
_TYPES = "(Factories|LinkedServices|Datasets|Pipelines|DataFlows|Triggers|Credentials|GlobalParameters)"
DIFFERENT = (
    (r".*_(List|Query).*|PrivateEndPointConnections_.*", r"value\[\]", "there are as many as the test made"),
    (
        f"{_TYPES}_(Get|List.*|Update|ConfigureFactoryRepo)",
        r"(value\[\]\.)?(properties|identity|tags)(\..*)?",
        "the example shows another object than the example of its making sends",
    ),
    (r"Datasets_Create", r"properties\.schema", "the example's answer has a schema that was not sent"),
    (r"Pipelines_Create", r"properties\.policy", "the example's answer lacks the policy that was sent"),
    (
        r"Managed.*",
        r"(value\[\]\.)?(etag|properties\..*)",
        "Azure's recorded answers are other than the example",
    ),
    (
        r"IntegrationRuntimes_Get(Status|MonitoringData)",
        r"nodes|properties\..*",
        "ours have no nodes; recorded so",
    ),
    (r"PipelineRuns_Get", r"[\w.]+", "recorded answers have more fields, and the id"),
)


@dataclass(frozen=True)
class Example:
    """One operation with its example."""

    name: str
    method: str
    path: str
    body: Any
    responses: Mapping[str, Any]


def examples() -> Iterator[Example]:
    spec = json.loads((SPEC / "datafactory.json").read_text(encoding="utf-8"))
    for pattern, methods in spec["paths"].items():
        for method, operation in methods.items():
            body_name = next(
                (one["name"] for one in operation["parameters"] if one.get("in") == "body"), None
            )
            for place in (one["$ref"] for one in operation.get("x-ms-examples", {}).values()):
                file = SPEC / "examples" / Path(place).name
                found = json.loads(file.read_text(encoding="utf-8"))
                sent = found["parameters"]
                values = {**sent, "subscriptionId": SUBSCRIPTION, "resourceGroupName": "bikes"}
                path = re.sub(r"\{(\w+)\}", lambda at, by=values: str(by.get(at[1], at[1])), pattern)  # type: ignore[misc]
                body = sent.get(body_name) if body_name else None
                yield Example(file.stem, method.upper(), path, _adapted(body), found["responses"])


def _adapted(value: Any) -> Any:
    text = json.dumps(value).replace("12345678-1234-1234-1234-12345678abc", SUBSCRIPTION)
    return json.loads(text.replace("exampleResourceGroup", "bikes"))


def in_order(found: list[Example]) -> list[Example]:
    """First what makes, then what asks, then what unmakes, in an order that references allow."""

    def rank(one: Example) -> tuple[int, int]:
        if one.name in MADE:
            return 0, MADE.index(one.name)
        if one.method == "DELETE":
            family = one.name.split("_")[0]
            return 2, ENDING.index(family) if family in ENDING else 90 + (family == "Factories")
        return 1, 0

    return sorted(found, key=rank)


@pytest.mark.skipif(not CORPUS, reason="RECONCILER_CORPUS is not set")
def test_every_example_is_answered_as_documented_or_not_played(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that was made for the specification meets nothing else here."""
    arm = Arm(sandbox, "2018-06-01")
    base = f"{GROUP}/providers/Microsoft.DataFactory/factories/{NAME}"
    faults, equal, listed, left = [], 0, 0, 0
    run, used = "", set[int]()
    for one in in_order(list(examples())):
        if one.name == "DataFlows_Create":
            arm.call("PUT", f"{base}/linkedservices/other", {"properties": LINKED_SERVICE})
            for name in re.findall(r'"referenceName": "(Currency\w+|USD\w*|CAD\w*)"', json.dumps(one.body)):
                arm.call("PUT", f"{base}/datasets/{name}", {"properties": dataset("other")})
        if one.name == "IntegrationRuntimes_Start":
            arm.call("PUT", one.path.rsplit("/", 1)[0], {"properties": SSIS})
        path = re.sub(r"(?<=/pipelineruns/)[^/]+", run or "none", one.path)
        answer = arm.call(one.method, path, one.body)
        if one.name == "Pipelines_CreateRun":
            run = answer.json()["runId"]
        reason = next((why for name, why in NOT_PLAYED.items() if re.fullmatch(name, one.name)), None)
        if reason:
            left += 1
            if answer.status_code < 400:
                faults.append(f"{one.name}: {answer.status_code}, though it is not played: {reason}")
            continue
        documented = [int(code) for code in one.responses]
        if answer.status_code not in documented:
            faults.append(f"{one.name}: {answer.status_code} instead of {documented}: {answer.text[:300]}")
            continue
        wanted = one.responses[str(answer.status_code)].get("body")
        ours = answer.json() if answer.content else None
        found = list(differences(wanted or None, ours or None))
        equal, listed = equal + (not found), listed + bool(found)
        used |= {at for each in found for at, rule in enumerate(DIFFERENT) if applies(rule, one.name, each)}
        faults += [f"{one.name}: {each}" for each in found if not explained(one.name, each)]
    with capsys.disabled():
        print(f"\nspecification: {equal} equal, {listed} listed with a reason, {left} not played")
    assert not faults, "\n".join(faults)
    # A reason that explains nothing hides the next real difference.
    assert used == set(range(len(DIFFERENT)))


def explained(name: str, found: Difference) -> bool:
    return any(applies(rule, name, found) for rule in DIFFERENT)


def applies(rule: tuple[str, str, str], name: str, found: Difference) -> bool:
    return bool(re.fullmatch(rule[0], name) and re.fullmatch(rule[1], found.path))
