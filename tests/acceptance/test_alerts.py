"""Drift, its author and its end reach a receiver on loopback, each once, from real ticks against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from support.project import (
    SUBSCRIPTION,
    Azure,
    Project,
    empty,
    environment,
    group,
    identity,
    storage,
    template,
)
from support.receivers import Hook, hook
from support.sandbox import Sandbox

from reconciler import redaction, settings
from reconciler.tick import Tick

ALERTS = 'alerts: [{to: "${env:HOOK}"}]\n'

ACCOUNT = "Microsoft.Storage/storageAccounts/ourstorage0001"
KEY = "arm.resource/one/Microsoft.Storage%2FstorageAccounts:ourstorage0001"
WEAKER = {"properties": {"minimumTlsVersion": "TLS1_0"}}
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
TENANT = "00000000-0000-0000-0000-00000000000a"


@dataclass
class Person:
    """Somebody who is not the reconciler, and may change what is in one group."""

    name: str
    client: ResourceManagementClient

    @classmethod
    def of(cls, sandbox: Sandbox, name: str) -> Person:
        made = sandbox.control("POST", "identities", {"name": name, "secret": "for the test"})
        definition = (
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
        )
        assignment = f"Microsoft.Authorization/roleAssignments/{uuid5(NAMESPACE_OID, name)}"
        body = {"roleDefinitionId": definition, "principalId": made["objectId"]}
        Azure().call("PUT", group("one", assignment), "2022-04-01", {"properties": body})
        credential = ClientSecretCredential(TENANT, made["clientId"], "for the test")
        return cls(name, ResourceManagementClient(credential, SUBSCRIPTION))

    def patch(self, body: dict[str, Any]) -> None:
        url = f"https://management.azure.com{group('one', ACCOUNT)}?api-version=2023-05-01"
        assert self.client.send_request(HttpRequest("PATCH", url, json=body)).status_code == 200


@dataclass
class Watched:
    """An environment whose alerts go to one receiver."""

    project: Project
    site: Hook

    def tick(self) -> Tick:
        """One tick, which tells what is new."""
        environ = {"HOOK": f"{self.site.url}/hook", "RECONCILER_SECRETS": "HOOK"}
        place = {
            "RECONCILER_REPO": str(self.project.repository.path),
            "RECONCILER_STATE": str(self.project.state),
        }
        return settings.engine(settings.read({**environ, **place})).tick("one")

    def until_done(self, sandbox: Sandbox) -> None:
        """Ticks, two minutes apart, until Azure shows all that was written."""
        for _ in range(10):
            if self.tick().result == "done":
                return
            sandbox.advance("PT2M")
        raise AssertionError("it does not converge")


@pytest.fixture
def site() -> Iterator[Hook]:
    with hook() as one:
        yield one
    redaction.forget()


def watched(folder: Path, sandbox: Sandbox, site: Hook, policy: str) -> Watched:
    project = empty(folder, sandbox)
    project.write("arm/main.json", template(identity("first"), storage("ourstorage0001")))
    project.repository.commit({"environments/one.yaml": environment("one", policy=policy, more=ALERTS)})
    return Watched(project, site)


def test_the_same_drift_is_one_alert_one_follow_up_and_one_end(
    tmp_path: Path, sandbox_lag: Sandbox, site: Hook
) -> None:
    """Report only, ten ticks; the activity log is late, so who it was follows; our own writes are nobody."""
    one = watched(tmp_path, sandbox_lag, site, "policy: {heal: false}\n")
    one.until_done(sandbox_lag)
    sandbox_lag.advance("PT10M")
    assert one.tick().result == "done" and site.got == [], "a deployment is no news"
    person = Person.of(sandbox_lag, "ann")
    sandbox_lag.advance("PT5M")
    person.patch(WEAKER)
    sandbox_lag.advance("PT1M")
    for _ in range(10):
        assert one.tick().result == "done"
        sandbox_lag.advance("PT2M")
    assert site.types == ["drift.appeared", "drift.explained"]
    first, second = site.got
    assert (first["subject"], first["data"]["fields"]) == (KEY, ["properties.minimumTlsVersion"])
    assert first["data"]["who"] == "pending" and "reconciler plan one" in first["data"]["message"]
    assert (second["data"]["who"], second["data"]["of"]) == ("ann", first["id"])
    assert datetime.fromisoformat(second["data"]["when"]) < datetime.fromisoformat(first["data"]["since"])

    one.project.repository.commit(
        {"environments/one.yaml": environment("one", policy="policy: {heal: true}\n", more=ALERTS)}
    )
    one.until_done(sandbox_lag)
    assert site.types[2:] == ["drift.gone"]
    gone = site.got[2]["data"]
    assert (gone["who"], gone["of"]) == ("ann", first["id"])
    sandbox_lag.advance("PT1H")
    assert one.tick().result == "done" and len(site.got) == 3


def test_drift_that_is_put_back_at_once_is_one_alert_with_its_author(
    tmp_path: Path, sandbox: Sandbox, site: Hook
) -> None:
    """The heal itself is in the activity log too, after the edit: it is ours and left out."""
    one = watched(tmp_path, sandbox, site, "")
    assert one.tick().result == "done"
    Person.of(sandbox, "ann").patch(WEAKER)
    sandbox.advance("PT1M")
    assert one.tick().result == "done"
    (fact,) = site.got
    assert (fact["type"], fact["data"]["who"]) == ("reconciler.drift.healed", "ann")
    assert one.tick().result == "done" and len(site.got) == 1


def test_what_our_own_identity_did_has_no_author(tmp_path: Path, sandbox: Sandbox, site: Hook) -> None:
    """Another tool under the same identity cannot be told from us: nobody is named, and it is given up."""
    one = watched(tmp_path, sandbox, site, "policy: {heal: false}\n")
    assert one.tick().result == "done"
    Azure().call("PATCH", group("one", ACCOUNT), "2023-05-01", WEAKER)
    for _ in range(3):
        assert one.tick().result == "done"
        sandbox.advance("PT20M")
    assert site.types == ["drift.appeared"]
    calls = [entry for entry in sandbox.journal() if entry["path"].endswith("/management/values")]
    assert one.tick().result == "done"
    later = [entry for entry in sandbox.journal() if entry["path"].endswith("/management/values")]
    assert calls and len(later) == len(calls), "after half an hour nobody is looked for"


def test_a_write_that_is_refused_is_told_and_its_recovery_too(
    tmp_path: Path, sandbox: Sandbox, site: Hook
) -> None:
    """A policy stands in the way of one commit; the next try succeeds."""
    one = watched(tmp_path, sandbox, site, "")
    assert one.tick().result == "done"
    refused = {"method": "PUT", "path": "*/Microsoft.Resources/deployments/*"}
    code = "RequestDisallowedByPolicy"
    sandbox.fault("status", match=refused, times=0, status=403, code=code, message="not like this")
    changed = storage("ourstorage0001", allowBlobPublicAccess=True)
    one.project.write("arm/main.json", template(identity("first"), changed))
    one.project.repository.commit()
    assert one.tick().result == "failed"
    assert site.types == ["apply.failed"]
    fact = site.got[0]
    assert (fact["subject"], fact["data"]["code"]) == (KEY, code)
    assert "not like this" in fact["data"]["message"]
    assert one.tick().result == "failed" and len(site.got) == 1
    sandbox.control("DELETE", "faults")
    one.project.repository.commit({"again.txt": "a commit is tried at once"})
    assert one.tick().result == "done"
    assert site.types == ["apply.failed", "recovered"]
