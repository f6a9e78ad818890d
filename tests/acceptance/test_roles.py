"""A role assignment that somebody made under another name is what is wanted: it is adopted, not fought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.project import SUBSCRIPTION, Azure, empty, environment, group, identity, template
from support.sandbox import Sandbox

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
THEIRS = "22222222-2222-2222-2222-222222222222"


def assignment(name: str, principal: str) -> dict[str, Any]:
    return {
        "type": ASSIGNMENT,
        "apiVersion": "2022-04-01",
        "name": name,
        "properties": {
            "roleDefinitionId": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"
            f"/roleDefinitions/{READER}",
            "principalId": principal,
            "principalType": "ServicePrincipal",
        },
    }


def test_an_assignment_under_another_name_is_adopted_and_kept_in_line(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(identity("who")))
    project.repository.commit({"environments/one.yaml": environment("one")})
    assert project.run("apply", "one", "--yes").code == 0
    azure = Azure()
    who = azure.get(group("one", "Microsoft.ManagedIdentity/userAssignedIdentities/who"), "2023-01-31")
    principal = who["properties"]["principalId"]
    made = assignment(THEIRS, principal)["properties"]
    azure.call("PUT", group("one", f"{ASSIGNMENT}/{THEIRS}"), "2022-04-01", {"properties": made})
    ours = assignment("33333333-3333-3333-3333-333333333333", principal)
    project.write("arm/main.json", template(identity("who"), ours))
    project.repository.commit()
    planned = project.run("plan", "one")
    assert [change["action"] for change in planned.json["changes"]] == ["adopt"], planned.text
    ticked = project.run("tick", "one")
    assert (ticked.code, ticked.json["calls"]["write"]) == (0, 0)
    assert project.run("plan", "one").json["changes"] == []
    described = {**ours, "properties": {**ours["properties"], "description": "by Git"}}
    project.write("arm/main.json", template(identity("who"), described))
    project.repository.commit()
    ticked = project.run("tick", "one")
    assert (ticked.code, [o["result"] for o in ticked.json["outcomes"]]) == (0, ["done"]), ticked.text
    found = azure.get(group("one", f"{ASSIGNMENT}/{THEIRS}"), "2022-04-01")
    assert found["properties"]["description"] == "by Git", "it is written under the name that it has"
    assert project.run("plan", "one").json["changes"] == []
    project.write("arm/main.json", template(identity("who")))
    project.repository.commit()
    assert project.run("tick", "one").code == 0
    assert not azure.there(group("one", f"{ASSIGNMENT}/{THEIRS}"), "2022-04-01")
