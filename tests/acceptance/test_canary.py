"""The canary: twenty secrets with known values go through every verb, with every kind of bad luck. None of them,
in no form, is found outside of the vault and the scope: not in what is printed, logged or kept."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from support import secret_project as secrets
from support import workspaces
from support.canary import VALUES, Watch, core, true_values
from support.project import Azure, group, identity, template
from support.sandbox import Sandbox

NAMES = sorted(VALUES)
VAULTED, SCOPED, CHECKED = NAMES[:8], NAMES[8:16], NAMES[19]
CLUSTER = (
    "compute: {newCluster: {spark_version: 16.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}"
)
NOTEBOOK = """\
import base64, json, urllib.parse
value, key = (dbutils.secrets.get("team", name) for name in ("told", "key"))
print(value)
forms = [f for v in (value, key) for f in (v, base64.b64encode(v.encode()).decode(), urllib.parse.quote(v, safe=""))]
raise ValueError("it was " + " and ".join(forms))
"""
TOKEN = "{databricksToken: {lifetime: 30d, renewBefore: 7d}}"
ROTATE = f"{{{secrets.ACCOUNT}: {{rotate: {{every: 90d, overlap: 24h}}}}}}"
SQL = {
    "type": "Microsoft.Sql/servers",
    "apiVersion": "2021-11-01",
    "name": "canary-sql",
    "location": "westeurope",
    "properties": {"administratorLogin": "them", "administratorLoginPassword": "[parameters('sql')]"},
}
TAGGED = {**identity("first"), "tags": {"word": "[parameters('word')]", "inner": "[parameters('box').inner]"}}
CALLS, STEP = 120, 8
"""More calls than the first apply makes; and how many of them are between two that go wrong."""


def _environment(*, check: bool) -> tuple[str, ...]:
    def said(names: list[str]) -> str:
        return ", ".join(f'{name.replace("_", "-").lower()}: "${{env:{name}}}"' for name in names)

    notebook = f"  - {{name: tell, databricksNotebook: {workspaces.FOLDER}/tell, timeout: 5m, {CLUSTER}}}"
    return (
        "databricks:",
        "  workspace: ${azure.main.url}",
        "  resourceId: ${azure.main.id}",
        f"  {workspaces.NOTEBOOKS}",
        "  secretScopes:",
        f'    team: {{secrets: {{{said(SCOPED)}, told: "${{env:{CHECKED}}}", key: "{secrets.KEY}"}}}}',
        "keyVault:",
        f"  vault: {secrets.VAULT}",
        f"  secrets: {{{said(VAULTED)}, made: {{generate: {{length: 40}}}}, token: {TOKEN},"
        f' line: "AccountKey={secrets.KEY};EndpointSuffix=x"}}',
        *(("checks:", notebook) if check else ()),
    )


def watch(folder: Path, sandbox: Sandbox, settings: Path, *, check: bool = False) -> Watch:
    """A project with the twenty secrets, in an empty sandbox."""
    made = secrets.project(folder, sandbox, *_environment(check=check), keys=ROTATE)
    path = made.repository.path / "arm/main.json"
    main = json.loads(path.read_text("utf-8"))
    other = template(SQL, TAGGED)
    main["resources"] += other["resources"]
    secure = {"type": "secureString"}
    main["parameters"] |= {"sql": secure, "word": secure, "box": {"type": "secureObject"}}
    made.write("arm/main.json", main)
    file = "environments/one.yaml"
    given = f'"${{env:{NAMES[16]}}}", sql: "${{env:{NAMES[17]}}}", box: {{inner: "${{env:{NAMES[18]}}}"}}'
    text = (made.repository.path / file).read_text("utf-8")
    made.write(file, text.replace("parameters: {me:", f"parameters: {{word: {given}, me:", 1))
    made.write("notebooks/tell.py", workspaces.notebook(NOTEBOOK))
    made.repository.commit()
    return Watch(sandbox, made.repository.path, folder / "watched", settings)


def known(sandbox: Sandbox) -> list[tuple[str, str]]:
    """The values as they were given, and those that were made."""
    return [*VALUES.items(), *true_values(sandbox).items()]


def afresh(watched: Watch) -> None:
    """An empty world and no state."""
    watched.sandbox.reset()
    shutil.rmtree(watched.folder, ignore_errors=True)


def told(watched: Watch, back: int = 0) -> Any:
    """The JSON that the last run printed, or one before it."""
    return json.loads(next(watched.folder.glob(f"{watched.runs - back:03}-*.1")).read_text("utf-8"))


def test_no_verb_tells_a_secret(tmp_path: Path, sandbox: Sandbox, settings_home: Path) -> None:
    watched = watch(tmp_path, sandbox, settings_home, check=True)
    assert watched.run("validate") == 0, watched.text()
    assert watched.run("plan", "one", "-v") == 2, watched.text()
    assert watched.run("plan", "one", "--json") == 2
    assert len(told(watched)["changes"]) > 20
    assert watched.run("apply", "one", "--yes", "-v") == 1, watched.text()
    watched.run("status", "--json")
    assert "it was" in watched.text(), "the notebook told nothing: the test shows nothing"
    assert watched.text().count("(secret)") >= 4, watched.text()
    values = known(sandbox)
    assert {value for _, value in values} >= set(VALUES.values())
    assert len(values) >= len(VALUES) + 16 + 4, "a made secret, a token, keys and lines are among them"
    # By hand: a secret in the vault, one in the scope, one in a tag.
    secrets.vault().set_secret("canary-01", "set by somebody")
    workspaces.person(sandbox).secrets.put_secret("team", "canary-09", string_value="set by somebody")
    tags = {"tags": {"word": "set by somebody"}}
    Azure().call(
        "PATCH", group("one", "Microsoft.ManagedIdentity/userAssignedIdentities/first"), "2023-01-31", tags
    )
    assert watched.run("plan", "one", "--json", "-v") == 2
    assert {change["cause"] for change in told(watched)["changes"]} == {"drift"}
    secrets.forward(sandbox, "P91D")  # keys rotate, the token is renewed
    assert watched.run("tick", "one", "--json") == 1, "the check fails still"
    for verb in (("status",), ("history", "one"), ("graph", "one"), ("suspend", "one", "--why", "a pause")):
        watched.run(*verb)
        watched.run(*verb, "--json")
    watched.run("tick", "one")
    watched.run("resume", "one")
    watched.run("doctor", "one")
    watched.run("destroy", "one", "--yes", "--json")
    assert watched.leaks([*values, *known(sandbox), ("by hand", "set by somebody")]) == []
    assert watched.runs >= 17


def test_the_search_finds_what_it_is_to_find(tmp_path: Path, sandbox: Sandbox, settings_home: Path) -> None:
    """Where the search were blind, the other tests would show nothing."""
    watched = Watch(sandbox, tmp_path, tmp_path / "watched", settings_home)
    (tmp_path / "watched/state/one").mkdir(parents=True)
    file = tmp_path / "watched/state/one/state.json"
    for name, value in VALUES.items():
        for form in (value, json.dumps(value), core(value, 1), value.encode().hex()):
            file.write_text(f"before {form} after", "utf-8")
            assert bool(watched.leaks([(name, value)])) is (form != value.encode().hex())


def unlucky(watched: Watch, *faults: dict[str, Any]) -> int:
    """One apply in an empty world with these faults, then what tells of it; the exit code of the apply."""
    afresh(watched)
    run = watched.start("apply", "one", "--yes", "--json", "-v")
    for fault in faults:
        pid = {"pid": run.pid} if fault["do"] == "kill" else {}
        watched.sandbox.control("POST", "faults", {**fault, **pid})
    code = run.go()
    watched.sandbox.control("DELETE", "faults")
    watched.run("status", "--json")
    watched.run("history", "one")
    assert watched.leaks(known(watched.sandbox)) == [], faults
    return code


@pytest.mark.parametrize("paths", [("*/deployments/*",), ("/secrets/*", "*/secrets/put")])
def test_a_service_that_quotes_what_it_refuses(
    tmp_path: Path, sandbox: Sandbox, settings_home: Path, paths: tuple[str, ...]
) -> None:
    """Every write of secrets is refused with a message that holds the whole request."""
    watched = watch(tmp_path, sandbox, settings_home)
    faults = [{"do": "echo", "status": 400, "times": 0, "match": {"method": "P*", "path": p}} for p in paths]
    assert unlucky(watched, *faults) == 1
    quoted = [o["error"] for o in told(watched, 2)["outcomes"] if "The request was" in o.get("error", "")]
    assert sum("(secret)" in error for error in quoted) >= (1 if len(paths) == 1 else 18)


def test_answers_that_are_lost_and_a_kill(tmp_path: Path, sandbox: Sandbox, settings_home: Path) -> None:
    """Each after the value was written, so that the next run has to find out what became of it."""
    watched = watch(tmp_path, sandbox, settings_home)
    lost = {"do": "drop-after", "match": {"path": "/secrets/canary-05"}}
    code = unlucky(watched, lost, {"do": "kill", "when": "after", "match": {"path": "*/secrets/put"}})
    assert code == -signal.SIGKILL


@pytest.mark.prove
@pytest.mark.parametrize(
    "fault",
    [
        *({"do": "echo", "status": status} for status in (400, 409, 500)),
        {"do": "status", "status": 500},
        {"do": "drop-before"},
        {"do": "drop-after"},
    ],
    ids=lambda fault: " ".join(map(str, fault.values())),
)
def test_bad_luck_with_any_call(
    tmp_path: Path, sandbox: Sandbox, settings_home: Path, fault: dict[str, Any]
) -> None:
    """Every STEPth call of the first apply goes wrong, from each call on in turn."""
    watched = watch(tmp_path, sandbox, settings_home)
    for first in range(STEP):
        unlucky(watched, *({**fault, "after": at, "times": 1} for at in range(first, CALLS, STEP)))


@pytest.mark.prove
def test_killed_at_any_call(tmp_path: Path, sandbox: Sandbox, settings_home: Path) -> None:
    """Each call of the first apply in turn, until there is none left to be killed at."""
    watched = watch(tmp_path, sandbox, settings_home)
    killed = 0
    while unlucky(watched, {"do": "kill", "when": "after", "after": killed, "times": 1}) == -signal.SIGKILL:
        killed += 1
    assert killed > 60, "there are fewer calls than secrets need"
