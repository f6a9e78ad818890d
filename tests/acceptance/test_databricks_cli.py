"""The unmodified `databricks` command line works against the sandbox, and `plan` tells just what it did."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import workspaces
from support.project import Project
from support.sandbox import ROOT, Sandbox
from support.workspaces import FOLDER, NOTEBOOKS, notebook

DATABRICKS = ROOT / ".venv-az" / "bin" / "databricks"
SCOPES = "secretScopes: {team: {permissions: {users: READ}, secrets: {key: '${env:API_KEY}'}}}"
CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1}
PATIENCE = 120  # seconds: a notebook without Spark, on a machine that does other things

Databricks = Callable[..., str]


@pytest.fixture
def team(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Project:
    if not DATABRICKS.exists():
        if os.environ.get("CI"):
            pytest.fail("the command line of Databricks is not there: `make test` installs it into .venv-az")
        pytest.skip("the command line of Databricks is not there: `make test` installs it into .venv-az")
    monkeypatch.setenv("API_KEY", "the value")
    monkeypatch.setenv("RECONCILER_SECRETS", "API_KEY")
    made = workspaces.project(tmp_path, sandbox, NOTEBOOKS, SCOPES)
    made.write("notebooks/a.py", notebook("print('a')"))
    made.write("notebooks/deep/b.py", notebook("dbutils.notebook.exit(dbutils.widgets.get('word') + '!')"))
    made.repository.commit()
    ticked = made.run("tick", "one")
    assert ticked.code == 0, ticked.text
    return made


@pytest.fixture
def databricks(team: Project, sandbox: Sandbox, tmp_path: Path) -> Databricks:
    """Runs the tool with a token of its own; gives what it prints."""
    client = workspaces.person(sandbox)
    token = client.tokens.create(comment="cli", lifetime_seconds=3600).token_value
    home = {"HOME": str(tmp_path), "DATABRICKS_HOST": client.config.host, "DATABRICKS_TOKEN": token}

    def call(*words: str) -> str:
        done = subprocess.run(
            [str(DATABRICKS), *words],
            env={**sandbox.env, **home},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return done.stdout

    return call


def told(project: Project) -> tuple[list[tuple[str, str, str]], list[str]]:
    """What a plan names: changes as action, cause and kind with name; and what is not ours."""
    planned = project.run("plan", "one")
    changes = [(each["action"], each["cause"], short(each["key"])) for each in planned.json["changes"]]
    return sorted(changes), [short(key) for key in planned.json["unmanaged"]]


def short(key: str) -> str:
    kind, _, name = key.split("/", 2)
    return f"{kind.removeprefix('databricks.')} {name.replace('%2F', '/').removeprefix(FOLDER)}"


def test_directories_come_and_go_and_the_plan_names_them(
    team: Project, databricks: Databricks, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    databricks("workspace", "export_dir", FOLDER, str(out))
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.py")) == ["a.py", "deep/b.py"]
    assert (out / "a.py").read_text().rstrip("\n") == notebook("print('a')").rstrip("\n")
    databricks("workspace", "import_dir", str(out), FOLDER, "--overwrite")
    assert told(team) == ([], []), "what was exported is what Git says"
    (out / "a.py").write_text(notebook("print('edited')"))
    (out / "deep" / "c.py").write_text(notebook("print('added')"))
    databricks("workspace", "import_dir", str(out), FOLDER, "--overwrite")
    databricks("workspace", "delete", f"{FOLDER}/deep/b")
    assert "c" in databricks("workspace", "ls", f"{FOLDER}/deep").split()
    assert told(team) == (
        [("create", "drift", "notebook /deep/b"), ("update", "drift", "notebook /a")],
        ["notebook /deep/c"],
    )
    assert team.run("tick", "one").code == 0
    assert told(team) == ([], ["notebook /deep/c"])
    databricks("workspace", "export", f"{FOLDER}/a", str(tmp_path / "back.py"))
    assert "print('a')" in (tmp_path / "back.py").read_text()


def test_scopes_and_secrets_come_and_go_and_the_plan_names_them(
    team: Project, databricks: Databricks
) -> None:
    databricks("secrets", "create-scope", "--scope", "mine")
    databricks("secrets", "put", "--scope", "mine", "--key", "word", "--string-value", "hush")
    databricks("secrets", "put-acl", "--scope", "mine", "--principal", "users", "--permission", "READ")
    scopes = json.loads(databricks("secrets", "list-scopes", "--output", "JSON"))["scopes"]
    assert sorted(each["name"] for each in scopes) == ["mine", "team"]
    listed = json.loads(databricks("secrets", "list", "--scope", "mine", "--output", "JSON"))["secrets"]
    assert [each["key"] for each in listed] == ["word"]
    assert told(team) == ([], ["secretScope mine"])
    databricks("secrets", "put", "--scope", "team", "--key", "key", "--string-value", "another")
    databricks("secrets", "put-acl", "--scope", "team", "--principal", "users", "--permission", "MANAGE")
    databricks("secrets", "put", "--scope", "team", "--key", "extra", "--string-value", "more")
    changes, unmanaged = told(team)
    assert ("update", "drift", "secret team/key") in changes
    assert ("update", "drift", "secretScope team") in changes and len(changes) == 2
    assert unmanaged == ["secret team/extra", "secretScope mine"]
    assert team.run("tick", "one").code == 0
    acl = json.loads(databricks("secrets", "list-acls", "--scope", "team", "--output", "JSON"))["items"]
    assert {"principal": "users", "permission": "READ"} in acl
    databricks("secrets", "delete", "--scope", "team", "--key", "key")
    assert told(team)[0] == [("create", "drift", "secret team/key")]
    databricks("secrets", "delete-scope", "--scope", "mine")
    assert team.run("tick", "one").code == 0
    assert told(team) == ([], ["secret team/extra"])


def test_a_run_that_it_submits_succeeds(team: Project, databricks: Databricks) -> None:
    task = {"notebook_path": f"{FOLDER}/deep/b", "base_parameters": {"word": "done"}}
    asked = {"run_name": "by hand", "new_cluster": CLUSTER, "notebook_task": task}
    run = str(json.loads(databricks("runs", "submit", "--json", json.dumps(asked)))["run_id"])
    deadline = time.monotonic() + PATIENCE
    while True:
        state = json.loads(databricks("runs", "get", "--run-id", run))["state"]
        if state["life_cycle_state"] in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"):
            break
        assert time.monotonic() < deadline, state
    assert state["result_state"] == "SUCCESS", state
    output = json.loads(databricks("runs", "get-output", "--run-id", run))
    assert output["notebook_output"]["result"] == "done!"
    assert told(team) == ([], []), "a run changes nothing of what Git says"
