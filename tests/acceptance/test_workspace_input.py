"""Bad notebooks, libraries and jobs: every fault at once with its file, and nothing called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import workspaces
from support.project import Project, environment
from support.sandbox import Sandbox
from support.workspaces import FOLDER, NOTEBOOKS, notebook, section

LINES = (
    NOTEBOOKS,
    f"libraries: [{{build: lib/, to: {FOLDER}/libs}}]",
    "jobs: [{file: jobs/missing.yaml}, {file: jobs/cycle.yaml}, {file: jobs/bundle.yaml}]",
)
CLUSTER = "new_cluster: {spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}"
MISSING = f"""\
resources:
  jobs:
    missing:
      tasks:
        - task_key: one
          notebook_task: {{notebook_path: {FOLDER}/absent}}
          {CLUSTER}
        - task_key: two
          notebook_task: {{notebook_path: {FOLDER}/good}}
          job_cluster_key: smal
      job_clusters:
        - job_cluster_key: small
          {CLUSTER}
      permissions:
        - {{group_name: users, level: IS_OWNER}}
"""
CYCLE = f"""\
resources:
  jobs:
    cycle:
      tasks:
        - task_key: one
          depends_on: [{{task_key: two}}]
          notebook_task: {{notebook_path: {FOLDER}/good}}
          {CLUSTER}
        - task_key: two
          depends_on: [{{task_key: one}}]
          notebook_task: {{notebook_path: {FOLDER}/good}}
          {CLUSTER}
"""
BUNDLE = f"""\
resources:
  jobs:
    bundle:
      name: ${{var.x}}
      tasks:
        - task_key: one
          notebook_task: {{notebook_path: {FOLDER}/good}}
          {CLUSTER}
targets:
  dev: {{}}
"""
# Whatever its code would do: it is never run.
SETUP = "from setuptools import setup\nsetup(name='lib', version='1', ext_modules=[])\n"
DYNAMIC = (
    '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "lib"\ndynamic = ["version"]\n'
)
BAD: dict[str, str] = {
    "notebooks/good.py": notebook(),
    "notebooks/large.py": notebook("x = 1\n" * 2_000_000),
    "notebooks/broken.ipynb": '{"cells": [\n  {"cell_type": "code"',
    "notebooks/twice.py": notebook("print('python')"),
    "notebooks/twice.sql": "-- Databricks notebook source\nselect 1\n",
    "lib/pyproject.toml": DYNAMIC,
    "lib/setup.py": SETUP,
    "lib/lib/__init__.py": "",
    "jobs/missing.yaml": MISSING,
    "jobs/cycle.yaml": CYCLE,
    "jobs/bundle.yaml": BUNDLE,
}
TOLD = {
    "notebooks/large.py": "12,000,",
    "notebooks/broken.ipynb:2:": "no JSON",
    "notebooks/twice.sql:1:1": "both become /Shared/team/twice",
    "lib/pyproject.toml:": "",
    "lib/setup.py": "runs code",
    "jobs/missing.yaml:6:": "/Shared/team/absent",
    "jobs/missing.yaml:10:": "Did you mean `small`?",
    "jobs/missing.yaml:15:": "one owner",
    "jobs/cycle.yaml:6:": "one → two → one",
    "jobs/bundle.yaml:4:": "${var.x}",
    "jobs/bundle.yaml:9:": "targets",
}
"""Where each fault is told, and a word of it."""


@pytest.fixture
def team(tmp_path: Path, sandbox: Sandbox) -> Project:
    made = workspaces.project(tmp_path, sandbox, *LINES)
    made.repository.commit(dict(BAD))
    return made


@pytest.mark.parametrize("verb", [["validate"], ["plan", "one"], ["apply", "one", "--yes"], ["tick", "one"]])
def test_every_fault_is_told_at_once_and_nothing_is_called(
    team: Project, sandbox: Sandbox, verb: list[str]
) -> None:
    told = team.run(*verb)
    assert told.code == 1
    assert sandbox.journal() == []
    faults = faults_of(told.json)
    for place, word in TOLD.items():
        assert [each for each in faults if each.startswith(place) and word in each], (place, faults)
    strays = [each for each in faults if not each.startswith(tuple(TOLD))]
    assert strays == [], "a fault is told once, at its own file"


def faults_of(document: dict) -> list[str]:  # type: ignore[type-arg]
    """`place: message hint` of each fault that a verb told."""
    faults = document["error"]["faults"]
    return [f"{each['where']}: {each['message']} {each.get('hint', '')}" for each in faults]


def test_faults_are_lines_that_an_editor_finds(team: Project) -> None:
    told = team.run("validate", json_=False)
    places = re.findall(r"^((?:notebooks|jobs|lib)/[\w.]+)(?::\d+){0,2}: .+$", told.text, re.MULTILINE)
    assert set(places) == set(BAD) - {
        "notebooks/good.py",
        "notebooks/twice.py",
        "lib/lib/__init__.py",
    }


def test_a_good_commit_releases_what_a_bad_one_held(team: Project, sandbox: Sandbox) -> None:
    """And while Git is bad, nothing of what is there is deleted."""
    team.write("environments/one.yaml", environment("one", more=section(NOTEBOOKS)))
    for name in ("large.py", "broken.ipynb", "twice.sql"):
        (team.repository.path / "notebooks" / name).unlink()
    team.repository.commit()
    assert team.run("tick", "one").code == 0
    team.repository.commit({"notebooks/good.py": BAD["notebooks/large.py"]})
    at = len(sandbox.journal())
    assert team.run("tick", "one").code == 1
    assert sandbox.journal()[at:] == []
    team.repository.commit({"notebooks/good.py": notebook("print('good')")})
    assert team.run("tick", "one").code == 0
    assert "print('good')" in workspaces.text_of(workspaces.person(sandbox), f"{FOLDER}/good")


@pytest.mark.parametrize("host", ["https://example.org", "adb-12.3.azuredatabricks.net.example.org", "bikes"])
def test_a_workspace_that_is_none_is_told_with_its_line(tmp_path: Path, sandbox: Sandbox, host: str) -> None:
    """Nobody is sent our token who is no Databricks workspace."""
    made = workspaces.project(tmp_path, sandbox)
    text = environment("one", more=f"databricks:\n  workspace: {host}\n  {NOTEBOOKS}\n")
    made.repository.commit({"environments/one.yaml": text, "notebooks/a.py": notebook()})
    told = made.run("plan", "one")
    assert (told.code, told.json["error"]["code"]) == (1, "invalid-input"), told.text
    assert told.json["error"]["where"].startswith("environments/one.yaml:10:")
    assert sandbox.journal() == []


def test_an_output_that_is_no_workspace_reaches_nobody(tmp_path: Path, sandbox: Sandbox) -> None:
    """The template's output names another host: known only when Azure tells it, and refused then."""
    made = workspaces.project(tmp_path, sandbox)
    outputs = workspaces.workspace_template()
    outputs["outputs"]["url"]["value"] = "[concat(resourceGroup().name, '.example.org')]"
    made.write("arm/main.json", outputs)
    made.repository.commit({"notebooks/a.py": notebook()})
    for verb in ("plan", "tick"):
        told = made.run(verb, "one")
        assert told.code == 1, told.text
        assert "example.org" in told.text
    assert not [each for each in sandbox.journal() if "example.org" in each["host"]]


@pytest.mark.parametrize("name", ["has space", "a/b", "x" * 129])
def test_a_name_that_no_scope_can_have_is_told(tmp_path: Path, sandbox: Sandbox, name: str) -> None:
    made = workspaces.project(
        tmp_path, sandbox, f'secretScopes: {{"{name}": {{secrets: {{key: "${{env:A}}"}}}}}}'
    )
    made.repository.commit()
    told = made.run("plan", "one")
    assert (told.code, told.json["error"]["code"]) == (1, "invalid-input"), told.text
    assert sandbox.journal() == []
