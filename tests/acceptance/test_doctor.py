"""`doctor` names exactly the right that is missing, for every right in its table, and says how to grant it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.rest import HttpRequest
from azure.identity import ManagedIdentityCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from support.doctor import AUTHORIZATION, SCOPE, VAULT, WORKSPACE, Ward, deploy_role, ward
from support.project import SUBSCRIPTION, Azure, empty, group, sample
from support.repositories import Repository
from support.sandbox import ROOT, Sandbox, foreign_names

from reconciler.doctor import RIGHTS, Right
from reconciler.providers.workspace import Place, Workspaces

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ADMIN = "Microsoft.Databricks/workspaces/assignWorkspaceAdmin/action"
TYPES = {
    "read": "Microsoft.KeyVault/vaults",
    "write": "Microsoft.Authorization/roleAssignments",
    "delete": "Microsoft.DataFactory/factories/pipelines",
    "referenced": "Microsoft.Databricks/workspaces",
}
"""A type for those lines of the table that hold for any."""
TABLE = [(name, right) for name, rights in RIGHTS.items() for right in rights]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """One sandbox for the whole table: each test takes one right away from the same identity."""
    running = Sandbox.start(tmp_path_factory.mktemp("sandbox"))
    with pytest.MonkeyPatch.context() as patch:
        for name in foreign_names(os.environ):
            patch.delenv(name)
        for name, value in running.variables.items():
            patch.setenv(name, value)
        yield ward(tmp_path_factory.mktemp("project"), running)
    running.stop()


@pytest.mark.parametrize(("name", "right"), TABLE, ids=[f"{n}: {r.action}" for n, r in TABLE])
def test_a_right_that_is_taken_away_is_named_and_no_other(shared: Ward, name: str, right: Right) -> None:
    """For every line of the table, of Azure's actions and of a vault's data actions."""
    action = right.action.replace("{type}", TYPES.get(name, ""))
    shared.strip(*([] if right.data else [action]), data=(action,) if right.data else ())
    assert shared.missing() == [action]
    assert shared.finding(action)["way_out"].startswith("az ")


def test_with_all_rights_nothing_is_missing_and_nothing_was_written(shared: Ward) -> None:
    """A look at rights that made us an administrator of the workspace would hide that we are none."""
    shared.strip()
    before = len(shared.project.sandbox.writes())
    done = shared.project.run("doctor", "doc")
    assert (done.code, done.json["healthy"]) == (0, True), done.text
    assert shared.project.sandbox.writes()[before:] == []
    assert shared.project.run("doctor", "doc").code == 0


def test_an_identity_without_any_role_is_told_every_right(tmp_path: Path, sandbox: Sandbox) -> None:
    """Each right is judged by itself: one that is missing hides no other."""
    found = ward(tmp_path, sandbox)
    done = found.project.run("doctor", "doc")
    ok = {f["what"] for e in done.json["environments"] for f in e["findings"]}
    for item in found.azure.get(f"{SCOPE}/providers/{AUTHORIZATION}/roleAssignments", "2022-04-01")["value"]:
        if item["properties"]["principalId"] == found.object:
            found.azure.call("DELETE", item["id"], "2022-04-01")
    told = found.project.run("doctor", "doc").json["environments"][0]["findings"]
    verdicts = {f["what"]: f["verdict"] for f in told}
    actions = {what for what in ok if "/" in what}
    unread = {what for what in actions if what.startswith(("Microsoft.KeyVault/vaults/secrets/", ADMIN))}
    assert {what for what in actions if verdicts[what] == "missing"} == actions - unread
    assert {verdicts[what] for what in unread} == {"unknown"}, "neither the vault nor the workspace is read"
    assert {what for what, verdict in verdicts.items() if verdict == "ok"} == {"environment file", "sign-in"}


@pytest.mark.parametrize("word", ["get", "list", "set", "delete", "recover"])
def test_of_a_vault_with_access_policies_the_missing_word_is_named(
    tmp_path: Path, sandbox: Sandbox, word: str
) -> None:
    """The other access model: roles do not count there, and the command names the words of the policy."""
    found = ward(tmp_path, sandbox, rbac=False)
    held = [each for each in ("get", "list", "set", "delete", "recover") if each != word]
    body = found.azure.get(group("doc", VAULT), "2023-07-01")
    tenant = body["properties"]["tenantId"]
    policy = {"tenantId": tenant, "objectId": found.object, "permissions": {"secrets": held}}
    body["properties"]["accessPolicies"] = [policy]
    found.azure.call("PUT", group("doc", VAULT), "2023-07-01", body)
    assert found.missing() == [f"secrets/{word} (access policy)"]
    way_out = found.finding(f"secrets/{word} (access policy)")["way_out"]
    assert way_out == (
        f"az keyvault set-policy --name doc-kv --object-id {found.object}"
        " --secret-permissions delete get list recover set"
    )


def test_a_provider_that_is_not_registered_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    """Azure refuses a deployment into a subscription that has never used the service."""
    found = ward(tmp_path, sandbox)
    path = f"{SCOPE}/providers/Microsoft.DataFactory"
    found.azure.call("POST", f"{path}/unregister", "2021-04-01")
    assert found.missing() == ["Microsoft.DataFactory registered"]
    way_out = found.finding("Microsoft.DataFactory registered")["way_out"]
    assert way_out == f"az provider register --subscription {SUBSCRIPTION} --namespace Microsoft.DataFactory"


def test_whom_the_workspace_knows_is_looked_for_in_its_admins(tmp_path: Path, sandbox: Sandbox) -> None:
    """Who is in it already is not made an administrator by the right to be let in."""
    found = ward(tmp_path, sandbox)
    host = found.azure.get(group("lake", WORKSPACE), "2024-05-01")["properties"]["workspaceUrl"]
    owner = Workspaces(ManagedIdentityCredential(), Counter())
    place = Place(host, group("lake", WORKSPACE))
    scim = "/api/2.0/preview/scim/v2/ServicePrincipals"
    added = owner.call(place, "POST", scim, body={"applicationId": found.client, "displayName": "us"})
    assert found.missing() == [ADMIN]
    assert "group admins" in found.finding(ADMIN)["way_out"]
    groups = owner.call(place, "GET", "/api/2.0/preview/scim/v2/Groups")["Resources"]
    admins = next(each["id"] for each in groups if each["displayName"] == "admins")
    patch = {"op": "add", "value": {"members": [{"value": added["id"]}]}}
    schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    body = {"schemas": [schema], "Operations": [patch]}
    owner.call(place, "PATCH", f"/api/2.0/preview/scim/v2/Groups/{admins}", body=body)
    found.strip(ADMIN)
    assert found.missing() == [], "an administrator needs no right to become one"


def test_a_role_that_the_condition_does_not_name_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    """The template wants to give a role that our own rights do not let us give."""
    found = ward(tmp_path, sandbox)
    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    found.project.edit(
        "arm/azuredeploy.json", "4633458b-17de-408a-b874-0445c86b69e6", reader
    )  # in place of Key Vault Secrets User
    assert found.missing() == [f"assignable role Reader ({reader})"]
    assert reader in found.finding(f"assignable role Reader ({reader})")["way_out"]


def test_the_role_alone_runs_a_whole_tick_and_gives_no_other_role(tmp_path: Path, sandbox: Sandbox) -> None:
    """What `arm/reconciler-role.json` grants is enough for the sample from nothing, and not more than it says."""
    me = sandbox.control("POST", "identities", {"name": "the-reconciler"})
    deploy_role(Azure(), me["objectId"])
    project = sample(tmp_path, sandbox, whole=True)
    text = (project.repository.path / "environments/dev.yaml").read_text("utf-8")
    text = text.replace("azure:\n", f"azure:\n  identity: {me['clientId']}\n", 1)
    text = text[: text.index("checks:")]  # they run for long, and need no right of Azure
    project.repository.commit({"environments/dev.yaml": text})
    before = project.run("doctor", "dev")
    assert before.code == 0, before.text
    ticked = project.run("tick", "dev")
    assert (ticked.code, ticked.json["blocked"]) == (0, []), ticked.text
    assert {o["result"] for o in ticked.json["outcomes"]} == {"done"}
    assert project.run("plan", "dev").json["changes"] == []
    after = project.run("doctor", "dev")
    assert after.code == 0, after.text
    _refused(me["clientId"], me["objectId"])


def _refused(client: str, object_id: str) -> None:
    """The identity cannot make itself Owner, nor take the Owner's role away."""
    calls = ResourceManagementClient(ManagedIdentityCredential(client_id=client), SUBSCRIPTION)

    def status(method: str, path: str, body: Any = None) -> int:
        url = f"https://management.azure.com{path}?api-version=2022-04-01"
        answer = calls.send_request(HttpRequest(method, url, json=body) if body else HttpRequest(method, url))
        return int(answer.status_code)

    place = group("bikeshare-dev", f"{AUTHORIZATION}/roleAssignments")
    owner = {"roleDefinitionId": f"{SCOPE}/providers/{AUTHORIZATION}/roleDefinitions/{OWNER}"}
    body = {"properties": {**owner, "principalId": object_id, "principalType": "ServicePrincipal"}}
    assert status("PUT", f"{place}/{'1' * 8}-1111-1111-1111-{'1' * 12}", body) == 403
    listed = Azure().get(f"{SCOPE}/providers/{AUTHORIZATION}/roleAssignments", "2022-04-01")["value"]
    theirs = [a["id"] for a in listed if a["properties"]["roleDefinitionId"].endswith(OWNER)]
    assert [status("DELETE", each) for each in theirs] == [403] * len(theirs)
    assert theirs
    account = group("bikeshare-dev", "Microsoft.Storage/storageAccounts/bikesharedev")
    assert status("DELETE", account) == 403, "what is protected by default cannot be deleted either"


def test_what_it_says_to_type_is_typed_and_all_is_in_order(tmp_path: Path, sandbox: Sandbox) -> None:
    """The commands are whole: `az` runs them as they stand."""
    found = ward(tmp_path, sandbox)
    for item in found.azure.get(f"{SCOPE}/providers/{AUTHORIZATION}/roleAssignments", "2022-04-01")["value"]:
        if item["properties"]["principalId"] == found.object:
            found.azure.call("DELETE", item["id"], "2022-04-01")
    az = shutil.which("az", path=str(ROOT / ".venv-az/bin")) or shutil.which("az")
    if az is None:
        pytest.skip("the Azure CLI is not there: `make test` installs it into .venv-az")

    def type_in(line: str) -> None:
        words = shlex.split(line)
        assert words[0] == "az"
        done = subprocess.run([az, *words[1:]], env=sandbox.env, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stderr}"

    type_in("az login --identity")
    typed: list[str] = []
    for _ in range(6):
        told = found.project.run("doctor", "doc").json["environments"][0]["findings"]
        missing = [f["way_out"] for f in told if f["verdict"] == "missing"]
        if not missing:
            break
        type_in(missing[0])
        typed.append(missing[0])
    assert found.missing() == []
    assert any(" --template-file arm/reconciler-role.json " in line for line in typed)


def test_a_factory_is_let_into_a_workspace_of_another_group(tmp_path: Path, sandbox: Sandbox) -> None:
    """The right lies where the workspace lies, and our role reaches there."""
    found = ward(tmp_path, sandbox)
    ticked = found.project.run("tick", "doc")
    failed = [o for o in ticked.json["outcomes"] if o["result"] != "done"]
    assert (failed, ticked.json["blocked"]) == ([], []), ticked.text
    factory = found.azure.get(group("doc", "Microsoft.DataFactory/factories/doc-adf"), "2018-06-01")
    place = group("lake", f"{WORKSPACE}/providers/{AUTHORIZATION}/roleAssignments")
    given = [a["properties"] for a in found.azure.get(place, "2022-04-01")["value"]]
    mine = [p for p in given if p["principalId"] == factory["identity"]["principalId"]]
    (right,) = [p for p in mine if p["scope"] == group("lake", WORKSPACE)]
    assert right["roleDefinitionId"].endswith("b24988ac-6180-42a0-ab88-20f7382dd24c")
    assert found.project.run("plan", "doc").json["changes"] == []


# Settings and sign-in


def test_a_setting_that_is_missing_is_named(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that is not set or not allowed blocks what needs it: it is better known before."""
    found = ward(tmp_path, sandbox)
    found.project.edit("environments/doc.yaml", "{generate: {length: 40}}", '"${env:DOC_KEY}"')
    told = found.finding("env:DOC_KEY")
    assert (told["verdict"], told["reason"]) == ("missing", "DOC_KEY is not in RECONCILER_SECRETS")
    monkeypatch.setenv("RECONCILER_SECRETS", "DOC_KEY")
    assert found.finding("env:DOC_KEY")["reason"] == "the app setting is not set"
    monkeypatch.setenv("DOC_KEY", "a value that is not to be seen")
    done = found.project.run("doctor", "doc")
    assert (done.code, "not to be seen" in done.text) == (0, False)


def test_who_cannot_sign_in_is_told_so(tmp_path: Path, sandbox: Sandbox) -> None:
    """An identity that this app does not have."""
    found = ward(tmp_path, sandbox)
    found.project.edit("environments/doc.yaml", found.client, "99999999-9999-9999-9999-999999999999")
    assert found.missing() == ["sign-in"]


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    """Before a run that would write to Azure and could not remember it."""
    found = ward(tmp_path, sandbox)
    (tmp_path / "file").write_text("no folder", "utf-8")
    done = replace(found.project, state=tmp_path / "file" / "state").run("doctor", "doc")
    told = {f["what"]: f["verdict"] for f in done.json["settings"]}
    assert (done.code, told["RECONCILER_STATE"]) == (1, "missing")


def test_a_repository_that_cannot_be_read_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    """Then there is no environment to look at either, and no call is made."""
    nowhere = replace(empty(tmp_path, sandbox), repository=Repository(tmp_path / "nowhere"))
    done = nowhere.run("doctor")
    assert (done.code, done.json["settings"][-1]["verdict"]) == (1, "missing")
    assert (done.json["environments"], sandbox.journal()) == ([], [])
