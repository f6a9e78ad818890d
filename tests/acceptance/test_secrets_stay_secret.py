"""A secret goes to Azure and nowhere else: no file of ours holds it, whatever Azure gives back or says."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.project import Azure, Project, empty, environment, group, identity, template
from support.sandbox import Sandbox

FIRST = group("one", "Microsoft.ManagedIdentity/userAssignedIdentities/first")
VERSION = "2023-01-31"
SECRET = "correct-horse-battery"


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A secure parameter in a tag: a place that Azure gives back in clear and no rule names."""
    monkeypatch.setenv("RECONCILER_SECRETS", "WORD")
    monkeypatch.setenv("WORD", SECRET)
    project = empty(tmp_path, sandbox)
    tagged = {**identity("first"), "tags": {"word": "[parameters('word')]", "x": "y"}}
    project.write("arm/main.json", template(tagged, parameters={"word": {"type": "secureString"}}))
    given = 'template: arm/main.json, parameters: {word: "${env:WORD}"}}'
    text = environment("one").replace("template: arm/main.json}", given)
    project.repository.commit({"environments/one.yaml": text})
    return project


def holding(project: Project) -> list[str]:
    """Our files that hold the secret."""
    files = [path for path in project.state.rglob("*") if path.is_file()]
    assert files, "nothing was recorded: the test shows nothing"
    return [path.name for path in files if SECRET in path.read_text("utf-8", "replace")]


def test_what_azure_gives_back_is_kept_as_a_hash(project: Project) -> None:
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, applied.text
    assert Azure().get(FIRST, VERSION)["tags"]["word"] == SECRET, "Azure has it: the test shows nothing"
    assert project.run("plan", "one").json["changes"] == []
    assert holding(project) == []


def test_a_secret_changed_by_hand_is_seen_and_put_back_and_shown_nowhere(project: Project) -> None:
    assert project.run("apply", "one", "--yes").code == 0
    azure = Azure()
    tags = {**azure.get(FIRST, VERSION)["tags"], "word": "by-hand"}
    azure.call("PUT", FIRST, VERSION, {"location": "westeurope", "tags": tags})
    planned = project.run("plan", "one")
    (change,) = planned.json["changes"]
    assert [(f["path"], f["cause"], f["live"]) for f in change["fields"]] == [
        ("tags.word", "drift", "(changed)")
    ]
    assert SECRET not in planned.text
    assert "by-hand" not in planned.text
    ticked = project.run("tick", "one")
    assert ticked.code == 0
    assert SECRET not in ticked.text
    assert azure.get(FIRST, VERSION)["tags"]["word"] == SECRET
    assert holding(project) == []


def test_a_secret_where_a_rule_expects_one_is_applied(project: Project) -> None:
    """The password of a server is secret by rule and by its parameter: both at once."""
    server = {
        "type": "Microsoft.Sql/servers",
        "apiVersion": "2021-11-01",
        "name": "secret-sql",
        "location": "westeurope",
        "properties": {"administratorLogin": "them", "administratorLoginPassword": "[parameters('word')]"},
    }
    project.write("arm/main.json", template(server, parameters={"word": {"type": "secureString"}}))
    project.repository.commit()
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, applied.text
    assert project.run("plan", "one").json["changes"] == []
    assert holding(project) == []


def told(project: Project) -> str:
    """What a failed apply says of its last resource, once it is sure that nothing else holds the secret."""
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 1, applied.text
    assert SECRET not in applied.text
    assert SECRET not in project.run("history", "one").text
    assert holding(project) == []
    return str(applied.json["outcomes"][-1]["error"])


def test_a_secret_that_a_refused_call_quotes_is_taken_out(project: Project, sandbox: Sandbox) -> None:
    said = {"code": "WeakWord", "message": f"The word '{SECRET}' is too weak."}
    sandbox.fault("status", match={"method": "PUT", "path": "*/deployments/*"}, times=0, status=400, **said)
    assert "The word '(secret)' is too weak." in told(project)


def test_a_secret_that_an_inner_error_quotes_is_taken_out(project: Project) -> None:
    """A service quotes the value that it refuses: here a place that there is not."""
    first = {**identity("first"), "location": "[parameters('word')]"}
    project.write("arm/main.json", template(first, parameters={"word": {"type": "secureString"}}))
    project.repository.commit()
    assert "'(secret)'" in told(project)


@pytest.mark.parametrize(
    ("value", "allowed", "missing"),
    [
        ("", "WORD", "the app setting is not set."),
        (
            "@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/word)",
            "WORD",
            "the app setting holds a Key Vault reference that was not resolved.",
        ),
        (SECRET, "OTHER", "WORD is not in RECONCILER_SECRETS."),
    ],
)
def test_a_setting_without_its_secret_writes_nothing_and_is_told_with_what_is_missing(
    project: Project, monkeypatch: pytest.MonkeyPatch, value: str, allowed: str, missing: str
) -> None:
    """An app setting that is empty, or that the Function app could not fetch, would replace the secret."""
    assert project.run("apply", "one", "--yes").code == 0
    monkeypatch.setenv("WORD", value)
    monkeypatch.setenv("RECONCILER_SECRETS", allowed)
    ticked = project.run("tick", "one")
    assert [held["code"] for held in ticked.json["blocked"]] == ["secret"], ticked.text
    assert ticked.json["blocked"][0]["reason"].endswith(f"${{env:WORD}}: {missing}")
    assert ticked.json["calls"]["write"] == 0
    assert Azure().get(FIRST, VERSION)["tags"]["word"] == SECRET
