"""Mistakes in what is written in Git: the environment file, templates, definitions, notebooks, jobs."""

from __future__ import annotations

from collections.abc import Callable

from support.mistakes import sample
from support.mistakes.bench import Bench, Mistake

DEV = "environments/dev.yaml"
PLATFORM = "arm/platform.json"
JOB = "jobs/score.yaml"
RIDES = "datafactory/dataset/Rides.json"


def with_(*sections: str) -> Callable[[Bench], None]:
    """The environment has these sections as well."""
    return lambda bench: bench.commit({DEV: sample.DEV + "".join(sections)})


def large(bench: Bench) -> None:
    text = "# Databricks notebook source\n" + "x = 1\n" * 2_000_000
    bench.commit({DEV: sample.DEV + sample.WORKSPACE, "notebooks/score.py": text})


def conflict(bench: Bench) -> None:
    ours = "<<<<<<< HEAD\n  location: westeurope\n=======\n  location: northeurope\n>>>>>>> feature\n"
    bench.edit(DEV, "  location: westeurope\n", ours)


def uncommitted(bench: Bench) -> None:
    bench.repository.write({"environments/test.yaml": sample.DEV.replace("dev", "test")})


def circle(bench: Bench) -> None:
    bench.commit(
        {
            DEV: sample.DEV + "after: [test]\n",
            "environments/test.yaml": sample.DEV.replace("dev", "test") + "after: [dev]\n",
        }
    )


YAML = (
    Mistake(
        "A key is misspelt",
        "",
        ("environments/dev.yaml:3:1", "Did you mean", "interval"),
        (DEV, "interval: 5m", "intervall: 5m"),
    ),
    Mistake(
        "A line is indented wrongly",
        "",
        ("environments/dev.yaml:6:", "indent"),
        (DEV, "  resourceGroup: bikes-dev", "   resourceGroup: bikes-dev"),
    ),
    Mistake(
        "A tab stands where YAML wants spaces",
        "The editor wrote a tab (here `⇥`) before the key.",
        ("environments/dev.yaml:6:", "tab", "spaces"),
        (DEV, "  resourceGroup: bikes-dev", "\tresourceGroup: bikes-dev"),
    ),
    Mistake(
        "A key is there twice",
        "",
        ("environments/dev.yaml:8:3", "`location`", "line 6"),
        (DEV, "  resourceGroup: bikes-dev", "  location: northeurope\n  resourceGroup: bikes-dev"),
    ),
    Mistake(
        "The marks of a merge conflict were committed",
        "`git merge` left its marks, and the file was committed with them.",
        ("environments/dev.yaml:7:", "merge"),
        before=conflict,
    ),
    Mistake(
        "A value is of the wrong kind",
        "",
        ("environments/dev.yaml:3:11", "`often`", "`5m`"),
        (DEV, "interval: 5m", "interval: often"),
    ),
    Mistake(
        "The subscription's name stands where its id belongs",
        "",
        ("environments/dev.yaml:5:", "subscription", "az account"),
        (DEV, sample.SUBSCRIPTION, "Bikes Development"),
    ),
    Mistake(
        "The environment's name is misspelt on the command line",
        "",
        ("environments/dve.yaml", "dev"),
        words=("plan", "dve"),
    ),
    Mistake(
        "A new file is not committed",
        "`environments/test.yaml` was written, and `git add` and `git commit` were forgotten.",
        ("environments/test.yaml", "git add environments/test.yaml"),
        before=uncommitted,
        words=("plan", "test"),
    ),
    Mistake(
        "Two environments wait for each other",
        "`dev` says `after: [test]`, and `test` says `after: [dev]`.",
        ("environments/dev.yaml:14:", "dev", "test"),
        before=circle,
    ),
)

TEMPLATES = (
    Mistake(
        "A parameter is missing",
        "The line `retentionDays: 7` was left out, and the template has no default for it.",
        ("environments/dev.yaml:12:", "retentionDays", "give it a value"),
        (DEV, "        retentionDays: 7\n", ""),
    ),
    Mistake(
        "A parameter that the template does not have",
        "",
        ("environments/dev.yaml:14:", "retentionDay", "did you mean 'retentionDays'?"),
        (DEV, "retentionDays: 7", "retentionDays: 7\n        retentionDay: 7"),
    ),
    Mistake(
        "A parameter is of the wrong type",
        "",
        ("environments/dev.yaml:13:", "retentionDays", "int"),
        (DEV, "retentionDays: 7", "retentionDays: seven"),
    ),
    Mistake(
        "The template is not where the environment says",
        "",
        ("environments/dev.yaml:10:", "arm/platfrom.json"),
        (DEV, "arm/platform.json", "arm/platfrom.json"),
    ),
    Mistake(
        "A comma is missing in a template",
        "",
        ("arm/platform.json:15:7", "comma"),
        (PLATFORM, '"kind": "StorageV2",', '"kind": "StorageV2"'),
    ),
    Mistake(
        "A template function is misspelt",
        "",
        ("arm/platform.json:13:7", "resourceGroop", "did you mean 'resourceGroup'?"),
        (PLATFORM, "[resourceGroup().location]", "[resourceGroop().location]"),
    ),
    Mistake(
        "A template's parameter is not declared",
        "",
        ("arm/platform.json:12:7", "acountName", "did you mean 'accountName'?"),
        (PLATFORM, "\"[parameters('accountName')]\"", "\"[parameters('acountName')]\""),
    ),
    Mistake(
        "An output that no template has",
        "`databricks.workspace` reads an output that the template calls `url`.",
        ("environments/dev.yaml:15:", "databricksUrl", "url"),
        (DEV, "workspace: ${azure.platform.url}", "workspace: ${azure.platform.databricksUrl}"),
        with_(sample.WORKSPACE),
    ),
    Mistake(
        "A secret is given as a name",
        "The template would show it: the parameter is a plain `string`.",
        ("environments/dev.yaml:12:22", "accountName", "secureString"),
        (DEV, "accountName: bikesdev", "accountName: ${env:ACCOUNT}"),
    ),
)

CONTENT = (
    Mistake(
        "A dataset of a linked service that is not there",
        "",
        ("datafactory/dataset/Rides.json:5:7", "linkedService/Lak,", "Is 'Lake' meant?"),
        (RIDES, '"referenceName": "Lake"', '"referenceName": "Lak"'),
        with_(sample.FACTORY),
    ),
    Mistake(
        "A character that Data Factory does not take in a name",
        "",
        ("datafactory/dataset/Rides.json:2:", "Rides/2026", "It takes 1 to 260 characters"),
        (RIDES, '"name": "Rides"', '"name": "Rides/2026"'),
        with_(sample.FACTORY),
    ),
    Mistake(
        "A notebook is too large",
        "Its results were saved with it. Databricks imports 10 MB at most.",
        ("notebooks/score.py", "10,485,760", "Clear its outputs"),
        before=large,
    ),
    Mistake(
        "A job runs a notebook that is not there",
        "",
        ("jobs/score.yaml:7:", "/Shared/bikes/scores"),
        (JOB, "/Shared/bikes/score", "/Shared/bikes/scores"),
        with_(sample.WORKSPACE),
    ),
    Mistake(
        "A job has a key that Databricks does not know",
        "",
        ("jobs/score.yaml:5:", "max_concurent_runs", "max_concurrent_runs"),
        (JOB, "      tasks:", "      max_concurent_runs: 1\n      tasks:"),
        with_(sample.WORKSPACE),
    ),
    Mistake(
        "The folder of the notebooks is named wrongly",
        "",
        ("environments/dev.yaml:17:", "notebook"),
        (DEV, "{from: notebooks/,", "{from: notebook/,"),
        with_(sample.WORKSPACE),
    ),
)

WRITTEN = (*YAML, *TEMPLATES, *CONTENT)
