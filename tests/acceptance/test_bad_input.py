"""Bad input: every fault at once with its place, nothing called, nothing changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.project import SUBSCRIPTION, Azure, Project, empty, environment, group, identity, template
from support.sandbox import Sandbox

SIX = f"""\
apiVersion: reconciler/v1
name: one
intervall: 5m
policy:
  heal: perhaps
  limits: {{changes: 500%}}
azure:
  subscription: not-a-guid
  resourceGroup: one
  location: westeurope
  deployments:
    - name: main
      template: arm/absent.json
    - name: other
      template: ../outside.json
      parameters: {{subscription: {SUBSCRIPTION}}}
"""


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    project = empty(tmp_path, sandbox)
    project.write("arm/main.json", template(identity("first")))
    project.repository.commit({"environments/one.yaml": environment("one")})
    return project


@pytest.mark.parametrize("verb", [["validate"], ["plan", "one"], ["apply", "one", "--yes"], ["tick", "one"]])
def test_six_faults_are_told_at_once_and_nothing_is_called(
    project: Project, sandbox: Sandbox, verb: list[str]
) -> None:
    project.repository.commit({"environments/one.yaml": SIX})
    told = project.run(*verb, json_=False)
    assert told.code == 1
    places = re.findall(r"^environments/one\.yaml:(\d+):(\d+): .+$", told.text, re.MULTILINE)
    assert [int(line) for line, _ in places] == [3, 5, 6, 8, 13, 15], told.text
    assert sandbox.journal() == []


def test_a_misspelt_key_is_told_with_the_right_one(project: Project) -> None:
    project.repository.commit({"environments/one.yaml": SIX})
    assert "interval" in project.run("validate", json_=False).text.splitlines()[0]


def test_with_json_a_fault_is_one_document(project: Project) -> None:
    project.repository.commit({"environments/one.yaml": SIX})
    told = project.run("plan", "one")
    assert told.code == 1
    assert told.json["version"] == 1
    assert told.json["error"]["code"] == "invalid-input"
    assert told.json["error"]["where"] == "environments/one.yaml:3:1"
    assert len(told.json["error"]["faults"]) == 6


def test_faults_of_a_template_are_told_with_the_line_in_it(project: Project, sandbox: Sandbox) -> None:
    broken = template({**identity("first"), "tags": {"a": "[parameters('absent')]", "b": "[concat('x']"}})
    project.write("arm/main.json", broken)
    project.repository.commit()
    told = project.run("plan", "one", json_=False)
    assert told.code == 1
    assert len(re.findall(r"^arm/main\.json:\d+:\d+: ", told.text, re.MULTILINE)) == 2, told.text
    assert sandbox.journal() == []


def test_an_unreadable_repository_deletes_nothing(project: Project, sandbox: Sandbox, tmp_path: Path) -> None:
    assert project.run("apply", "one", "--yes").code == 0
    (project.repository.path / ".git").rename(tmp_path / "away")
    for verb in (["plan", "one"], ["tick", "one"], ["destroy", "one", "--yes"]):
        told = project.run(*verb)
        assert (told.code, told.json["error"]["code"]) == (1, "source-unreadable"), told.text
    there = "Microsoft.ManagedIdentity/userAssignedIdentities/first"
    assert Azure().there(group("one", there), "2023-01-31")


def test_an_empty_environments_folder_deletes_nothing(project: Project) -> None:
    assert project.run("apply", "one", "--yes").code == 0
    project.repository.git("rm", "-q", "environments/one.yaml")
    project.repository.commit()
    for verb in (["plan", "one"], ["tick", "one"]):
        told = project.run(*verb)
        assert (told.code, told.json["error"]["code"]) == (1, "invalid-input"), told.text
    there = "Microsoft.ManagedIdentity/userAssignedIdentities/first"
    assert Azure().there(group("one", there), "2023-01-31")


def test_a_subscription_that_does_not_exist_is_a_clear_error(project: Project, sandbox: Sandbox) -> None:
    absent = "11111111-1111-1111-1111-111111111111"
    project.edit("environments/one.yaml", SUBSCRIPTION, absent)
    for verb in (["plan", "one"], ["tick", "one"]):
        told = project.run(*verb)
        assert (told.code, told.json["error"]["code"]) == (1, "SubscriptionNotFound"), told.text
        assert absent in told.json["error"]["message"]
    assert sandbox.writes() == []


def test_a_missing_sign_in_is_a_clear_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity endpoint that nobody answers: no token, so nothing is known and nothing is done."""
    from reconciler import settings

    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    settings.credential.cache_clear()
    try:
        told = project.run("tick", "one")
    finally:
        settings.credential.cache_clear()
    assert (told.code, told.json["error"]["code"]) == (1, "sign-in"), told.text


def test_an_expired_token_is_a_clear_error_and_deletes_nothing(project: Project, sandbox: Sandbox) -> None:
    """The token runs out in mid-life of the process: Azure's 401 is told as a sign-in that failed."""
    from reconciler import settings

    assert project.run("apply", "one", "--yes").code == 0
    sandbox.advance("P2D")
    try:
        told = project.run("tick", "one")
    finally:
        settings.credential.cache_clear()
    assert (told.code, told.json["error"]["code"]) == (1, "ExpiredAuthenticationToken"), told.text
    there = "Microsoft.ManagedIdentity/userAssignedIdentities/first"
    assert Azure().there(group("one", there), "2023-01-31")
