"""Azure replaces a resource by what is PUT: what a write would lose is told, and kept unless the policy says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.project import Azure, Project, empty, environment, group, template
from support.sandbox import Sandbox

VAULT = "Microsoft.KeyVault/vaults"
NETWORK = "Microsoft.Network/virtualNetworks"
OURS = "00000000-0000-0000-0000-0000000000aa"
THEIRS = "00000000-0000-0000-0000-0000000000bb"
TENANT = "00000000-0000-0000-0000-00000000000a"


def grant(object_id: str) -> dict[str, Any]:
    return {"tenantId": TENANT, "objectId": object_id, "permissions": {"secrets": ["get"]}}


def vault(**tags: str) -> dict[str, Any]:
    return {
        "type": VAULT,
        "apiVersion": "2023-07-01",
        "name": "resets-kv",
        "location": "westeurope",
        "tags": tags,
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [grant(OURS)],
        },
    }


def network(**tags: str) -> dict[str, Any]:
    return {
        "type": NETWORK,
        "apiVersion": "2023-09-01",
        "name": "resets-net",
        "location": "westeurope",
        "tags": tags,
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
    }


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    """A vault and a network, applied; then somebody adds an access policy and a subnet."""
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(vault(), network()))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("apply", "one", "--yes").code == 0
    azure = Azure()
    added = {"properties": {"accessPolicies": [grant(THEIRS)]}}
    azure.call("PUT", group("one", f"{VAULT}/resets-kv/accessPolicies/add"), "2023-07-01", added)
    subnet = {"properties": {"addressPrefix": "10.0.1.0/24"}}
    azure.call("PUT", group("one", f"{NETWORK}/resets-net/subnets/theirs"), "2023-09-01", subnet)
    return project


def changed(project: Project) -> None:
    project.write("arm/main.json", template(vault(team="data"), network(team="data")))
    project.repository.commit()


def test_what_a_write_would_lose_is_told(project: Project) -> None:
    """The vault's and the network's own change is planned, with what somebody added beside it."""
    changed(project)
    planned = project.run("plan", "one")
    resets = {c["key"].rsplit(":", 1)[1]: [r["path"] for r in c["resets"]] for c in planned.json["changes"]}
    assert len(resets["resets-kv"]) == len(resets["resets-net"]) == 1, resets
    assert resets["resets-kv"][0].startswith("properties.accessPolicies[")
    assert THEIRS in resets["resets-kv"][0]
    assert resets["resets-net"][0].startswith("properties.subnets")


def test_block_writes_nothing(project: Project, sandbox: Sandbox) -> None:
    changed(project)
    planned = project.run("plan", "one")
    assert planned.code == 2
    assert {held["code"] for held in planned.json["blocked"]} == {"resets"}
    at = len(sandbox.journal())
    ticked = project.run("tick", "one")
    assert ticked.code == 0
    assert [entry for entry in sandbox.journal()[at:] if entry["write"]] == []
    live = Azure().get(group("one", f"{VAULT}/resets-kv"), "2023-07-01")
    assert {p["objectId"] for p in live["properties"]["accessPolicies"]} == {OURS, THEIRS}


def test_allow_writes_and_resets(project: Project) -> None:
    changed(project)
    project.repository.commit(
        {"environments/one.yaml": environment("one", policy="policy: {resets: allow}\n")}
    )
    assert project.run("tick", "one").code == 0
    live = Azure().get(group("one", f"{VAULT}/resets-kv"), "2023-07-01")
    assert {p["objectId"] for p in live["properties"]["accessPolicies"]} == {OURS}
    assert live["tags"]["team"] == "data"
    assert project.run("plan", "one").json["changes"] == []


def test_healing_one_tag_writes_one_resource(project: Project, sandbox: Sandbox) -> None:
    """A group of many resources: one tag moves, one resource is in the deployment."""
    policy = "policy: {resets: allow}\n"
    project.write("arm/main.json", template(vault(team="data"), network(team="data")))
    project.repository.commit({"environments/one.yaml": environment("one", policy=policy)})
    assert project.run("tick", "one").code == 0
    azure = Azure()
    azure.call("PATCH", group("one", f"{NETWORK}/resets-net"), "2023-09-01", {"tags": {"team": "other"}})
    at = len(sandbox.journal())
    planned = project.run("plan", "one")
    assert [[f["path"] for f in c["fields"]] for c in planned.json["changes"]] == [["tags.team"]]
    assert project.run("tick", "one").code == 0
    writes = [entry for entry in sandbox.journal()[at:] if entry["write"]]
    assert [entry["method"] for entry in writes] == ["PUT"]
    deployed = azure.get(writes[0]["path"], "2025-04-01")["properties"]["outputResources"]
    assert [found["id"].rsplit("/", 1)[1] for found in deployed] == ["resets-net"]
