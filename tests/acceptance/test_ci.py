"""The three ways to check a pull request say the same, and their commands run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from support.fences import blocks
from support.sandbox import ROOT

GITHUB = ROOT / ".github" / "workflows" / "validate.yml"
AZURE = ROOT / "azure-pipelines.yml"
INSTALL = "make setup"


def _yaml(path: Path) -> Any:
    # `on` is a word in YAML 1.2, as the CI systems read it, and a boolean in 1.1.
    return yaml.safe_load(re.sub(r"(?m)^on:", '"on":', path.read_text("utf-8")))


def _commands() -> dict[str, list[str]]:
    [job] = _yaml(GITHUB)["jobs"].values()
    [other] = _yaml(AZURE)["jobs"]
    page = [each for each in blocks(ROOT / "docs" / "ci.md", "sh") if "test" not in each.attributes]
    return {
        "GitHub Actions": [step["run"].strip() for step in job["steps"] if "run" in step],
        "Azure Pipelines": [step["script"].strip() for step in other["steps"] if "script" in step],
        "docs/ci.md": [each.text.strip() for each in page],
    }


def test_all_three_say_the_same() -> None:
    """Whoever changes one of them changes all."""
    first, *others = _commands().values()
    assert len(first) == 4
    assert all(other == first for other in others)


def test_the_commands_run_in_a_clone(tmp_path: Path) -> None:
    """Word for word, but for the set-up, which was run to come here, and for Spark: the model's tests are collected
    alone, since they run by themselves in the same suite. No host is reached: proxies lead nowhere."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, tmp_path / "clone"], check=True)
    (tmp_path / "clone" / ".venv").symlink_to(ROOT / ".venv")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCIL", "AZURE_", "PYTEST_"))}
    env = {**kept, "PYTEST_ADDOPTS": "--collect-only", "HTTPS_PROXY": "http://127.0.0.1:9"}
    install, *commands = _commands()["docs/ci.md"]
    assert install == INSTALL
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path / "clone", env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "prod" in done.stdout, "the last of the plans"


def test_the_workflow_may_only_read_and_pins_its_actions() -> None:
    """A pull request is somebody else's input: its code runs here, without a token that could write."""
    workflow = _yaml(GITHUB)
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow["on"]) == {"pull_request", "push"}, "pull_request_target would lend it secrets"
    [job] = workflow["jobs"].values()
    assert "permissions" not in job
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"[\w./-]+@(v\d+|[0-9a-f]{40})", name) for name in used)
    assert "secrets." not in GITHUB.read_text("utf-8")
    assert [
        step["persistCredentials"] for step in _yaml(AZURE)["jobs"][0]["steps"] if "checkout" in step
    ] == [False]
