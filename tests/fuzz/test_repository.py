"""What a repository holds: whatever is in its files, each is read, or refused with its place, and nobody is called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import damage
from support import factories as adf
from support.fuzzing import CANARY, Watch, fuzz
from support.project import environment, identity, storage, template
from support.workspaces import notebook, workspace_template

from reconciler.desired import build
from reconciler.environment import load
from reconciler.errors import InputError
from reconciler.referring import Facts

FACTS = Facts("11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000",
              {"env:FUZZ_SECRET": CANARY}, {}, b"key")  # fmt: skip
Damage = Callable[[bytes, Random], bytes]

PARAMETERS = {
    "owner": {"type": "string", "minLength": 3, "maxLength": 20, "defaultValue": "team"},
    "many": {"type": "int", "minValue": 1, "maxValue": 9, "defaultValue": 2},
    "tags": {"type": "object", "defaultValue": {"a": "b"}},
    "secret": {"type": "securestring", "defaultValue": ""},
    "kinds": {"type": "array", "defaultValue": ["a", "b"], "allowedValues": [["a", "b"], []]},
}
ACCOUNT = {
    **storage("[concat('data', parameters('owner'), copyIndex())]"),
    "copy": {"name": "each", "count": "[parameters('many')]", "mode": "serial", "batchSize": 1},
    "condition": "[not(empty(parameters('kinds')))]",
    "tags": "[union(parameters('tags'), createObject('n', string(copyIndex())))]",
    "dependsOn": ["[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'who')]"],
}
NESTED = {
    "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "inner",
    "properties": {
        "mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
        "parameters": {"x": {"value": "[parameters('owner')]"}},
        "template": template(identity("[parameters('x')]"), parameters={"x": {"type": "string"}}),
    },
}  # fmt: skip
TEMPLATE = template(
    identity("who", team="data"), ACCOUNT, NESTED, parameters=PARAMETERS,
    variables={"copy": [{"name": "names", "count": 3, "input": "[format('n{0}', copyIndex('names'))]"}]},
    outputs={"names": {"type": "array", "value": "[variables('names')]"},
             "id": {"type": "string", "value": "[reference('who').principalId]"}},
)  # fmt: skip
GIVEN = """main.json, parameters: {owner: data, many: 3, kinds: [a, b],
      tags: {a: &x b, c: *x}, secret: "${env:FUZZ_SECRET}"}}"""
STORE = {"type": "AzureBlobFS", "typeProperties": {"url": "https://x.dfs.core.windows.net"}}
DATASET = {"type": "Json", "linkedServiceName": adf.ref("linkedService", "Store"), "typeProperties": {}}
PIPELINE = adf.pipeline(
    {"name": "Look", "type": "Lookup", "dependsOn": [],
     "policy": {"timeout": "0.01:00:00"}, "typeProperties": {"dataset": adf.ref("dataset", "Rows")}},
    {"name": "Each", "type": "ForEach", "dependsOn": [{"activity": "Look", "dependencyConditions": ["Succeeded"]}],
     "typeProperties": {"items": "@activity('Look').output.value", "activities": [adf.run("other")]}},
)  # fmt: skip
TRIGGER = {
    "type": "ScheduleTrigger", "runtimeState": "Started", "pipelines": [{"pipelineReference": adf.ref("pipeline", "main")}],
    "typeProperties": {"recurrence": {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z"}},
}  # fmt: skip
OBJECTS = {"linkedService/Store": STORE, "dataset/Rows": DATASET, "pipeline/other": adf.pipeline(),
           "pipeline/main": PIPELINE, "trigger/Daily": TRIGGER}  # fmt: skip
NOTEBOOK = {
    "cells": [{"cell_type": "code", "source": ["print(1)\n"], "outputs": [], "metadata": {}, "execution_count": 1}],
    "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip
JOB = """\
resources:
  jobs:
    score:
      name: score
      tags: {team: data}
      permissions: [{group_name: users, level: CAN_VIEW}]
      schedule: {quartz_cron_expression: "0 0 3 * * ?", timezone_id: UTC}
      job_clusters:
        - job_cluster_key: small
          new_cluster: {spark_version: 15.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}
      tasks:
        - task_key: one
          job_cluster_key: small
          notebook_task: {notebook_path: /Shared/team/main, base_parameters: {a: "1"}}
        - task_key: two
          depends_on: [{task_key: one}]
          job_cluster_key: small
          libraries: [{whl: /Shared/libs/lib-*.whl}]
          python_wheel_task: {package_name: lib, entry_point: main}
"""
PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "lib"
version = "1.0"
description = "d"
readme = "README.md"
requires-python = ">=3.10"
license = {text = "MIT"}
authors = [{name = "A", email = "a@example.org"}]
dependencies = ["x>=1; python_version > '3'"]
[project.optional-dependencies]
dev = ["y"]
[project.scripts]
run = "lib:main"
[tool.setuptools.packages.find]
where = ["src"]
[tool.setuptools.package-data]
lib = ["*.txt"]
"""
SECTIONS = """\
dataFactory:
  factory: f-adf
  definitions: datafactory/
  set: {"pipeline/main": {"properties.activities[Look].policy.timeout": "0.02:00:00"}}
keyVault:
  vault: fuzz-kv
  secrets:
    given: ${env:FUZZ_SECRET}
    made: {generate: {length: 40}}
    dated: {value: "${env:FUZZ_SECRET}", contentType: text/plain, expires: 2027-06-30}
checks:
  - {name: endpoint, http: "https://example.org/health", expect: 200}
alerts:
  - {to: "mailto:team@example.org", on: [drift, failed]}
"""
POLICY = """\
after: []
interval: 5m
policy:
  heal: true
  limits: {deletes: 5, changes: 50%}
  ignore: [{key: "arm.resource/*/Microsoft.Storage*", path: tags.costcentre, why: set by policy}]
  acknowledge: [{delete: "adf.pipeline/*/old_*", until: 2026-12-31}]
"""
WORKSPACE = """\
databricks:
  workspace: ${azure.main.url}
  resourceId: ${azure.main.id}
"""
LINES = {
    "notebooks": "  notebooks: [{from: notebooks/, to: /Shared/team, permissions: {users: CAN_READ}}]\n",
    "jobs": "  notebooks: [{from: notebooks/, to: /Shared/team}]\n  libraries: [{build: model/, to: /Shared/libs}]\n"
            "  jobs: [{file: jobs/score.yaml}]\n",
    "scopes": "  secretScopes: {team: {permissions: {users: READ}, secrets: {a: \"${env:FUZZ_SECRET}\"}}}\n",
}  # fmt: skip


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


def _objects(objects: Mapping[str, Any]) -> dict[str, bytes]:
    named = {f"datafactory/{path}.json": (path.rpartition("/")[2], body) for path, body in objects.items()}
    return {path: _json({"name": name, "properties": body}) for path, (name, body) in named.items()}


def _workspace(*names: str) -> bytes:
    said = WORKSPACE + "".join(LINES[name] for name in names)
    return environment("one", more=said).encode()


@dataclass(frozen=True)
class Reader:
    """files: those of a sound repository; damaged: which of them are damaged, each in its way."""

    files: Mapping[str, bytes]
    damaged: Mapping[str, Damage]


MAIN = {"arm/main.json": _json(TEMPLATE)}
PLACE = {"arm/main.json": _json(workspace_template())}
ONE, BASE = "environments/one.yaml", "environments/base.yaml"
EXPORT = _json(adf.exported(OBJECTS))
BOOKS = {"notebooks/main.py": notebook().encode(), "notebooks/sub/deep.sql": b"-- Databricks notebook source\nselect 1\n",
         "notebooks/cells.ipynb": _json(NOTEBOOK), "notebooks/plain.txt": b"text\n",
         "notebooks/r.R": b"# Databricks notebook source\n1\n"}  # fmt: skip
LIBRARY = {"model/pyproject.toml": PYPROJECT.encode(), "model/README.md": b"# lib\n", "model/src/lib/__init__.py": b"x=1\n",
           "model/src/lib/data.txt": b"\n"}  # fmt: skip
text, tree = damage.text, damage.json_or_raw

READERS: Mapping[str, Reader] = {
    "environment": Reader(
        {ONE: environment("one", policy=POLICY, more=SECTIONS).encode(), **MAIN, **_objects(OBJECTS)}, {ONE: text}
    ),
    "workspace section": Reader(
        {ONE: _workspace("notebooks", "scopes"), **PLACE, "notebooks/main.py": notebook().encode()}, {ONE: text}
    ),
    "overlay": Reader(
        {ONE: b"name: one\nextends: base.yaml\nazure: {resourceGroup: other}\n" + SECTIONS.encode(),
         BASE: environment("one", policy=POLICY).replace("name: one\n", "").encode(), **MAIN, **_objects(OBJECTS)},
        {ONE: text, BASE: text},
    ),
    "template": Reader({ONE: environment("one").encode(), **MAIN}, {"arm/main.json": tree}),
    "parameters": Reader({ONE: environment("one").replace("main.json}", GIVEN).encode(), **MAIN}, {ONE: text}),
    "factory folder": Reader(
        {ONE: environment("one", more=SECTIONS).encode(), **MAIN, **_objects(OBJECTS)},
        dict.fromkeys(_objects(OBJECTS), tree),
    ),
    "factory export": Reader(
        {ONE: environment("one", more="dataFactory: {factory: f-adf, template: arm/export.json}\n").encode(), **MAIN,
         "arm/export.json": EXPORT},
        {"arm/export.json": tree},
    ),
    "notebooks": Reader(
        {ONE: _workspace("notebooks"), **PLACE, **BOOKS},
        {path: tree if path.endswith(".ipynb") else damage.raw for path in BOOKS},
    ),
    "jobs": Reader(
        {ONE: _workspace("jobs"), **PLACE, **LIBRARY, "notebooks/main.py": notebook().encode(), "jobs/score.yaml": JOB.encode()},
        {"jobs/score.yaml": text},
    ),
    "library": Reader(
        {ONE: _workspace("jobs"), **PLACE, **LIBRARY, "notebooks/main.py": notebook().encode(), "jobs/score.yaml": JOB.encode()},
        {"model/pyproject.toml": text, "model/README.md": damage.raw, "model/src/lib/__init__.py": damage.raw},
    ),
}  # fmt: skip


def written(root: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def desired(root: Path) -> Any:
    return build(load(root, "one"), root, FACTS)


@pytest.fixture(params=sorted(READERS))
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Reader]]:
    found = READERS[request.param]
    written(tmp_path, found.files)
    yield tmp_path, found


def test_undamaged_each_of_them_is_sound(reader: tuple[Path, Reader]) -> None:
    """Else the fuzzers would stop at a fault of their own."""
    assert desired(reader[0]).graph


FOUND = {
    "trigger whose properties are a list": {"datafactory/trigger/Daily.json": b'{"name": "Daily", "properties": ["abcd"]}'},
    "parameters that are a number": {"arm/export.json": b'{"$schema": "x", "parameters": 7, "resources": []}'},
    "a parameter that is a number": {"arm/export.json": b'{"$schema": "x", "parameters": {"a": 7}, "resources": []}'},
}  # fmt: skip
"""What fuzzers found."""


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_before(tmp_path: Path, watch: Watch, what: str) -> None:
    files = FOUND[what]
    found = next(each for each in READERS.values() if files.keys() <= each.damaged.keys())
    written(tmp_path, {**found.files, **files})
    watch.judge(lambda: desired(tmp_path), InputError)


@fuzz(few=60, many=3000)
def test_damaged_files(reader: tuple[Path, Reader], watch: Watch, random: Random) -> None:
    """One file, or two of them, damaged in bytes, lines or tree."""
    root, found = reader
    paths = random.sample(sorted(found.damaged), min(len(found.damaged), random.choice((1, 1, 2))))
    written(root, {path: found.damaged[path](found.files[path], random) for path in paths})
    try:
        watch.judge(lambda: desired(root), InputError)
    finally:
        written(root, {path: found.files[path] for path in paths})


NAMES = ("a b", "a\tb", "a\nb", "ü", "e\u0301", "\udcff", "-rf", "con", "a" * 200, "x.json", "x.JSON", "x.py.py", "%2e",
         "a:b", "'", '"', "*", "?", "[x]", "{}", "${x}", "\x1b[31m", "\u202e", ".hidden", "x.ipynb", "x.dbc", "__pycache__")  # fmt: skip


@fuzz(few=60, many=1500)
def test_odd_file_names(reader: tuple[Path, Reader], watch: Watch, random: Random) -> None:
    """A file that is moved to a name that few systems take; also one that becomes a folder, or a link to itself."""
    root, found = reader
    path = random.choice(sorted(found.damaged))
    old = root / path
    new = old.with_name(random.choice(NAMES) + random.choice(("", old.suffix)))
    if new.exists():
        return
    old.rename(new)
    try:
        match random.randrange(4):
            case 0:
                old.mkdir()
            case 1:
                old.symlink_to(old.name)
            case 2:
                old.symlink_to(new.name)
        watch.judge(lambda: desired(root), InputError)
    finally:
        if old.is_symlink():
            old.unlink()
        elif old.is_dir():
            old.rmdir()
        new.rename(old)
