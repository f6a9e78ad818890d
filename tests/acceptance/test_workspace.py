"""Notebooks, files and libraries stay in the workspace as Git says, whoever works in it by hand."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from support import workspaces
from support.project import Project
from support.sandbox import Sandbox
from support.workspaces import FOLDER, notebook


def names(ran: object, action: str) -> list[str]:
    """Kind and path of what a plan would do so."""
    changes = ran.json["changes"]  # type: ignore[attr-defined]
    return sorted(short(change["key"]) for change in changes if change["action"] == action)


def short(key: str) -> str:
    kind, _, path = key.split("/")
    return f"{kind.removeprefix('databricks.')} {path.replace('%2F', '/').removeprefix(FOLDER)}"


def calls(sandbox: Sandbox, since: int) -> Counter[str]:
    """Calls to workspaces by their route."""
    found = [e for e in sandbox.journal()[since:] if e["host"].endswith(".azuredatabricks.net")]
    return Counter(re.sub(r"^/api/[\d.]+/", "", e["path"]) for e in found)


@pytest.fixture
def team(tmp_path: Path, sandbox: Sandbox) -> Project:
    """A workspace with notebooks in a folder and below it, a file among them."""
    made = workspaces.project(tmp_path, sandbox)
    for path in ("a", "b", "deep/c", "deep/d", "other/e"):
        made.write(f"notebooks/{path}.py", notebook(f"print('{path}')"))
    made.write("notebooks/deep/settings.json", {"rows": 10})
    made.repository.commit()
    ticked = made.run("tick", "one")
    assert ticked.code == 0, ticked.text
    return made


def test_a_new_workspace_is_filled_by_the_first_tick_and_the_second_plan_is_empty(
    team: Project, sandbox: Sandbox
) -> None:
    client = workspaces.person(sandbox)
    found = {each.path: each.object_type.value for each in client.workspace.list(FOLDER, recursive=True)}
    assert found[f"{FOLDER}/deep/c"] == "NOTEBOOK" and found[f"{FOLDER}/deep/settings.json"] == "FILE"
    assert workspaces.text_of(client, f"{FOLDER}/a").startswith(workspaces.HEADER)
    at = len(sandbox.journal())
    planned = team.run("plan", "one")
    assert (planned.code, planned.json["changes"], planned.json["blocked"]) == (0, [], [])
    assert calls(sandbox, at) == {"workspace/list": 3}, "one list for each folder, and nothing is exported"


def test_what_somebody_does_in_the_browser_is_named_healed_or_reported(
    team: Project, sandbox: Sandbox
) -> None:
    client = workspaces.person(sandbox)
    workspaces.write(client, f"{FOLDER}/a", "print('edited')")
    client.workspace.delete(f"{FOLDER}/b")
    client.workspace.delete(f"{FOLDER}/deep", recursive=True)
    workspaces.write(client, f"{FOLDER}/mine", "print('mine')")
    planned = team.run("plan", "one")
    assert names(planned, "update") == ["notebook /a"]
    assert names(planned, "create") == [
        "directory /deep", "file /deep/settings.json", "notebook /b", "notebook /deep/c", "notebook /deep/d",
    ]  # fmt: skip
    assert {change["cause"] for change in planned.json["changes"]} == {"drift"}
    assert [short(key) for key in planned.json["unmanaged"]] == ["notebook /mine"]
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    assert "print('a')" in workspaces.text_of(client, f"{FOLDER}/a")
    assert "print('mine')" in workspaces.text_of(client, f"{FOLDER}/mine"), "what is not ours is left alone"
    assert team.run("plan", "one").json["changes"] == []


def test_a_renamed_notebook_is_a_deleted_and_an_added_one(team: Project, sandbox: Sandbox) -> None:
    client = workspaces.person(sandbox)
    text = workspaces.text_of(client, f"{FOLDER}/a").removeprefix(workspaces.HEADER)
    workspaces.write(client, f"{FOLDER}/a2", text)
    client.workspace.delete(f"{FOLDER}/a")
    planned = team.run("plan", "one")
    assert names(planned, "create") == ["notebook /a"]
    assert [short(key) for key in planned.json["unmanaged"]] == ["notebook /a2"]


def test_a_save_without_an_edit_is_no_drift_and_is_looked_at_once(team: Project, sandbox: Sandbox) -> None:
    client = workspaces.person(sandbox)
    workspaces.write(client, f"{FOLDER}/a", "print('a')\n\n")
    ticked = team.run("tick", "one")
    assert (ticked.code, ticked.json["changes"]) == (0, [])
    at = len(sandbox.journal())
    assert team.run("tick", "one").json["changes"] == []
    assert calls(sandbox, at) == {"workspace/list": 3}


def test_what_leaves_git_leaves_the_workspace_but_a_folder_with_somebody_elses_work_stays(
    team: Project, sandbox: Sandbox
) -> None:
    client = workspaces.person(sandbox)
    workspaces.write(client, f"{FOLDER}/deep/mine", "print('mine')")
    team.repository.git("rm", "-rq", "notebooks/deep", "notebooks/other")
    team.repository.commit()
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    left = {each.path.removeprefix(FOLDER) for each in client.workspace.list(FOLDER, recursive=True)}
    assert left == {"/a", "/b", "/deep/mine"}
    assert [(short(held["key"]), held["code"]) for held in ticked.json["blocked"]] == [
        ("directory /deep", "kept")
    ]


def test_a_notebook_that_a_file_took_the_place_of_is_made_again(team: Project, sandbox: Sandbox) -> None:
    client = workspaces.person(sandbox)
    client.workspace.delete(f"{FOLDER}/a")
    client.workspace.upload(f"{FOLDER}/a", b"not a notebook", format=_auto())
    planned = team.run("plan", "one")
    assert names(planned, "replace") == ["notebook /a"], planned.json["changes"]
    assert team.run("tick", "one").code == 0
    assert "print('a')" in workspaces.text_of(client, f"{FOLDER}/a")


def _auto() -> object:
    from databricks.sdk.service.workspace import ImportFormat

    return ImportFormat.AUTO


def test_a_workspace_deleted_by_hand_comes_back_with_all_that_is_in_it(
    team: Project, sandbox: Sandbox
) -> None:
    from support.project import SUBSCRIPTION, Azure

    id_ = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/one/providers/{workspaces.RESOURCE}/team-dbw"
    Azure().call("DELETE", id_, "2024-05-01")
    ticked = team.run("tick", "one")
    assert ticked.code == 0, ticked.text
    assert ticked.json["summary"]["delete"] == 0
    client = workspaces.person(sandbox)
    assert len(list(client.workspace.list(FOLDER, recursive=True))) == 6
    assert team.run("plan", "one").json["changes"] == []


def test_a_workspace_that_cannot_be_reached_is_not_taken_for_empty(
    team: Project, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.providers.retries.ATTEMPTS", 1)
    sandbox.fault("status", match={"host": "adb-*"}, times=1000, status=503)
    planned = team.run("plan", "one")
    assert planned.json["changes"] == []
    assert {held["code"] for held in planned.json["blocked"]} == {"unreadable"}


@pytest.mark.parametrize("shown", [True, False], ids=["stamps", "no stamps"])
def test_a_thousand_notebooks_cost_a_list_for_each_folder(
    tmp_path: Path, sandbox: Sandbox, shown: bool
) -> None:
    """One edited notebook costs one export and one import; without stamps in the lists a share of all is
    exported each tick, all within the hour."""
    folders, each = (50, 20) if shown else (5, 20)
    sandbox.control("POST", "databricks/listing", {"notebooks": shown})
    made = workspaces.project(tmp_path, sandbox)
    for folder in range(folders):
        for n in range(each):
            made.write(f"notebooks/f{folder}/n{n}.py", notebook(f"print({folder}, {n})"))
    made.repository.commit()
    applied = made.run("apply", "one", "--yes")
    assert applied.code == 0, [o for o in applied.json["outcomes"] if o["result"] != "done"][:3]
    at = len(sandbox.journal())
    assert made.run("tick", "one").json["changes"] == []
    assert calls(sandbox, at) == {"workspace/list": folders + 1}
    client = workspaces.person(sandbox)
    if shown:
        workspaces.write(client, f"{FOLDER}/f3/n4", "print('edited')")
        at = len(sandbox.journal())
        ticked = made.run("tick", "one")
        assert names(ticked, "update") == ["notebook /f3/n4"]
        found = calls(sandbox, at)
        assert (found["workspace/export"], found["workspace/import"]) == (1, 1)
        at = len(sandbox.journal())
        assert made.run("tick", "one").json["changes"] == []
        assert calls(sandbox, at) == {"workspace/list": folders + 1}
        return
    exported: list[set[str]] = []
    for _ in range(12):
        sandbox.advance("PT5M")
        at = len(sandbox.journal())
        assert made.run("tick", "one").code == 0
        exports = [e for e in sandbox.journal()[at:] if e["path"].endswith("/export")]
        exported.append({e["query"]["path"] for e in exports})
    assert len(set().union(*exported)) == folders * each
    assert max(map(len, exported)) < folders * each / 2, [len(paths) for paths in exported]
