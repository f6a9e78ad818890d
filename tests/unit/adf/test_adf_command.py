"""`reconciler graph --adf`: one document with `--json`, exit 0 whatever is wrong in the folder, 1 without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.factories import folder, pipeline, ref, run

from reconciler.cli import main

FILES = {
    "pipeline/a": pipeline(run("b")),
    "pipeline/b": {"x": ref("dataset", "gone")},
    "factory/f": {},
    "factory/g": {},
}


def command(monkeypatch: Any, capsys: Any, *words: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["reconciler", "graph", *words, "--no-color"])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().out


def test_json_is_one_document(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    where = str(folder(tmp_path, FILES))
    code, out = command(monkeypatch, capsys, "--adf", where, "--factory", "g", "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "version": 1,
            "objects": ["factory/g", "pipeline/a", "pipeline/b"],
            "edges": [["pipeline/a", "pipeline/b"]],
            "missing": ["dataset/gone"],
            "warnings": [],
        },
    )


def test_text_tells_needs_missing_and_warnings(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    code, out = command(monkeypatch, capsys, "--adf", str(folder(tmp_path, FILES)))
    lines = out.splitlines()
    assert code == 0
    assert lines[:4] == ["pipeline/a", "  needs pipeline/b", "pipeline/b", "missing: dataset/gone"]
    assert lines[4].startswith("warning: ")


def test_a_path_without_a_factory_is_a_fault(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    code, out = command(monkeypatch, capsys, "--adf", str(tmp_path), "--json")
    assert (code, json.loads(out)["error"]["code"]) == (1, "invalid-input")
