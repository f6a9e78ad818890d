"""Recorded calls to ARM itself, sent again: the sandbox's status and shape against Azure's.

A cassette is played from its beginning on an empty sandbox, with what other services did in it, so that its
calls find what they found in Azure. Only the calls to Microsoft.Resources and Microsoft.Authorization are
compared.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from support.arm_calls import ARM, SUBSCRIPTION, Caller, sign_in
from support.sandbox import Sandbox

RECORDED = "00000000-0000-0000-0000-000000000000"
OWN = ("resources", "authorization")
GROUP = re.compile(rf"{ARM}/subscriptions/[^/]+/resourcegroups/([^/?]+)", re.IGNORECASE)
ONLY_GROUP = re.compile(rf"{GROUP.pattern}(\?|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Reason:
    """Why calls that match `call` ("METHOD path") may differ in what matches `difference`."""

    call: str
    difference: str
    why: str


REASONS = (
    # Not played: answered 501, or not there because what makes it is not played.
    Reason(
        r".*/(deploymentStacks|deploymentStackOperation\w+)/",
        r"status .*",
        "deployment stacks are not played",
    ),
    Reason(r".*/templateSpecs/", r"status .*|.*", "template specs are kept as sent, without rules"),
    Reason(
        r".*/managementGroups/|.* /providers/Microsoft.Resources/operationResults",
        r"status .*",
        "management groups are not played",
    ),
    Reason(r".*/providers/Microsoft.Resources/links", r"status .*", "resource links are not played"),
    Reason(r".*/deploymentScripts/", r"status .*", "deployment scripts would have to run"),
    Reason(
        r"GET /providers/Microsoft.Authorization/policySetDefinitions/",
        r"status .*",
        "Azure's own policies are not played",
    ),
    Reason(
        r"POST .*/(exportTemplate|moveResources)",
        r"status \d+->501.*",
        "exporting and moving a group is not played",
    ),
    Reason(r".*/operationresults/", r"status \d+->404.*", "the operation's start is not played, see above"),
    Reason(
        r"\w+ /subscriptions/S/providers/Microsoft.Resources/deployments/pytestlinked",
        r"status .*",
        "linked templates are not fetched",
    ),
    Reason(
        r"\w+ .*/cli_test_deployment_what_if_template_specs000001/.*",
        r"status .*",
        "deploys from a template spec",
    ),
    Reason(
        r"GET .*/deployments/",
        r"[+-](\.value\[\])?\.properties\.outputs\.\w+\.value\..*",
        "the output is a resource of a type without rules, or of another version",
    ),
    Reason(
        r"POST .*/deployments/pytestdeployment\w+/(whatIf|validate)",
        r"status .*",
        "linked templates are not fetched",
    ),
    # Time.
    Reason(
        r"GET .*/resourceGroups/asotest-rg-qlzrip",
        r"status 200->404.*",
        "Azure was still deleting the group; here it is gone",
    ),
    Reason(
        r"GET /subscriptions/S/resourcegroups/cli_rg_nowait_test",
        r"status 200->404.*",
        "Azure was still deleting the group; here it is gone",
    ),
    Reason(
        r"GET .*/operationresults/", r"status 202->204.*", "Azure was still at work; here it is done at once"
    ),
    Reason(
        r"GET .*/operationresults/", r"status 202->200.*", "Azure was still at work; here it is done at once"
    ),
    Reason(
        r"POST .*/deployments/\w[^/]*/cancel", r"status 204->409.*", "the deployment has ended here by then"
    ),
    Reason(
        r"GET .*/deployments/mock-deployment(/operationStatuses/.*)?",
        r"[+-]\.(properties\.(outputs|outputResources|error|duration)|error).*",
        "Azure was still at work, or was cancelled; here the deployment has ended",
    ),
    # Names that the recorder replaced.
    Reason(
        r"PUT .*/deployments/mock-deployment",
        r"status 201->200.*",
        "all deployments of a cassette were renamed to one",
    ),
    Reason(r"\w+ .*/deployments/[^/]+/operations/", r"status 200->404.*", "ids of operations differ"),
    # The recorder's own subscription and the age of the recording.
    Reason(
        r"GET /subscriptions/S/resourcegroups",
        r"\+\.value\[\]\.tags",
        "another group comes first in the list",
    ),
    Reason(
        r"GET /subscriptions/S/providers/Microsoft.Resources",
        r"-\.authorizations",
        "ids of Azure's own applications",
    ),
    Reason(r"GET /subscriptions/S/resources", r"-\.nextLink", "Azure offers a next page that is empty"),
    Reason(
        r".*/operations", r"\+\.value\[\]\.properties\.serviceRequestId", "shown for some operations only"
    ),
    Reason(r"POST .*/deployments/[^/]+/validate", r"status 202->200.*", "validation is answered at once"),
    Reason(
        r"GET .*/operationresults/",
        r"-\.properties\.changes\[\]\.(before|after)\.properties\.(allowBlobPublicAccess|minimumTlsVersion)",
        "defaults of storage accounts vary",
    ),
)


def cassettes() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    corpus = os.environ.get("RECONCILER_CORPUS")
    if not corpus:
        pytest.skip("RECONCILER_CORPUS is not set: no recorded traffic to replay")
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in sorted((Path(corpus) / "recordings" / "exchanges").glob("*.jsonl")):
        for line in file.read_text().splitlines():
            call = json.loads(line)
            if call["url"].startswith(ARM):
                found[call["source"]].append({**call, "service": file.stem})
    for source, calls in sorted(found.items()):
        if any(call["service"] in OWN for call in calls):
            yield source, sorted(calls, key=lambda call: int(call["seq"]))


class Player:
    """Plays one cassette; knows which of our addresses stands for which recorded one."""

    def __init__(self, caller: Caller, calls: list[dict[str, Any]]) -> None:
        self.caller = caller
        self.shown: dict[str, dict[str, Any]] = {}
        for call in calls:
            found = ONLY_GROUP.match(call["url"])
            if found and call["method"] == "GET" and call["status"] == 200:
                self.shown.setdefault(found[1].lower(), call["response_body"])
        self.addresses: dict[str, str] = {}
        self.groups: set[str] = set()

    def play(self, call: dict[str, Any]) -> requests.Response:
        url = call["url"].replace(RECORDED, SUBSCRIPTION)
        self._prepare(call, url)
        url = self.addresses.get(_key(url), url)
        body = call["request_body"]
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        data = text.replace(RECORDED, SUBSCRIPTION).encode() if text else None
        headers = {"Content-Type": "application/json"}
        answer = self.caller.session.request(call["method"], url, data=data, headers=headers, timeout=30)
        for name in ("location", "azure-asyncoperation"):
            recorded, ours = call["response_headers"].get(name), answer.headers.get(name)
            if isinstance(recorded, str) and ours:
                key = _key(recorded.replace(RECORDED, SUBSCRIPTION))
                self.addresses[key] = ours
                # The recorder replaced the names of deployments in requests, but not in headers.
                self.addresses[re.sub(r"/deployments/[^/]+/", "/deployments/mock-deployment/", key)] = ours
        return answer

    def _prepare(self, call: dict[str, Any], url: str) -> None:
        """Make the group that the cassette takes for granted."""
        found = GROUP.match(url)
        if not found:
            return
        name, only = found[1].lower(), ONLY_GROUP.match(url) is not None
        if only and call["method"] == "PUT":
            self.groups.add(name)
        if name in self.groups or call["status"] == 404:
            return
        self.groups.add(name)
        shown = self.shown.get(name, {})
        group = {"location": shown.get("location") or "westus", "tags": shown.get("tags")}
        self.caller("PUT", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{found[1]}", group, "2021-04-01")


def _key(url: str) -> str:
    return url.split("?")[0].lower()


def differences(call: dict[str, Any], answer: requests.Response) -> list[str]:
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        body = answer.text
    if answer.status_code != call["status"]:
        error = body.get("error") if isinstance(body, dict) else None
        return [f"status {call['status']}->{answer.status_code} {(error or {}).get('code', '')}"]
    return list(_compare(call["response_body"], body, ""))


def _compare(recorded: Any, ours: Any, path: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        if path.endswith((".tags", ".userAssignedIdentities")):
            return
        for name in recorded.keys() | ours.keys():
            if name not in ours:
                yield f"-{path}.{name}"
            elif name not in recorded:
                yield f"+{path}.{name}"
            else:
                yield from _compare(recorded[name], ours[name], f"{path}.{name}")
        if path.endswith("error") and recorded.get("code") != ours.get("code"):
            yield f"~{path}.code {recorded.get('code')}->{ours.get('code')}"
    elif isinstance(recorded, list) and isinstance(ours, list):
        if recorded and ours:
            yield from _compare(recorded[0], ours[0], f"{path}[]")
    elif _kind(recorded) != _kind(ours):
        yield f"~{path} {_kind(recorded)}->{_kind(ours)}"


def _kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def test_recorded_calls_to_arm_are_answered_alike(sandbox: Sandbox) -> None:
    """Every difference has a reason in the table, every reason is needed."""
    caller, totals, used = sign_in(), Counter[str](), Counter[Reason]()
    unexplained = []
    for source, calls in cassettes():
        sandbox.reset()
        player = Player(caller, calls)
        for call in calls:
            answer = player.play(call)
            if call["service"] not in OWN:
                continue
            totals["replayed"] += 1
            found = differences(call, answer)
            path = re.sub(rf"{RECORDED}", "S", call["url"].split("?")[0]).removeprefix(ARM)
            line = f"{call['method']} {path}"
            reasons = [_reason(line, one) for one in found]
            if None in reasons:
                unexplained.append(f"{source}#{call['seq']}: {line}: {found}")
            used.update({one for one in reasons if one})
            totals["listed" if found else "equal"] += 1
    print(f"\nreplayed {totals['replayed']}, equal {totals['equal']}, with a reason {totals['listed']}")
    for reason, count in used.most_common():
        print(f"  {count:4} {reason.why}: {reason.call}")
    assert unexplained == [], "\n".join(unexplained)
    assert [one for one in REASONS if one not in used] == [], "reasons that nothing needs"
    assert totals["equal"] > totals["listed"], "most answers are alike"


def _reason(line: str, difference: str) -> Reason | None:
    for reason in REASONS:
        if re.match(reason.call, line, re.IGNORECASE) and re.fullmatch(reason.difference, difference):
            return reason
    return None
