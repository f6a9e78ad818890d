"""The demo: the sample's environments come into being on the sandbox, stay in line, drift, and are put right.

It runs the product as anybody would: a Git repository, the `reconciler` command, and nothing that tells it
that Azure is played. What somebody does by hand in the portal is done with Azure's own SDK."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
STORAGE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikeshare-dev"
    "/providers/Microsoft.Storage/storageAccounts/bikesharedev"
)
FACTORY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikeshare-test"
    "/providers/Microsoft.DataFactory/factories/bikeshare-test-adf"
)


class Wrong(Exception):
    """The demo saw something else than it promises."""


@dataclass
class Stage:
    """Where the demo plays: a folder with a bare repository, a working copy and the state."""

    folder: Path
    url: str
    env: dict[str, str]
    console: Console

    @property
    def work(self) -> Path:
        return self.folder / "work"

    # What a person does

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.work, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def reconciler(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a verb with --json; its exit code and its document."""
        place = ["--repo", str(self.folder / "origin.git"), "--state", str(self.folder / "state")]
        self.console.print(f"[dim]$ reconciler {' '.join(words)}[/dim]")
        command = [sys.executable, "-m", "reconciler", *words, *place, "--json"]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            raise Wrong(
                f"{' '.join(words)} printed no JSON: {done.stdout[-500:]}{done.stderr[-2000:]}"
            ) from None

    def merge(self, branch: str, path: str, was: str, becomes: str) -> str:
        """A pull request: a branch with one edit, merged into main and pushed. Gives the new commit."""
        self.git("switch", "-c", branch)
        file = self.work / path
        text = file.read_text("utf-8")
        if was not in text:
            raise Wrong(f"{path} does not say {was!r} any more")
        file.write_text(text.replace(was, becomes, 1), "utf-8")
        self.git("commit", "-am", f"{path}: {becomes.strip()}")
        self.git("switch", "main")
        self.git("merge", "--no-ff", "-m", f"Merge {branch}", branch)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def by_hand(self, id_: str, api_version: str, patch: dict[str, Any], method: str = "update") -> None:
        """Somebody changes a resource behind the reconciler's back, with Azure's own SDK."""
        script = (
            "import json, sys\n"
            "from azure.identity import DefaultAzureCredential\n"
            "from azure.mgmt.resource.resources import ResourceManagementClient\n"
            "client = ResourceManagementClient(DefaultAzureCredential(), sys.argv[1])\n"
            "getattr(client.resources, f'begin_{sys.argv[5]}_by_id')("
            "sys.argv[2], json.loads(sys.argv[4]), api_version=sys.argv[3]).result()\n"
        )
        words = [sys.executable, "-c", script, SUBSCRIPTION, id_, api_version, json.dumps(patch), method]
        done = subprocess.run(words, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"the change by hand was refused: {done.stderr[-800:]}")

    # What the sandbox saw

    def position(self) -> int:
        journal = self._journal(0)
        return int(journal[-1]["n"]) if journal else 0

    def writes(self, since: int) -> list[str]:
        """Writes to Azure since a place in the journal, as `METHOD path`."""
        return [f"{e['method']} {e['path']}" for e in self._journal(since) if e["write"]]

    def _journal(self, since: int) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_sandbox/journal?since={since}") as answer:
            entries: list[dict[str, Any]] = json.load(answer)
            return entries


def expect(truth: bool, what: str, seen: Any = "") -> None:
    if not truth:
        raise Wrong(f"{what}; seen: {json.dumps(seen, default=str)[:1500]}")


def create_dev(stage: Stage) -> str:
    code, tick = stage.reconciler("tick", "dev")
    done = [o for o in tick.get("outcomes", []) if o["result"] == "done"]
    expect(code == 0, "the first tick of dev should end well", tick.get("error") or tick.get("outcomes"))
    expect(len(done) == tick["summary"]["create"] > 0, "dev should come from nothing", tick["summary"])
    return f"{len(done)} resources made in {tick['seconds']:.1f} s, {tick['calls']['write']} writes"


def again(environment: str) -> Callable[[Stage], str]:
    def nothing(stage: Stage) -> str:
        before = stage.position()
        code, plan = stage.reconciler("plan", environment)
        expect(code == 0 and not plan["changes"], "a second plan should be empty", plan)
        expect(not stage.writes(before), "a plan should write nothing", stage.writes(before))
        return f"nothing to change, {plan['summary']['unchanged']} unchanged, 0 writes"

    return nothing


def drift(stage: Stage) -> str:
    stage.by_hand(STORAGE, "2024-01-01", {"properties": {"minimumTlsVersion": "TLS1_0"}})
    code, plan = stage.reconciler("plan", "dev")
    expect(code == 2 and len(plan["changes"]) == 1, "the plan should name the one resource", plan)
    fields = plan["changes"][0]["fields"]
    told = [(field["path"], field["cause"]) for field in fields]
    expect(told == [("properties.minimumTlsVersion", "drift")], "it should name just that field", fields)
    return (
        f"{plan['changes'][0]['key']}: {told[0][0]} {fields[0]['desired']} → {fields[0]['live']}, cause drift"
    )


def heal(environment: str) -> Callable[[Stage], str]:
    def put_back(stage: Stage) -> str:
        before = stage.position()
        code, tick = stage.reconciler("tick", environment)
        expect(code == 0 and len(tick["outcomes"]) == 1, "the tick should put one resource back", tick)
        return f"put back {tick['outcomes'][0]['key']}, {len(stage.writes(before))} write"

    return put_back


def create_test(stage: Stage) -> str:
    code, tick = stage.reconciler("tick", "test")
    expect(code == 0 and tick["result"] == "done", "test should follow dev", tick)
    made = [o["key"] for o in tick["outcomes"] if o["result"] == "done"]
    definitions = sum(key.startswith("adf.") for key in made)
    expect(definitions >= 6, "the factory's definitions should be deployed", made)
    return f"{len(made)} resources made, {definitions} of them Data Factory definitions, once dev was healthy"


def pull_request(stage: Stage) -> str:
    was, becomes = "deployDatabricks: true", "deployDatabricks: true\n        storageSku: Standard_ZRS"
    commit = stage.merge("test-zone-redundant", "environments/test.yaml", was, becomes)
    code, plan = stage.reconciler("plan", "test")
    expect(code == 2 and len(plan["changes"]) == 1, "the merge should change one resource", plan)
    field = plan["changes"][0]["fields"][0]
    expect((field["path"], field["cause"]) == ("sku.name", "commit"), "it should be the SKU, by commit", plan)
    code, tick = stage.reconciler("tick", "test")
    expect(tick["result"] == "held", "test should wait for dev to be healthy with this commit", tick)
    stage.reconciler("tick", "dev")
    code, tick = stage.reconciler("tick", "test")
    expect(code == 0 and tick["result"] == "done", "test should follow the merge", tick)
    return (
        f"commit {commit[:8]}: {field['path']} {field['live']} → {field['desired']}, cause commit; released"
    )


def drift_in_test(stage: Stage) -> str:
    stage.by_hand(FACTORY, "2018-06-01", {"tags": {"owner": "somebody"}})
    code, plan = stage.reconciler("plan", "test")
    expect(code == 0, "what Git does not mention is nobody's drift", plan)
    return "a tag added by hand, which Git does not mention: left alone"


def drift_in_factory(stage: Stage) -> str:
    hasty = {"properties": {"activities": [], "description": "edited in the browser"}}
    stage.by_hand(
        f"{FACTORY}/pipelines/Apply ML model pipeline", "2018-06-01", hasty, method="create_or_update"
    )
    code, plan = stage.reconciler("plan", "test")
    keys = [change["key"] for change in plan["changes"]]
    expect(
        keys == ["adf.pipeline/bikeshare-test-adf/Apply%20ML%20model%20pipeline"], "one pipeline drifts", plan
    )
    causes = {field["cause"] for field in plan["changes"][0]["fields"]}
    expect(causes == {"drift"}, "by drift alone", plan["changes"])
    before = stage.position()
    code, tick = stage.reconciler("tick", "test")
    expect(code == 0, "the tick should put it back", tick)
    verbs = [write.rsplit("/", 1)[1] for write in stage.writes(before)]
    expect(verbs == ["stop", "Apply ML model pipeline", "start"], "its trigger stops and runs again", verbs)
    return "the pipeline is put back; its trigger was stopped for it and runs again"


def tell_status(stage: Stage) -> str:
    _, status = stage.reconciler("status")
    told = {one["environment"]: one["health"] for one in status["environments"]}
    expect(told.get("dev") == told.get("test") == "healthy", "dev and test should be healthy", told)
    return ", ".join(f"{name} {health}" for name, health in told.items())


STEPS: tuple[tuple[str, Callable[[Stage], str]], ...] = (
    ("dev comes into being", create_dev),
    ("planned again", again("dev")),
    ("somebody changes a storage account by hand", drift),
    ("the next tick puts it back", heal("dev")),
    ("planned again", again("dev")),
    ("test follows dev", create_test),
    ("planned again", again("test")),
    ("a pull request is merged", pull_request),
    ("planned again", again("test")),
    ("somebody adds a tag by hand", drift_in_test),
    ("somebody edits a pipeline in Studio", drift_in_factory),
    ("planned again", again("test")),
    ("status", tell_status),
)


def prepare(folder: Path) -> None:
    """A bare repository with this checkout's commit as `main`, and a working copy of it."""
    for words in (
        ["git", "clone", "-q", "--bare", str(ROOT), "origin.git"],
        ["git", "-C", "origin.git", "update-ref", "refs/heads/main", "HEAD"],
        ["git", "-C", "origin.git", "symbolic-ref", "HEAD", "refs/heads/main"],
        ["git", "clone", "-q", "origin.git", "work"],
        ["git", "-C", "work", "config", "user.name", "Demo"],
        ["git", "-C", "work", "config", "user.email", "demo@example.com"],
    ):
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"{' '.join(words)}: {done.stderr.strip()} (the demo needs a Git checkout)")


def main() -> int:
    """Run the demo. 0: all was as promised, 1: something was not, and what is said."""
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--state", str(folder / "sandbox")]
    serving = subprocess.Popen(
        [*command, "--until-stdin-closes"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline() or "{}")
        if "port" not in ready:
            raise Wrong("the sandbox did not start")
        stage = Stage(folder, ready["url"], _environment(ready["port"], folder), console)
        prepare(folder)
        told = []
        for number, (title, step) in enumerate(STEPS, 1):
            console.print(f"\n[bold]{number}. {title}[/bold]")
            begun = time.monotonic()
            result = step(stage)
            console.print(f"   [green]✓[/green] {result.replace('[', chr(92) + '[')}")
            told.append((title, result, time.monotonic() - begun))
    except Wrong as wrong:
        console.print(f"   [red]✗ {str(wrong).replace('[', chr(92) + '[')}[/red]")
        console.print(f"What it left is in {folder}.")
        return 1
    finally:
        serving.terminate()
        serving.wait(timeout=10)
    console.print("\n[bold]What was shown[/bold]")
    for title, result, seconds in told:
        console.print(f"  {title} ({seconds:.1f} s): {result.replace('[', chr(92) + '[')}")
    console.print(
        f"[green]All as promised, in {time.monotonic() - started:.0f} s, on loopback alone.[/green]"
    )
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _environment(port: int, folder: Path) -> dict[str, str]:
    from sandbox.environment import variables

    led_astray = ("ALL_PROXY", "HTTP_PROXY", "AZURE_", "ARM_", "DATABRICKS_", "RECONCILER_", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(led_astray)}
    return {**kept, **variables(port, folder / "sandbox"), "AZURE_CONFIG_DIR": str(folder / "azure")}
