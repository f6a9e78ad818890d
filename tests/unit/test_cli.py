"""The command line without a cloud: exit codes, one JSON document on stdout, messages with their places."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from support.environments import BASE, DEV
from support.repositories import make

from reconciler.cli import main

TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [
        {"type": "Contoso.Any/things", "apiVersion": "2024-01-01", "name": "a", "location": "w"},
        {"type": "Contoso.Any/things", "apiVersion": "2024-01-01", "name": "b", "location": "w", "dependsOn": ["a"]},
    ],
}  # fmt: skip
KEY = "arm.resource/sample-dev/Contoso.Any%2Fthings:"


class Terminal:
    """Runs verbs in a repository of one environment, `dev`, as `python -m reconciler` does."""

    def __init__(self, root: Path, monkeypatch: Any, capsys: Any) -> None:
        self.repository = make(root / "repo")
        self.state, self.monkeypatch, self.capsys = root / "state", monkeypatch, capsys
        for name in [each for each in os.environ if each.startswith("RECONCILER_")]:
            monkeypatch.delenv(name)
        self.commit()

    def commit(self, dev: str = DEV, main: Any = TEMPLATE) -> str:
        files = {
            "environments/base.yaml": BASE,
            "environments/dev.yaml": dev,
            "arm/main.json": json.dumps(main),
        }
        return self.repository.commit(files)

    def run(self, *words: str, place: bool = True) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        where = ["--repo", str(self.repository.path), "--state", str(self.state)] if place else []
        self.monkeypatch.setattr("sys.argv", ["reconciler", *words, *where])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def json(self, *words: str, place: bool = True) -> tuple[int, Any]:
        code, out, _ = self.run(*words, "--json", place=place)
        return code, json.loads(out)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, monkeypatch, capsys)


def test_valid_input_exits_with_0(terminal: Terminal) -> None:
    assert terminal.json("validate") == (0, {"version": 1, "faults": [], "warnings": []})
    code, out, err = terminal.run("validate", "dev")
    assert (code, "No fault in dev" in out, err) == (0, True, "")


def test_every_fault_is_told_at_once_with_its_place_as_text_and_as_json(terminal: Terminal) -> None:
    terminal.commit(DEV.replace("extends", "extnds") + "colour: red\n")
    code, out, err = terminal.run("validate", "dev")
    assert (code, out) == (1, "")
    assert "environments/dev.yaml:2:1" in err
    assert "environments/dev.yaml:8:1" in err
    code, document = terminal.json("validate", "dev")
    assert (code, document["error"]["code"]) == (1, "invalid-input")
    assert {fault["where"] for fault in document["error"]["faults"]} >= {
        "environments/dev.yaml:2:1", "environments/dev.yaml:8:1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words", [("plan",), ("nonsense",), ("plan", "dev", "--colour"), ("suspend", "dev"), ("template",)]
)
def test_wrong_words_exit_with_1_and_never_with_2(terminal: Terminal, words: tuple[str, ...]) -> None:
    """2 means that a plan has changes."""
    assert terminal.run(*words, place=False)[0] == 1
    code, document = terminal.json(*words, place=False)
    assert (code, document["error"]["code"]) == (1, "usage")


def test_an_offline_plan_with_changes_exits_with_2_and_makes_no_call(terminal: Terminal) -> None:
    code, document = terminal.json("plan", "dev", "--offline")
    assert code == 2
    assert [change["key"] for change in document["changes"]][1:] == [KEY + "a", KEY + "b"]
    assert document["calls"] == {"read": 0, "write": 0}
    code, out, _ = terminal.run("plan", "dev", "--offline")
    assert (code, "3 to create" in out) == (2, True)


def test_an_unknown_environment_is_a_fault_that_names_the_known(terminal: Terminal) -> None:
    code, document = terminal.json("plan", "dve", "--offline")
    assert code == 1
    assert "dev" in document["error"]["message"]


@pytest.mark.parametrize("verb", ["apply", "destroy"])
def test_without_a_terminal_nothing_is_written_unasked(terminal: Terminal, verb: str) -> None:
    code, document = terminal.json(verb, "dev")
    assert (code, "--yes" in document["error"]["message"]) == (1, True)
    assert not (terminal.state / "dev").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, typer.Abort])
def test_stopping_at_the_question_or_later_is_one_line_and_no_trace(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    def stopped(*_: Any) -> None:
        raise stop

    monkeypatch.setattr("reconciler.cli.loop.engine_of", stopped)
    code, out, err = terminal.run("apply", "dev", "--yes")
    assert (code, out, err.count("\n")) == (130, "", 1)


def test_an_environment_that_is_not_committed_is_told_as_such(terminal: Terminal) -> None:
    """The first mistake of everybody: the file is there, and Git does not know it."""
    terminal.repository.write({"environments/mine.yaml": DEV})
    code, document = terminal.json("plan", "mine", "--offline")
    assert (code, "git add environments/mine.yaml" in document["error"]["faults"][0]["hint"]) == (1, True)
    terminal.commit(DEV.replace("arm/main.json", "arm/late.json"))
    terminal.repository.write({"arm/late.json": "{}"})
    terminal.repository.git("rm", "--quiet", "--cached", "environments/mine.yaml")
    _, document = terminal.json("validate", "dev")
    assert "git add arm/late.json" in document["error"]["faults"][0]["hint"]


def test_what_others_call_apply_is_not_taken_for_destroy(terminal: Terminal) -> None:
    code, _, err = terminal.run("deploy", "dev", place=False)
    assert (code, "'apply'" in err, "destroy" in err) == (1, True, False)
    _, document = terminal.json("deploy", "dev", place=False)
    assert document["error"]["code"] == "usage"


def test_status_of_an_environment_that_nobody_knows_is_a_fault(terminal: Terminal) -> None:
    assert [terminal.run(verb, "dve")[0] for verb in ("status", "history")] == [1, 1]
    assert [terminal.run(verb, "dev")[0] for verb in ("status", "history")] == [0, 0]


def test_the_state_is_the_same_in_every_folder_of_a_checkout(terminal: Terminal) -> None:
    """Another state for each folder would know nothing of what is ours."""
    top = terminal.repository.path
    for folder in (top, top / "environments"):
        terminal.monkeypatch.chdir(folder)
        assert terminal.run("suspend", "dev", "--why", folder.name, place=False)[0] == 0
    assert (top / ".reconciler" / "dev").is_dir()
    assert not (top / "environments" / ".reconciler").exists()


def test_a_branch_that_the_environment_does_not_follow_is_told(terminal: Terminal) -> None:
    """It can be planned, and the hosted reconciler would not apply it."""
    terminal.commit(DEV + "source: {branch: main}\n")
    terminal.repository.git("checkout", "--quiet", "-B", "main")
    told = "dev follows main; this is what mine says, which is checked out here."
    assert told not in terminal.json("plan", "dev", "--offline")[1]["warnings"]
    terminal.repository.git("checkout", "--quiet", "-b", "mine")
    assert told in terminal.json("plan", "dev", "--offline")[1]["warnings"]


def test_graph_tells_what_needs_what(terminal: Terminal) -> None:
    code, document = terminal.json("graph", "dev")
    group = "arm.group/00000000-0000-0000-0000-000000000001/sample-dev"
    assert (code, document["objects"], document["missing"]) == (0, [group, KEY + "a", KEY + "b"], [])
    assert [KEY + "b", KEY + "a"] in document["edges"]


def test_template_prints_resources_in_template_order_and_faults_with_their_place(
    terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "t.json"
    file.write_text(json.dumps(TEMPLATE))
    code, document = terminal.json("template", str(file), place=False)
    assert (code, [found["name"] for found in document["resources"]]) == (0, ["a", "b"])
    assert not {"dependsOn", "copy", "condition"} & set(document["resources"][1])
    file.write_text("{")
    code, document = terminal.json("template", str(file), place=False)
    assert (code, document["error"]["where"].startswith(str(file))) == (1, True)
    assert terminal.run("template", str(tmp_path / "none.json"), place=False)[0] == 1


def test_explain_tells_what_differs_and_answers_each_line_of_a_batch(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, body in (("want", {"v": 1}), ("have", {"v": 2})):
        (tmp_path / name).write_text(json.dumps(body))
    files = ("--desired", str(tmp_path / "want"), "--live", str(tmp_path / "have"))
    code, document = terminal.json("explain", "--type", "Contoso.Any/things", *files, place=False)
    assert code == 0
    assert document["changes"] == [{"path": "v", "desired": 1, "live": 2, "reason": "notAccepted"}]
    good = json.dumps({"type": "T/t", "desired": {"v": 1}, "live": {"v": 1}})
    monkeypatch.setattr("sys.stdin", iter([good + "\n", "\n", "nonsense\n", good + "\n"]))
    code, out, _ = terminal.run("explain", "--batch", place=False)
    answers = [json.loads(line) for line in out.splitlines()]
    assert (code, [sorted(answer) for answer in answers]) == (
        1,
        [["changes", "equal"], ["error", "version"], ["changes", "equal"]],
    )


def test_suspend_is_kept_with_its_reason_until_resume(terminal: Terminal) -> None:
    assert terminal.json("suspend", "dev", "--why", "holidays")[0] == 0
    code, document = terminal.json("status", "dev")
    assert (code, document["environments"][0]["suspended"]) == (0, "holidays")
    code, document = terminal.json("tick", "dev")
    assert (code, document["result"], document["reason"]) == (0, "suspended", "holidays")
    assert terminal.json("resume", "dev") == (0, {"version": 1, "environment": "dev", "suspended": ""})
    assert terminal.json("status")[1]["environments"][0]["health"] == "unknown"


def test_an_environment_without_a_tick_has_an_empty_history(terminal: Terminal) -> None:
    assert terminal.json("history", "dev") == (0, {"version": 1, "environment": "dev", "ticks": []})


def test_the_schema_is_json_schema(terminal: Terminal) -> None:
    code, out, _ = terminal.run("schema", place=False)
    assert (code, json.loads(out)["$schema"].startswith("https://json-schema.org/")) == (0, True)


def test_a_repository_that_is_none_is_one_message(terminal: Terminal, tmp_path: Path) -> None:
    code, document = terminal.json("plan", "dev", "--repo", str(tmp_path / "none"), place=False)
    assert (code, document["error"]["code"]) == (1, "source-unreadable")


def test_a_secure_value_is_in_no_error_of_a_template(terminal: Terminal, tmp_path: Path) -> None:
    """A function that does not fit quotes its argument; a password must not be quoted."""
    file = tmp_path / "so.json"
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    parameters = {"p": {"type": "secureString", "defaultValue": "HUNTER2"}}
    outputs = {"o": {"type": "int", "value": "[int(parameters('p'))]"}}
    body = {"$schema": schema, "contentVersion": "1.0.0.0", "parameters": parameters, "resources": []}
    file.write_text(json.dumps({**body, "outputs": outputs}))
    code, out, err = terminal.run("template", str(file), place=False)
    assert code == 1
    assert "HUNTER2" not in out + err
    assert "(secret)" in out + err


def test_an_unknown_of_a_template_is_no_difference(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "want").write_text(json.dumps({"a": {"$unknown": "reference('x').y"}}))
    (tmp_path / "have").write_text(json.dumps({"a": "v"}))
    files = ("--desired", str(tmp_path / "want"), "--live", str(tmp_path / "have"))
    _, document = terminal.json("explain", "--type", "Contoso.Any/things", *files, place=False)
    assert document == {"changes": [], "equal": [{"path": "a", "rule": "unknown"}]}


def test_a_shell_is_offered_the_environments_of_the_checkout_and_no_base(terminal: Terminal) -> None:
    """A base file bears no name: it is no environment. The offer is made at each Tab, in any folder."""
    terminal.repository.write({"environments/test.yaml": DEV.replace("name: dev", "name: test")})
    terminal.monkeypatch.chdir(terminal.repository.path / "arm")
    for shell, words in (("complete_bash", {"COMP_WORDS": "reconciler plan ", "COMP_CWORD": "2"}),):
        for name, value in {"_RECONCILER_COMPLETE": shell, **words}.items():
            terminal.monkeypatch.setenv(name, value)
        _, out, _ = terminal.run(place=False)
        assert out.split() == ["dev", "test"]


def test_a_fault_of_our_own_is_one_document_too_and_keeps_its_traceback(terminal: Terminal) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    terminal.monkeypatch.setattr("reconciler.cli.record.engine_of", broken)
    terminal.monkeypatch.setattr("sys.argv", ["reconciler", "status", "--json"])
    with pytest.raises(ZeroDivisionError):
        main()
    document = json.loads(terminal.capsys.readouterr().out)
    assert (document["error"]["code"], "ZeroDivisionError" in document["error"]["message"]) == (
        "internal",
        True,
    )
