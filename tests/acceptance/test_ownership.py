"""What is ours is removed when Git drops it; what is not is never touched; nothing vanishes by accident."""

from __future__ import annotations

from pathlib import Path

import pytest
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
from support.sandbox import Sandbox

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
VERSION = "2023-01-31"


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    """Two identities and a storage account in the group `one`, applied."""
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(identity("first"), identity("second"), storage("ourstorage0001")))
    project.repository.commit({"environments/one.yaml": environment("one")})
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, applied.text
    return project


def test_a_resource_that_leaves_git_is_deleted_and_nothing_else(project: Project) -> None:
    azure = Azure()
    azure.call("PUT", group("one", f"{IDENTITY}/byhand"), VERSION, {"location": "westeurope"})
    project.write("arm/main.json", template(identity("first"), storage("ourstorage0001")))
    project.repository.commit()
    planned = project.run("plan", "one")
    assert [(c["key"], c["action"], c["cause"]) for c in planned.json["changes"]] == [
        ("arm.resource/one/Microsoft.ManagedIdentity%2FuserAssignedIdentities:second", "delete", "removed")
    ]
    assert planned.json["unmanaged"] == [
        "arm.resource/one/Microsoft.ManagedIdentity%2FuserAssignedIdentities:byhand"
    ]
    assert project.run("tick", "one").code == 0
    assert not azure.there(group("one", f"{IDENTITY}/second"), VERSION)
    assert azure.there(group("one", f"{IDENTITY}/byhand"), VERSION)
    assert azure.there(group("one", f"{IDENTITY}/first"), VERSION)


def test_a_protected_type_stays_until_a_commit_lets_it_go(project: Project) -> None:
    azure = Azure()
    project.write("arm/main.json", template(identity("first"), identity("second")))
    project.repository.commit()
    planned = project.run("plan", "one")
    assert [held["code"] for held in planned.json["blocked"]] == ["protected"]
    assert project.run("tick", "one").code == 0
    account = group("one", "Microsoft.Storage/storageAccounts/ourstorage0001")
    assert azure.there(account, "2023-05-01")
    policy = 'policy:\n  acknowledge: [{delete: "arm.resource/one/*ourstorage0001", until: 2999-12-31}]\n'
    project.repository.commit({"environments/one.yaml": environment("one", policy=policy)})
    assert project.run("tick", "one").code == 0
    assert not azure.there(account, "2023-05-01")


def test_what_exists_and_differs_is_not_taken_over(project: Project) -> None:
    azure = Azure()
    azure.call(
        "PUT", group("one", f"{IDENTITY}/third"), VERSION, {"location": "westeurope", "tags": {"a": "b"}}
    )
    project.write(
        "arm/main.json",
        template(identity("first"), identity("second"), storage("ourstorage0001"), identity("third", a="c")),
    )
    project.repository.commit()
    planned = project.run("plan", "one")
    assert planned.code == 2
    assert [(held["key"].split(":")[-1], held["code"]) for held in planned.json["blocked"]] == [
        ("third", "exists")
    ]
    assert project.run("tick", "one").json["calls"]["write"] == 0


def test_what_exists_and_is_the_same_is_adopted_without_a_write(project: Project) -> None:
    azure = Azure()
    azure.call(
        "PUT", group("one", f"{IDENTITY}/third"), VERSION, {"location": "westeurope", "tags": {"a": "b"}}
    )
    project.write(
        "arm/main.json",
        template(identity("first"), identity("second"), storage("ourstorage0001"), identity("third", a="b")),
    )
    project.repository.commit()
    planned = project.run("plan", "one")
    assert planned.code == 0, "a plan that only adopts has nothing to write"
    assert [(c["key"].split(":")[-1], c["action"]) for c in planned.json["changes"]] == [("third", "adopt")]
    done = project.run("tick", "one")
    assert (done.code, done.json["calls"]["write"]) == (0, 0)
    assert project.run("plan", "one").json["changes"] == []


def test_a_section_that_disappears_deletes_nothing(project: Project) -> None:
    text = environment("one").split("  deployments:")[0]
    project.repository.commit(
        {"environments/one.yaml": text.replace("resourceGroup: one", "resourceGroup: two")}
    )
    planned = project.run("plan", "one")
    runs = [c["action"] for c in planned.json["changes"] if "blocked" not in c]
    assert (runs, len(planned.json["orphaned"])) == (["create"], 3), "the new group, and nothing of the old"
    project.repository.commit({"environments/one.yaml": "apiVersion: reconciler/v1\nname: one\n"})
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"]) == (0, []), planned.text
    assert len(planned.json["orphaned"]) == 4


def test_a_file_that_disappears_deletes_nothing_and_destroy_keeps_the_protected(project: Project) -> None:
    azure = Azure()
    azure.call("PUT", group("one", f"{IDENTITY}/byhand"), VERSION, {"location": "westeurope"})
    project.repository.git("rm", "-q", "environments/one.yaml")
    project.repository.commit({"environments/other.yaml": environment("other")})
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"], len(planned.json["orphaned"])) == (0, [], 4)
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["outcomes"]) == (0, [])
    assert azure.there(group("one", f"{IDENTITY}/first"), VERSION)
    destroyed = project.run("destroy", "one", "--yes")
    assert destroyed.code == 0, destroyed.text
    gone = [outcome["key"].split(":")[-1] for outcome in destroyed.json["outcomes"]]
    assert sorted(gone) == ["first", "second"]
    assert {
        held["key"].split(":")[-1].split("/")[-1]: held["code"] for held in destroyed.json["blocked"]
    } == {
        "ourstorage0001": "protected",
        "one": "kept",
    }
    assert azure.there(group("one", f"{IDENTITY}/byhand"), VERSION)
    assert not azure.there(group("one", f"{IDENTITY}/first"), VERSION)


def test_more_deletes_than_the_limit_are_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(*(identity(f"id{n}") for n in range(8))))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("apply", "one", "--yes").code == 0
    project.write("arm/main.json", template(identity("id0"), identity("id1")))
    project.repository.commit()
    assert "6" in project.run("plan", "one").json["unsafe"]
    refused = project.run("apply", "one", "--yes")
    assert (refused.code, refused.json["error"]["code"]) == (1, "plan-unsafe")
    assert Azure().there(group("one", f"{IDENTITY}/id7"), VERSION)
    assert project.run("apply", "one", "--yes", "--allow-destructive").code == 0
    assert not Azure().there(group("one", f"{IDENTITY}/id7"), VERSION)


def test_another_subscription_is_no_reason_to_forget_the_first(project: Project, sandbox: Sandbox) -> None:
    """The same names in another subscription are other resources: what is recorded would be lost."""
    sandbox.advance("PT30M")
    elsewhere = environment("one").replace(SUBSCRIPTION, "00000000-0000-0000-0000-000000000002")
    project.repository.commit({"environments/one.yaml": elsewhere})
    ticked = project.run("tick", "one")
    codes = {
        held["key"].split(":")[-1]: held["code"] for held in ticked.json["blocked"] if ":" in held["key"]
    }
    assert codes == dict.fromkeys(("first", "second", "ourstorage0001"), "moved"), ticked.text
    assert [o["key"] for o in ticked.json["outcomes"] if o["key"].startswith("arm.resource")] == []
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("tick", "one").code == 0
    assert project.run("plan", "one").json["summary"]["unchanged"] == 4


def test_groups_that_a_template_made_are_orphaned_with_their_deployments(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """A subscription's deployment makes groups: without any deployment in Git they stay, like resources."""
    project = empty(tmp_path, sandbox)
    made = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2024-11-01",
        "name": "made",
        "location": "westeurope",
    }
    schema = "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
    project.write("arm/main.json", {**template(made), "$schema": schema})
    text = environment("one").replace(
        "template: arm/main.json", "scope: subscription, template: arm/main.json"
    )
    project.repository.commit({"environments/one.yaml": text})
    assert project.run("tick", "one").code == 0
    project.repository.commit({"environments/one.yaml": text.split("  deployments:")[0]})
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["calls"]["write"]) == (0, 0)
    assert [key.rsplit("/", 1)[1] for key in ticked.json["orphaned"]] == ["made"]
    assert Azure().there(group("made"), "2024-11-01")
