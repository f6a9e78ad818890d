"""The doctor's pure part: what permissions grant, and which rights an environment needs."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reconciler import desired as desired_
from reconciler import environment as environment_
from reconciler.doctor import RIGHTS, Need, assignable, grants, needed
from reconciler.doctor.rights import additional
from reconciler.planner import policy_of
from reconciler.referring import Facts

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 22)
READER, OWNER = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ROLE = "Microsoft.Authorization/roleAssignments:RoleDefinitionId"


@cache
def of_sample(name: str) -> tuple[Need, ...]:
    environment = environment_.load(ROOT, name)
    facts = Facts(identity=READER, tenant=OWNER, key=b"k" * 32)
    desired = desired_.build(environment, ROOT, facts)
    return needed(environment, desired, policy_of(environment, 0), TODAY)


def of_project(folder: Path, text: str, *resources: dict[str, Any]) -> set[str]:
    """The actions that an environment with a template of these resources needs."""
    for name in ("environments", "arm"):
        (folder / name).mkdir()
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    template = {"$schema": schema, "contentVersion": "1.0.0.0", "resources": list(resources)}
    (folder / "arm/main.json").write_text(json.dumps(template))
    head = (
        f"apiVersion: reconciler/v1\nname: one\nazure:\n  subscription: {READER}\n  resourceGroup: one\n"
        "  location: westeurope\n  deployments: [{name: main, template: arm/main.json}]\n"
    )
    (folder / "environments/one.yaml").write_text(head + text)
    environment = environment_.load(folder, "one")
    desired = desired_.build(environment, folder, Facts(key=b"k" * 32))
    found = needed(environment, desired, policy_of(environment, 0), TODAY)
    return {need.action for need in found}


def resource(type_: str, name: str) -> dict[str, Any]:
    return {"type": type_, "apiVersion": "2023-05-01", "name": name, "location": "westeurope"}


@pytest.mark.parametrize(
    ("permissions", "action", "data", "granted"),
    [
        ([{"actions": ["*"]}], "Microsoft.Storage/storageAccounts/write", False, True),
        ([{"actions": ["*/read"]}], "Microsoft.Storage/storageAccounts/write", False, False),
        ([{"actions": ["microsoft.storage/*/READ"]}], "Microsoft.Storage/storageAccounts/read", False, True),
        ([{"actions": ["A.B/c/read"]}], "AxB/c/read", False, False),
        ([{"actions": ["A.B/c/read"]}], "A.B/c/read/more", False, False),
        ([{"actions": ["*"], "notActions": ["A.B/*/write"]}], "A.B/c/write", False, False),
        ([{"actions": ["*"], "notActions": ["A.B/*"]}, {"actions": ["A.B/c/*"]}], "A.B/c/write", False, True),
        ([{"actions": ["*"]}], "A.B/secrets/get", True, False),
        ([{"dataActions": ["A.B/*"], "notDataActions": None}], "A.B/secrets/get", True, True),
        ([{"dataActions": ["A.B/*"]}], "A.B/secrets/get", False, False),
        ([], "A.B/c/read", False, False),
    ],
)
def test_permissions_are_evaluated_as_azure_does(
    permissions: list[dict[str, Any]], action: str, data: bool, granted: bool
) -> None:
    """Roles add up; what one of them takes out, it takes out of itself alone; actions hold no data actions."""
    assert grants(permissions, action, data=data) is granted


def test_a_condition_tells_which_roles_may_be_given() -> None:
    """The form that Azure's portal writes for "constrain roles"; for `delete` it may list others."""
    text = (
        f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/write'}})) OR (@Request[{ROLE}]"
        f" ForAnyOfAnyValues:GuidEquals {{{READER.upper()}}})) AND"
        f" ((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/delete'}})) OR (@Resource[{ROLE}]"
        f" ForAnyOfAnyValues:GuidEquals {{{READER}, {OWNER}}}))"
    )
    assert assignable(text) == {READER}
    assert assignable("") is None
    with pytest.raises(ValueError, match="otherwise"):
        assignable(
            "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}) OR "
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEquals 'User'"
        )


@pytest.mark.parametrize("name", ["dev", "test", "prod"])
def test_the_role_of_the_repository_grants_all_that_the_sample_needs(name: str) -> None:
    """And nothing has to be named beside: the command that `doctor` prints is enough."""
    role = json.loads((ROOT / "arm/reconciler-role.json").read_text("utf-8"))
    actions = role["variables"]["actions"]
    missing = [
        n.action for n in of_sample(name) if not n.right.data and not grants([{"actions": actions}], n.action)
    ]
    assert (missing, additional(of_sample(name))) == ([], [])


def test_the_role_grants_no_data_and_may_give_only_what_the_template_gives() -> None:
    """Least privilege: each GUID of the default is one that the sample's template names, and the reverse."""
    role = json.loads((ROOT / "arm/reconciler-role.json").read_text("utf-8"))
    template = (ROOT / "arm/azuredeploy.json").read_text("utf-8")
    default = role["parameters"]["assignableRoles"]["defaultValue"]
    assert [guid for guid in default if guid not in template] == []
    named = json.loads(template)["variables"]["roles"]
    assert {text.split("'")[3] for text in named.values()} == set(default)
    (permission,) = role["resources"][0]["properties"]["permissions"]
    assert permission["dataActions"] == []
    assert [action for action in role["variables"]["actions"] if "*" in action] == []


def test_the_rights_follow_from_the_types_of_the_templates(tmp_path: Path) -> None:
    """A type that the sample has not: its own actions, and none of a factory, a vault or a workspace."""
    actions = of_project(tmp_path, "", resource("Microsoft.Sql/servers", "bikes"))
    own = {action for action in actions if not action.startswith("Microsoft.Resources/")}
    assert own == {f"Microsoft.Sql/servers/{verb}" for verb in ("read", "write", "delete")}


@pytest.mark.parametrize(
    ("policy", "deletes"),
    [
        ("", False),
        ('policy: {acknowledge: [{delete: "arm.resource/one/*", until: 2030-12-31}]}', True),
        ('policy: {acknowledge: [{delete: "arm.resource/one/*", until: 2020-12-31}]}', False),
        ("policy: {protect: []}", True),
        ("policy: {protect: [], prune: false}", False),
        ('policy: {protect: [], observe: ["arm.resource/*"]}', False),
    ],
)
def test_what_is_never_deleted_needs_no_right_to_delete(tmp_path: Path, policy: str, deletes: bool) -> None:
    """Protected by default, until a commit lets it go for a while."""
    actions = of_project(tmp_path, policy, resource("Microsoft.Storage/storageAccounts", "bikes"))
    assert ("Microsoft.Storage/storageAccounts/delete" in actions) is deletes


def test_what_is_only_watched_needs_no_right_to_write(tmp_path: Path) -> None:
    """An environment that is observed works with a reader's rights."""
    text = 'policy: {observe: ["*"]}'
    actions = of_project(tmp_path, text, resource("Microsoft.Sql/servers", "bikes"))
    assert "Microsoft.Sql/servers/read" in actions
    assert "Microsoft.Sql/servers/write" not in actions


def test_a_child_that_is_always_there_needs_no_right_to_delete(tmp_path: Path) -> None:
    """Azure knows no such action, and refuses a custom role that names it."""
    text = "policy: {protect: []}"
    child = resource("Microsoft.Storage/storageAccounts/blobServices", "bikes/default")
    actions = of_project(tmp_path, text, child)
    assert "Microsoft.Storage/storageAccounts/blobServices/write" in actions
    assert "Microsoft.Storage/storageAccounts/blobServices/delete" not in actions


def test_every_right_says_why_and_a_data_action_has_its_word() -> None:
    """The table is read by people; an access policy knows a secret's rights by another name."""
    rights = [right for section in RIGHTS.values() for right in section]
    assert [right.action for right in rights if not right.why.startswith("to ")] == []
    for right in rights:
        assert bool(right.word) is right.action.startswith("Microsoft.KeyVault/vaults/secrets/")
        assert bool(right.role) or not right.word
