"""A delete removes what the plan named, and nothing that stands in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import workspaces
from support.project import Azure, Project, empty, environment, group, identity, template
from support.sandbox import Sandbox

from reconciler import settings
from reconciler.tick import Planned

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
BY_HAND = group("one", f"{IDENTITY}/byhand")
VERSION = "2023-01-31"
NETWORK = "Microsoft.Network/virtualNetworks"
NETWORKS = "2023-09-01"


def made(folder: Path, sandbox: Sandbox, *resources: dict[str, Any], policy: str = "") -> Project:
    project = empty(folder, sandbox)
    project.write("arm/main.json", template(*resources))
    project.repository.commit({"environments/one.yaml": environment("one", policy=policy)})
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, applied.text
    return project


def by_hand(azure: Azure) -> None:
    azure.call("PUT", BY_HAND, VERSION, {"location": "westeurope"})


def test_a_group_whose_content_cannot_be_listed_is_not_deleted(tmp_path: Path, sandbox: Sandbox) -> None:
    project = made(tmp_path, sandbox, identity("first"))
    azure = Azure()
    by_hand(azure)
    listing = {"method": "GET", "path": "*/resourceGroups/one/resources"}
    sandbox.fault("status", match=listing, times=0, status=403, code="AuthorizationFailed", message="no list")
    project.run("destroy", "one", "--yes")
    assert not [w for w in sandbox.writes() if w["method"] == "DELETE" and w["path"].endswith("Groups/one")]
    assert azure.there(BY_HAND, VERSION)


def test_what_is_made_in_a_group_after_its_delete_was_planned_survives(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    project = made(tmp_path, sandbox, identity("first"))
    azure = Azure()

    def meanwhile(planned: Planned) -> bool:
        assert [change.key.kind for change in planned.plan.changes] == ["arm.resource", "arm.group"]
        by_hand(azure)
        return True

    place = {"repository": str(project.repository.path), "state": str(project.state)}
    tick = settings.engine(replace(settings.read(), **place)).destroy("one", confirm=meanwhile)
    assert [(o.key.kind, o.result.value) for o in tick.outcomes] == [
        ("arm.resource", "done"),
        ("arm.group", "pending"),
    ]
    assert "byhand" in tick.outcomes[1].error
    again = project.run("destroy", "one", "--yes")
    assert (again.code, [held["code"] for held in again.json["blocked"]]) == (0, ["kept"]), again.text
    assert azure.there(BY_HAND, VERSION)


def network() -> dict[str, Any]:
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    return {
        "type": NETWORK,
        "apiVersion": NETWORKS,
        "name": "net",
        "location": "westeurope",
        "properties": space,
    }


def subnet(**more: Any) -> dict[str, Any]:
    """A part of the network that is a resource of its own."""
    prefix = {"addressPrefix": "10.0.1.0/24"}
    return {
        "type": f"{NETWORK}/subnets",
        "apiVersion": NETWORKS,
        "name": "net/part",
        "properties": prefix,
        **more,
    }


@pytest.mark.parametrize("verb", ["tick", "destroy"])
def test_what_holds_a_protected_part_stays_with_it(tmp_path: Path, sandbox: Sandbox, verb: str) -> None:
    policy = f"policy:\n  protect: [{NETWORK}/subnets]\n"
    needs = [f"[resourceId('{NETWORK}', 'net')]"]
    project = made(tmp_path, sandbox, identity("first"), network(), subnet(dependsOn=needs), policy=policy)
    project.write("arm/main.json", template(identity("first")))
    project.repository.commit()
    done = project.run(verb, "one", *(["--yes"] if verb == "destroy" else []))
    held = {h["key"].split(":")[-1]: h["code"] for h in done.json["blocked"] if ":" in h["key"]}
    assert held == {"net%2Fpart": "protected", "net": "kept"}, done.text
    assert Azure().there(group("one", f"{NETWORK}/net/subnets/part"), NETWORKS)


VAULT = "Microsoft.KeyVault/vaults"
VAULTS = "2023-07-01"


def vault() -> tuple[dict[str, Any], dict[str, Any]]:
    """A vault and a secret in it, which Azure Resource Manager makes and cannot delete."""
    said = {"tenantId": "00000000-0000-0000-0000-00000000000a", "sku": {"family": "A", "name": "standard"}}
    kv = {"type": VAULT, "apiVersion": VAULTS, "name": "deletes-kv", "location": "westeurope"}
    token = {"type": f"{VAULT}/secrets", "apiVersion": VAULTS, "name": "deletes-kv/token"}
    return (
        {**kv, "properties": {**said, "enableRbacAuthorization": True}},
        {**token, "dependsOn": [f"[resourceId('{VAULT}', 'deletes-kv')]"], "properties": {"value": "x"}},
    )


def test_a_secret_that_cannot_be_deleted_alone_goes_with_its_vault(tmp_path: Path, sandbox: Sandbox) -> None:
    """Taken out of the template alone it is left and told; with its vault it does not stand in the way."""
    kv, token = vault()
    project = made(tmp_path, sandbox, kv, token, policy="policy: {protect: []}\n")
    project.write("arm/main.json", template(kv))
    project.repository.commit()
    since = len(sandbox.writes())
    alone = project.run("tick", "one")
    assert (alone.code, [h["code"] for h in alone.json["blocked"]]) == (0, ["kept"]), alone.text
    assert "delete it in the vault" in alone.json["blocked"][0]["reason"]
    assert sandbox.writes()[since:] == []
    done = project.run("destroy", "one", "--yes")
    assert (done.code, done.json["result"], done.json["blocked"]) == (0, "done", []), done.text
    assert [w["path"].rsplit("/", 1)[1] for w in sandbox.writes()[since:]] == ["deletes-kv", "one"]
    assert not Azure().there(group("one"), "2024-11-01")


def test_what_was_only_observed_is_not_deleted_when_git_drops_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """Somebody else's resource is watched for a while; then the watch ends, by one commit."""
    project = made(tmp_path, sandbox, identity("first"))
    azure = Azure()
    by_hand(azure)
    project.write("arm/main.json", template(identity("first"), identity("byhand")))
    watch = 'policy:\n  observe: ["arm.resource/*byhand"]\n'
    project.repository.commit({"environments/one.yaml": environment("one", policy=watch)})
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["changes"], ticked.json["blocked"]) == (0, [], []), ticked.text
    azure.call("PUT", BY_HAND, VERSION, {"location": "westeurope", "tags": {"a": "b"}})
    project.write("arm/main.json", template(identity("first"), identity("byhand", a="c")))
    project.repository.commit()
    assert [held["code"] for held in project.run("plan", "one").json["blocked"]] == ["observed"]
    project.write("arm/main.json", template(identity("first")))
    project.repository.commit({"environments/one.yaml": environment("one")})
    dropped = project.run("tick", "one")
    assert (dropped.code, dropped.json["changes"], len(dropped.json["unmanaged"])) == (0, [], 1)
    assert azure.there(BY_HAND, VERSION)


def test_a_workspace_with_something_made_by_hand_in_it_is_not_destroyed(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """It would take along what people keep beside ours; also when nothing of ours is left there."""
    made = workspaces.project(tmp_path, sandbox)
    made.repository.commit({"notebooks/a.py": workspaces.notebook()})
    assert made.run("tick", "one").code == 0
    client = workspaces.person(sandbox)
    workspaces.write(client, f"{workspaces.FOLDER}/theirs", "print('theirs')")
    for _ in range(2):
        done = made.run("destroy", "one", "--yes")
        assert "kept" in {held["code"] for held in done.json["blocked"]}, done.text
        assert "theirs" in workspaces.text_of(client, f"{workspaces.FOLDER}/theirs")
        sandbox.advance("PT10M")
