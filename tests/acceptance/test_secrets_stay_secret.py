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
