"""Pull requests on GitHub and Azure Repos: one comment with the plan, statuses after the merge, and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.hosted import one
from support.project import environment, identity, template
from support.pulls import SIDES, Side
from support.sandbox import Sandbox


@pytest.fixture(params=sorted(SIDES))
def side(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Side:
    return SIDES[request.param](tmp_path, sandbox, {**one("a"), **one("b"), "README.md": "one"})


def arm(*resources: dict[str, Any], **rest: Any) -> str:
    return json.dumps(template(*resources, **rest), indent=1)


def test_a_pull_request_is_told_its_plan_in_one_comment_and_its_merge_in_statuses(side: Side) -> None:
    """The whole way: opened, pushed again, merged; the comment is changed in place, the statuses go on."""
    engine = side.engine()
    assert engine.tick("a").result == "done"
    side.push({"arm/a.json": arm(identity("a", team="data"))}, "tagged")
    number = side.open("tagged")
    at = len(side.sandbox.journal())

    def said() -> list[str]:
        """What was posted of the pull request's newest commit."""
        return side.statuses(side.work.git("rev-parse", "tagged"), number)["reconciler/plan"]

    assert side.told(number) == "told"
    (comment,) = side.comments(number)
    assert "`a`: 1 to update" in comment
    assert '+   tags.team: "data"' in comment
    assert "`b`" not in comment, "it is not touched"
    hosts = {entry["host"] for entry in side.sandbox.journal()[at:]}
    assert "management.azure.com" not in hosts, "no plan of a pull request calls Azure"
    assert side.told(number, "synchronize") == "told"
    assert side.comments(number) == [comment], "nothing is new: nothing is written"
    assert said() == ["success"], "a status may be an event, and would be its own next one"
    side.push({"arm/a.json": arm(identity("a", team="data"), identity("more"))}, "tagged")
    assert side.told(number, "synchronize") == "told"
    (second,) = side.comments(number)
    assert "1 to create, 1 to update" in second
    assert said() == ["success"] * (1 if side.name == "github" else 2), "of the new commit it is said anew"
    side.push({"README.md": "two"}, "tagged")
    assert side.told(number, "synchronize") == "told"
    assert said() == ["success"] * (1 if side.name == "github" else 3), (
        "of each commit, in the same words too"
    )
    commit = side.merge("tagged")
    assert engine.tick("a").result == "done"
    assert side.statuses(commit) == {"reconciler/a": ["pending", "success"]}
    engine.tick("a")
    assert side.statuses(commit) == {"reconciler/a": ["pending", "success"]}, "what is said is not said again"


@pytest.mark.parametrize("why", ["a refused write", "a failed check"])
def test_a_merge_that_fails_is_told_at_its_commit(side: Side, why: str) -> None:
    engine = side.engine()
    assert engine.tick("a").result == "done"
    if why == "a refused write":
        match = {"method": "PUT", "path": "*/deployments/*"}
        side.sandbox.fault("status", match=match, status=403, code="AuthorizationFailed", times=9)
        files = {"arm/a.json": arm(identity("a", team="data"))}
    else:
        check = "checks:\n  - {name: endpoint, http: 'https://unplayed.example.org/health', timeout: 10s}\n"
        files = {"environments/a.yaml": environment("a", template="arm/a.json", more=check)}
    commit = side.push(files)
    assert engine.tick("a").result == "failed"
    assert side.statuses(commit) == {"reconciler/a": ["pending", "failure"]}


ANOTHER = "00000000-0000-0000-0000-000000000002"
HEAD = str(one("a")["environments/a.yaml"])
HOSTILE: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "another subscription": (
        {"environments/a.yaml": HEAD.replace("000000000001", "000000000002")}, "environments/a.yaml:4:"
    ),
    "another group": ({"environments/a.yaml": HEAD.replace("resourceGroup: a", "resourceGroup: b")}, "resource group"),
    "another identity": (
        {"environments/a.yaml": HEAD.replace("  location", f"  identity: {ANOTHER}\n  location")}, "identity"
    ),
    "another workspace": (
        {"environments/a.yaml": f"{HEAD}databricks: {{workspace: 'https://adb-9.9.azuredatabricks.net'}}\n"},
        "Databricks workspace",
    ),
    "a secret in an alert's address": (
        {"environments/a.yaml": HEAD + "alerts:\n  - {to: '${secret:bikes-kv/hook}'}\n"}, "${secret:bikes-kv/hook}"
    ),
    "another address of alerts": (
        {"environments/a.yaml": HEAD + "alerts:\n  - {to: 'https://evil.example.org/hook'}\n"}, "address of alerts"
    ),
    "a check at a foreign host": (
        {"environments/a.yaml": HEAD + "checks:\n  - {name: x, http: 'https://evil.example.org/'}\n"}, "HTTP check"
    ),
    "a library from a foreign host": (
        {
            "environments/a.yaml": f"{HEAD}databricks:\n  workspace: https://adb-9.9.azuredatabricks.net\n"
            f"  libraries:\n    - {{url: 'https://evil.example.org/x-1.0-py3-none-any.whl', sha256: {'a' * 64}, to: /Shared/x}}\n"
        },
        "library is fetched",
    ),
    "a template that outputs a key": (
        {
            "arm/a.json": arm(
                identity("a"),
                outputs={
                    "key": {
                        "type": "string",
                        "value": "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'x'), '2023-05-01').keys[0].value]",
                    }
                },
            )
        },
        "arm/a.json:",
    ),
    "a template that deploys to another group": (
        {
            "arm/a.json": arm(
                identity("a"),
                {
                    "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n",
                    "resourceGroup": "b", "properties": {"mode": "Incremental", "template": template(identity("x"))},
                },
            )
        },
        "resourceGroups/b",
    ),
    "a template from an address": (
        {
            "arm/a.json": arm(
                identity("a"),
                {
                    "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n",
                    "properties": {"mode": "Incremental", "templateLink": {"uri": "https://evil.example.org/t.json"}},
                },
            )
        },
        "fetched from an address",
    ),
    "a new environment elsewhere": (
        {"environments/c.yaml": HEAD.replace("name: a", "name: c").replace("000000000001", "000000000002")},
        "environments/c.yaml",
    ),
    "a new environment in another's group": (
        {"environments/c.yaml": HEAD.replace("name: a", "name: c")}, "environments/c.yaml"
    ),
}  # fmt: skip


def test_what_a_pull_request_may_not_decide_is_refused_and_nothing_is_called(side: Side) -> None:
    """Each hostile change gets one comment with its place; the journal shows calls to the repository's host, to
    sign in there, and to nobody else."""
    assert side.engine().tick("a").result == "done"
    allowed = {"api.github.com", "github.com", "dev.azure.com", "127.0.0.1"}
    for name, (files, wanted) in HOSTILE.items():
        branch = name.replace(" ", "-").replace("'", "")
        side.push(files, branch)
        number = side.open(branch)
        at = side.sandbox.journal()[-1]["n"]
        ended = side.told(number)
        assert ended == "refused", (name, side.comments(number))
        entries = side.sandbox.journal(at)
        (comment,) = side.comments(number)
        assert "### Reconciler: refused" in comment, name
        assert wanted in comment, (name, comment)
        assert "to create" not in comment and "to update" not in comment, "no plan"
        called = {entry["host"] for entry in entries} - allowed
        assert not called, (name, called)
        head = side.work.git("rev-parse", branch)
        assert side.statuses(head, number)["reconciler/plan"] == ["failure"], name
        side.work.git("checkout", "--quiet", "main")


def test_a_fork_is_left_alone_whatever_the_event_says(side: Side) -> None:
    """The event of a fork is ignored; one that hides it is not believed: the host is asked."""
    number = side.open("gone", fork="evil/bikes", sha="1" * 40)
    answer = side.event(number, fork=True)
    assert answer.status == 202
    assert "fork" in answer.body["reason"]
    assert side.work_off() == []
    assert side.told(number) == "fork"
    assert side.comments(number) == []
