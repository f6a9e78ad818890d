"""What is found in a pull request, from files and records alone: merged rightly, no secret read, nothing run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.hosted import Hosted, hosted, one
from support.project import environment, identity, template

from reconciler import bicep, redaction
from reconciler.engine import Reconciler
from reconciler.errors import InputError
from reconciler.githost.statuses import status_of
from reconciler.pulls.merged import merged
from reconciler.pulls.preview import CHANGED, NEW, REMOVED, UNPLANNED, Found, found
from reconciler.record import Entry, State
from reconciler.resource import Secret


@pytest.fixture
def host(tmp_path: Path) -> Hosted:
    return hosted(tmp_path, {**one("a"), **one("b"), "README.md": "one"})


def look(host: Hosted, branch: str, base: str = "main", engine: Reconciler | None = None) -> Found:
    engine = engine or host.engine()
    with merged(engine.checkout.source, base, branch) as files:
        return found(engine.checkout, engine.store, files, base)


def push(host: Hosted, files: dict[str, str | bytes | None], branch: str) -> None:
    """Commit on a branch that begins where main is, and push it."""
    host.work.git("checkout", "--quiet", "-B", branch, "main")
    for path in (path for path, content in files.items() if content is None):
        host.work.git("rm", "--quiet", path)
    host.push({path: text for path, text in files.items() if text is not None}, branch)
    host.work.git("checkout", "--quiet", "main")


def arm(*names: str) -> str:
    return json.dumps(template(*(identity(name) for name in names)))


def creates(found: Found, name: str) -> list[str]:
    (preview,) = [each for each in found.previews if each.name == name]
    return [
        change["key"].rpartition("%3A")[2].rpartition(":")[2]
        for change in preview.plan["changes"]
        if "Identity" in change["key"]
    ]


def test_a_branch_that_lags_behind_undoes_nothing(host: Hosted) -> None:
    """Main moved on since the branch began: what it has is in the plan of the merge, and not refused as undone."""
    push(host, {"arm/b.json": arm("b", "late")}, "late")
    host.push({"arm/a.json": arm("a", "newer"), "README.md": "two", "arm/b.json": arm("b")})
    found_ = look(host, "late")
    assert [(each.name, each.kind) for each in found_.previews] == [("b", CHANGED)]
    assert creates(found_, "b") == ["b", "late"]
    assert (found_.both, found_.refusals, found_.faults) == ((), (), ())


def test_a_file_that_both_sides_changed_is_told(host: Hosted) -> None:
    push(host, {"arm/a.json": arm("theirs")}, "both")
    host.push({"arm/a.json": arm("ours")})
    found_ = look(host, "both")
    assert found_.both == ("arm/a.json",)
    assert creates(found_, "a") == ["theirs"]


@pytest.mark.parametrize(
    ("branch", "main"),
    [
        ({"arm/a.json": None, "arm/a.json/x": "1"}, {"README.md": "2"}),
        ({"docs/x": "1"}, {"docs": "a file"}),
        ({"docs": "a file"}, {"docs/x": "1"}),
    ],
)
def test_a_file_and_a_folder_of_one_name_are_put_together_or_refused(
    host: Hosted, branch: dict[str, str | bytes | None], main: dict[str, str | bytes]
) -> None:
    push(host, branch, "odd")
    host.push(main)
    engine = host.engine()
    engine.checkout.fetch()
    try:
        with merged(engine.checkout.source, "main", "odd") as files:
            assert all((files.snapshot.root / path).is_file() for path in branch if branch[path])
    except InputError as error:
        assert "up to date" in str(error)


def test_links_of_two_sides_that_lead_out_together_are_refused(host: Hosted) -> None:
    """Each side is harmless: the branch's link goes up from a folder that is a link there, and none on main."""
    (host.work.path / "folder").symlink_to("deep/er/most")
    host.push({"deep/er/most/x": "1"})
    host.work.git("checkout", "--quiet", "-B", "links", "main")
    (host.work.path / "out").symlink_to("folder/../../er/most/x")
    host.push({}, "links")
    host.work.git("checkout", "--quiet", "main")
    host.work.git("rm", "--quiet", "folder")
    host.push({"folder/y": "1"})
    engine = host.engine()
    engine.checkout.fetch()
    with pytest.raises(InputError, match=r"^out: "), merged(engine.checkout.source, "main", "links"):
        pass


def test_new_gone_and_faulty_environments(host: Hosted) -> None:
    new = environment("c", template="arm/a.json")
    push(host, {"environments/c.yaml": new, "environments/b.yaml": None}, "moved")
    kinds = {each.name: each.kind for each in look(host, "moved").previews}
    assert kinds == {"b": REMOVED, "c": NEW}
    push(host, {"environments/c.yaml": new.replace("azure", "azur")}, "faulty")
    found_ = look(host, "faulty")
    assert [fault.place.partition(":")[0] for fault in found_.faults] == ["environments/c.yaml"] * len(
        found_.faults
    )
    assert found_.faults and not found_.previews


def test_an_environment_that_follows_another_branch_is_touched_by_that_alone(host: Hosted) -> None:
    text = str(one("b")["environments/b.yaml"])
    host.push({"environments/b.yaml": text.replace("azure:", "source: {branch: release}\nazure:")})
    host.push({}, "release")
    push(host, {"arm/b.json": arm("b", "x"), "arm/a.json": arm("a", "x")}, "change")
    assert [each.name for each in look(host, "change").previews] == ["a"]
    assert [each.name for each in look(host, "change", "release").previews] == ["b"]
    push(host, {"environments/b.yaml": text.replace("azure:", "source: {branch: evil}\nazure:")}, "lured")
    assert "source.branch" in look(host, "lured").refusals[0].message


def test_no_compiler_runs_on_a_pull_request(host: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    host.push({"arm/a.bicep": "x", "environments/a.yaml": environment("a", template="arm/a.bicep")})
    push(host, {"arm/a.bicep": "y"}, "bicep")
    monkeypatch.setattr(bicep, "compiled", lambda *_: pytest.fail("it was compiled"))
    (preview,) = look(host, "bicep").previews
    assert (preview.name, preview.kind) == ("a", UNPLANNED)


def with_workspace(host_: str) -> str:
    outputs = {"url": {"type": "string", "value": host_}}
    return json.dumps(template(identity("a"), outputs=outputs))


def test_a_workspace_that_a_template_moves_is_refused(host: Hosted) -> None:
    """The environment file is not touched: the output that it reads names another workspace."""
    more = "databricks: {workspace: '${azure.main.url}'}\n"
    file = environment("a", template="arm/a.json", more=more)
    host.push({"environments/a.yaml": file, "arm/a.json": with_workspace("adb-1.1.azuredatabricks.net")})
    push(host, {"arm/a.json": with_workspace("adb-9.9.azuredatabricks.net")}, "moved")
    found_ = look(host, "moved")
    assert [fault.place.rpartition(":")[0].partition(":")[0] for fault in found_.refusals] == [
        "environments/a.yaml"
    ]
    assert "`databricks.workspace` comes to another host" in found_.refusals[0].message
    assert found_.previews == ()


def test_a_secret_that_a_parameter_file_takes_from_a_vault_is_refused(host: Hosted) -> None:
    vault = "/subscriptions/0/resourceGroups/prod/providers/Microsoft.KeyVault/vaults/prod-kv"
    said = {"parameters": {"password": {"reference": {"keyVault": {"id": vault}, "secretName": "root"}}}}
    file = environment("a").partition("  deployments:")[0]
    file += "  deployments: [{name: main, template: arm/a.json, parametersFile: arm/a.parameters.json}]\n"
    files = {
        "environments/a.yaml": file,
        "arm/a.json": with_secret("a"),
        "arm/a.parameters.json": json.dumps(said),
    }
    push(host, files, "vault")
    assert any("vaults/prod-kv/root" in fault.message for fault in look(host, "vault").refusals)


def test_what_loosens_the_policy_is_told_and_not_refused(host: Hosted) -> None:
    """An acknowledged delete comes by a pull request: that is what it is for."""
    policy = "policy: {resets: allow, limits: {deletes: 50}}\n"
    push(host, {"environments/a.yaml": environment("a", template="arm/a.json", policy=policy)}, "loose")
    found_ = look(host, "loose")
    assert found_.refusals == ()
    (preview,) = found_.previews
    assert any("resets" in line and "allow" in line for line in preview.told), preview.told


SECURE = {"password": {"type": "securestring"}}


def with_secret(name: str, **tags: str) -> str:
    account = {**identity("a", **tags), "properties": {"password": "[parameters('password')]"}}
    return json.dumps(template(account, parameters=SECURE))


def test_secrets_stay_unread_and_are_neither_missing_nor_changed(host: Hosted) -> None:
    """The setting has a value and is allowed: it is not read all the same; what is recorded stands in for it."""
    parameters = "[{name: main, template: arm/a.json, parameters: {password: '${env:PASSWORD}'}}]"
    file = environment("a").replace("[", "").partition("  deployments:")[0] + f"  deployments: {parameters}\n"
    host.push({"environments/a.yaml": file, "arm/a.json": with_secret("a", team="one")})
    said = replace(host.settings, secrets=frozenset({"PASSWORD"}), environ={"PASSWORD": "hunter2-hunter2"})
    from reconciler import settings

    engine = settings.engine(said)
    graph = engine.checkout.graph("a")
    state = State.new("a")
    for resource in graph:
        entry = Entry(resource.key, resource.type, resource.at, applied=resource.spec, baseline=resource.spec)
        state = state.put(entry)
    engine.store.save(state)
    assert any(
        isinstance(each.spec["properties"]["password"], Secret) for each in graph if "properties" in each.spec
    )
    push(host, {"arm/a.json": with_secret("a", team="two")}, "tagged")
    engine.checkout.fetch()
    found_ = look(host, "tagged", engine=engine)
    (preview,) = found_.previews
    fields = [field["path"] for change in preview.plan["changes"] for field in change["fields"]]
    assert fields == ["tags.team"], preview.plan
    assert preview.plan["blocked"] == []
    assert "hunter2" not in json.dumps(preview.plan)


@pytest.mark.parametrize(
    ("line", "notes", "state"),
    [
        ({"result": "done"}, {"healthy": "c"}, "success"),
        ({"result": "done", "reason": "waits for an approval"}, {"healthy": "old"}, "pending"),
        ({"result": "done"}, {"healthy": "c", "holds": ["protected"]}, "failure"),
        ({"result": "failed", "reason": "x"}, {}, "failure"),
        ({"result": "pending"}, {}, "pending"),
        ({"result": "held", "reason": "dev comes first"}, {}, "pending"),
        ({"result": "suspended"}, {}, None),
        ({"result": "approve"}, {}, None),
        ({"result": "failed", "commit": ""}, {}, None),
    ],
)
def test_the_status_of_a_commit(line: dict[str, Any], notes: dict[str, Any], state: str | None) -> None:
    found_ = status_of("a", {"commit": "c", **line}, replace(State.new("a"), notes=notes), "https://x/a")
    assert (found_.state if found_ else None) == state
    if found_:
        assert found_.description and len(found_.description) <= 140


def test_a_long_reason_is_one_short_line() -> None:
    found_ = status_of("a", {"commit": "c", "result": "failed", "reason": "one\ntwo " * 100}, None)
    assert found_ is not None
    assert len(found_.description) == 140
    assert "\n" not in found_.description


def test_a_word_that_a_pull_request_calls_a_secret_stays_a_word(host: Hosted) -> None:
    """What nobody has merged must not take words out of the states and pages of this process."""
    secure = {"word": {"type": "secureString", "defaultValue": "poisoned-word"}}
    push(host, {"arm/a.json": json.dumps(template(identity("a"), parameters=secure))}, "words")
    redaction.forget()
    found_ = look(host, "words")
    assert [each.kind for each in found_.previews] == [CHANGED]
    assert redaction.redact("poisoned-word") == "poisoned-word"
    engine = host.engine()
    environment_ = engine.checkout.load("a", snapshot := engine.checkout.snapshot(commit="words"))
    engine.checkout.desired(environment_, snapshot)
    assert redaction.redact("poisoned-word") == redaction.SHOWN, "what is merged is a secret"
    redaction.forget()


@pytest.mark.parametrize("path", ["arm/a.bicep", "arm/a.bicep/", "arm/a.bicep/."])
def test_no_compiler_runs_however_the_path_of_bicep_is_written(
    host: Hosted, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def ran(*_: object) -> str:
        raise AssertionError("a compiler was run on a pull request")

    monkeypatch.setattr(bicep, "compiled", ran)
    text = str(one("a")["environments/a.yaml"]).replace("arm/a.json", path)
    push(host, {"arm/a.bicep": "param x string", "environments/a.yaml": text}, "bicep")
    (preview,) = look(host, "bicep").previews
    assert (preview.kind, preview.plan) == (UNPLANNED, {})
