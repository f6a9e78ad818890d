"""What Azure makes of our values is no drift; what it refuses to keep is told once; what a hand did is put right."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.project import Azure, Project, empty, environment, group, storage, template
from support.sandbox import Sandbox

VAULT = "Microsoft.KeyVault/vaults"
VAULTS = "2023-07-01"
ACCOUNT = "Microsoft.Storage/storageAccounts/baseline0001"
ACCOUNTS = "2023-05-01"
TENANT = "00000000-0000-0000-0000-00000000000a"


def vault(**properties: Any) -> dict[str, Any]:
    return {
        "type": VAULT,
        "apiVersion": VAULTS,
        "name": "baseline-kv",
        "location": "westeurope",
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            **properties,
        },
    }


def made(folder: Path, sandbox: Sandbox, *resources: dict[str, Any]) -> Project:
    """A project whose environment `one` has these resources, and nothing applied."""
    project = empty(folder, sandbox)
    project.write("arm/main.json", template(*resources))
    project.repository.commit({"environments/one.yaml": environment("one")})
    return project


def writes(sandbox: Sandbox, since: int = 0) -> list[str]:
    """Each write as its method and the last name of its path."""
    found = [entry for entry in sandbox.journal()[since:] if entry["write"]]
    return [f"{entry['method']} {entry['path'].rsplit('/', 1)[1]}" for entry in found]


@pytest.mark.parametrize(
    ("path", "sent", "kept"),
    [("enableSoftDelete", False, True), ("publicNetworkAccess", "secured", "Enabled")],
    ids=["a rule knows it", "no rule knows it"],
)
def test_a_value_that_azure_keeps_otherwise_is_told_and_not_written_again(
    tmp_path: Path, sandbox: Sandbox, path: str, sent: Any, kept: Any
) -> None:
    """The vault's first write is made once more, to tell Azure's will from somebody's edit; then no more."""
    project = made(tmp_path, sandbox, vault(**{path: sent}))
    applied = project.run("apply", "one", "--yes")
    assert applied.code == 0, applied.text
    assert writes(sandbox) == ["PUT one", "PUT reconciler-one-main", "PUT reconciler-one-main"]
    at = len(sandbox.journal())
    for _ in range(2):
        planned = project.run("plan", "one")
        assert (planned.code, planned.json["changes"]) == (0, [])
        assert planned.json["summary"]["notAccepted"] == 1
        [told] = planned.json["notAccepted"]
        [field] = told["fields"]
        assert (field["path"], field["desired"], field["live"]) == (f"properties.{path}", sent, kept)
        assert project.run("tick", "one").code == 0
    assert writes(sandbox, at) == []


def test_an_edit_of_a_value_that_is_not_accepted_elsewhere_is_still_drift(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """One field that Azure keeps otherwise does not hide the others, nor makes their heal write twice."""
    project = made(tmp_path, sandbox, vault(enableSoftDelete=False, enabledForDeployment=False))
    assert project.run("apply", "one", "--yes").code == 0
    edit = {"properties": {"enabledForDeployment": True}}
    Azure().call("PATCH", group("one", f"{VAULT}/baseline-kv"), VAULTS, edit)
    planned = project.run("plan", "one")
    [change] = planned.json["changes"]
    assert [(f["path"], f["cause"]) for f in change["fields"]] == [
        ("properties.enabledForDeployment", "drift")
    ]
    at = len(sandbox.journal())
    assert project.run("tick", "one").code == 0
    assert writes(sandbox, at) == ["PUT reconciler-one-main"]
    assert project.run("plan", "one").json["summary"]["notAccepted"] == 1


def test_a_new_api_version_is_no_change_and_drift_is_seen_after_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """The newer version shows fields that the older one did not: a picture taken with that is no baseline."""
    project = made(tmp_path, sandbox, storage("baseline0001"))
    assert project.run("apply", "one", "--yes").code == 0
    project.edit("arm/main.json", ACCOUNTS, "2024-01-01")
    at = len(sandbox.journal())
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["changes"], planned.json["summary"]["notAccepted"]) == (0, [], 0)
    assert project.run("tick", "one").code == 0
    assert writes(sandbox, at) == []
    Azure().call("PATCH", group("one", ACCOUNT), ACCOUNTS, {"properties": {"minimumTlsVersion": "TLS1_0"}})
    [change] = project.run("plan", "one").json["changes"]
    assert [(f["path"], f["cause"]) for f in change["fields"]] == [("properties.minimumTlsVersion", "drift")]


def test_an_edit_is_not_hidden_by_a_new_api_version(tmp_path: Path, sandbox: Sandbox) -> None:
    """Somebody edits, then a commit moves the API version: the edit is still drift, and is put right."""
    project = made(tmp_path, sandbox, storage("baseline0001"))
    assert project.run("apply", "one", "--yes").code == 0
    azure = Azure()
    azure.call("PATCH", group("one", ACCOUNT), ACCOUNTS, {"properties": {"minimumTlsVersion": "TLS1_0"}})
    project.edit("arm/main.json", ACCOUNTS, "2024-01-01")
    planned = project.run("plan", "one")
    [change] = planned.json["changes"]
    assert [(f["path"], f["cause"]) for f in change["fields"]] == [("properties.minimumTlsVersion", "drift")]
    assert project.run("tick", "one").code == 0
    assert azure.get(group("one", ACCOUNT), ACCOUNTS)["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert project.run("plan", "one").json["changes"] == []


def edited_after(sandbox: Sandbox, since: int, act: Callable[[], None]) -> Thread:
    """Act in a thread of its own as soon as the deployment's write is in the journal."""

    def watch() -> None:
        while not any(line == "PUT reconciler-one-main" for line in writes(sandbox, since)):
            pass
        act()

    thread = Thread(target=watch)
    thread.start()
    return thread


def test_an_edit_between_our_write_and_our_read_is_put_right(tmp_path: Path, sandbox: Sandbox) -> None:
    """Azure's answer to our write comes late; in between somebody edits what we wrote."""
    project = made(tmp_path, sandbox, storage("baseline0001", supportsHttpsTrafficOnly=True))
    assert project.run("apply", "one", "--yes").code == 0
    project.edit("arm/main.json", "TLS1_2", "TLS1_3")
    azure, at = Azure(), len(sandbox.journal())
    weaker = {"properties": {"supportsHttpsTrafficOnly": False}}
    late = {"method": "PUT", "path": "*/deployments/reconciler-one-main"}
    sandbox.fault("latency", match=late, seconds=2.0)
    edit = edited_after(sandbox, at, lambda: azure.call("PATCH", group("one", ACCOUNT), ACCOUNTS, weaker))
    ticked = project.run("tick", "one")
    edit.join()
    assert ticked.code == 0, ticked.text
    live = azure.get(group("one", ACCOUNT), ACCOUNTS)["properties"]
    assert (live["minimumTlsVersion"], live["supportsHttpsTrafficOnly"]) == ("TLS1_3", True)
    planned = project.run("plan", "one")
    assert (planned.json["changes"], planned.json["summary"]["notAccepted"]) == ([], 0)
    written = "PUT reconciler-one-main"
    assert writes(sandbox, at) == [written, "PATCH baseline0001", written]


def test_an_edit_while_nobody_looked_after_our_operation_is_put_right(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick's time is over before the deployment ends; much may happen until the next tick reads."""
    project = made(tmp_path, sandbox, storage("baseline0001", supportsHttpsTrafficOnly=True))
    assert project.run("apply", "one", "--yes").code == 0
    project.edit("arm/main.json", "TLS1_2", "TLS1_3")
    slow = {"method": "PUT", "path": "*/deployments/reconciler-one-main"}
    sandbox.fault("slow-operation", match=slow, seconds=600)
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "2")
    assert project.run("tick", "one").code == 3
    monkeypatch.delenv("RECONCILER_TICK_SECONDS")
    sandbox.advance("PT15M")
    azure = Azure()
    weaker = {"properties": {"supportsHttpsTrafficOnly": False}}
    azure.call("PATCH", group("one", ACCOUNT), ACCOUNTS, weaker)
    ticked = project.run("tick", "one")
    assert ticked.code == 0, ticked.text
    live = azure.get(group("one", ACCOUNT), ACCOUNTS)["properties"]
    assert (live["minimumTlsVersion"], live["supportsHttpsTrafficOnly"]) == ("TLS1_3", True)
    at = len(sandbox.journal())
    assert project.run("plan", "one").json["summary"]["notAccepted"] == 0
    assert project.run("tick", "one").code == 0
    assert writes(sandbox, at) == []


def test_what_azure_keeps_otherwise_is_told_apart_by_one_write_where_we_looked_late(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same late look, and it was Azure's will: one more write, then it is not accepted for good."""
    project = made(tmp_path, sandbox, vault(publicNetworkAccess="secured"))
    slow = {"method": "PUT", "path": "*/deployments/reconciler-one-main"}
    sandbox.fault("slow-operation", match=slow, seconds=600)
    monkeypatch.setenv("RECONCILER_TICK_SECONDS", "2")
    assert project.run("tick", "one").code == 3
    monkeypatch.delenv("RECONCILER_TICK_SECONDS")
    sandbox.advance("PT15M")
    at = len(sandbox.journal())
    for _ in range(3):
        assert project.run("tick", "one").code == 0
        sandbox.advance("PT15M")
    assert writes(sandbox, at) == ["PUT reconciler-one-main"]
    planned = project.run("plan", "one")
    assert (planned.code, planned.json["summary"]["notAccepted"]) == (0, 1)


def test_what_was_judged_equal_is_listed_with_its_rule(tmp_path: Path, sandbox: Sandbox) -> None:
    """`plan -v` hides nothing: what came back in another form is named, beside a change too."""
    rewritten = {**storage("baseline0001", minimumTlsVersion="tls1_2"), "location": "West Europe"}
    project = made(tmp_path, sandbox, rewritten)
    assert project.run("apply", "one", "--yes").code == 0

    def told() -> str:
        return " ".join(project.run("plan", "one", "-v", json_=False).text.split())

    equal = ("location: judged equal, location", "properties.minimumTlsVersion: judged equal, case")
    assert [line for line in equal if line not in told()] == []
    assert "judged equal" not in project.run("plan", "one", json_=False).text
    Azure().call("PATCH", group("one", ACCOUNT), ACCOUNTS, {"sku": {"name": "Standard_GRS"}})
    assert "sku.name" in told()
    assert [line for line in equal if line not in told()] == []


FIRST, SECOND = "first-value-5QmR", "second-value-8TzK"


def traces(value: str, folder: Path) -> list[str]:
    """Files that hold a value, as it is or encoded as HTTP and Kubernetes people do."""
    forms = (value.encode(), b64encode(value.encode()))
    return [
        str(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]


def test_a_changed_secret_is_one_change_that_shows_no_value(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secure parameter from an app setting goes to Azure and nowhere else: neither value is in any file,
    in the journal, in the deployment or in what is printed."""
    monkeypatch.setenv("RECONCILER_SECRETS", "API_KEY")
    monkeypatch.setenv("API_KEY", FIRST)
    project = empty(tmp_path, sandbox)
    secret = {
        "type": f"{VAULT}/secrets",
        "apiVersion": VAULTS,
        "name": "baseline-kv/api-key",
        "dependsOn": ["[resourceId('Microsoft.KeyVault/vaults', 'baseline-kv')]"],
        "properties": {"value": "[parameters('apiKey')]", "contentType": "text/plain"},
    }
    parameters = {"apiKey": {"type": "secureString"}}
    project.write("arm/main.json", template(vault(), secret, parameters=parameters))
    file = environment("one").replace("main.json}", "main.json, parameters: {apiKey: '${env:API_KEY}'}}")
    project.repository.commit({"environments/one.yaml": file})
    said = [project.run("apply", "one", "--yes").text]
    assert project.run("plan", "one").json["changes"] == []
    monkeypatch.setenv("API_KEY", SECOND)
    planned = project.run("plan", "one")
    [change] = planned.json["changes"]
    [field] = change["fields"]
    assert (change["action"], change["cause"], field["path"]) == ("update", "commit", "properties.value")
    assert {field[side] for side in ("recorded", "desired", "live")} == {"(changed)"}
    said += [planned.text, project.run("plan", "one", "-v", json_=False).text]
    at = len(sandbox.journal())
    said.append(project.run("tick", "one").text)
    assert writes(sandbox, at) == ["PUT reconciler-one-main"]
    assert project.run("plan", "one").json["changes"] == []
    said += [
        project.run(*words).text for words in (("status",), ("history", "one"), ("plan", "one", "--offline"))
    ]
    deployment = group("one", "Microsoft.Resources/deployments/reconciler-one-main")
    said += [json.dumps(Azure().get(deployment, "2025-04-01")), json.dumps(sandbox.journal())]
    monkeypatch.delenv("API_KEY")
    said += [project.run("plan", "one").text, project.run("validate", "one", json_=False).text]
    for value in (FIRST, SECOND):
        assert [text for text in said if value in text] == []
        assert traces(value, project.state) + traces(value, project.repository.path) == []
    assert traces(SECOND, sandbox.state), "Azure has the new value, or this test looks for the wrong text"
