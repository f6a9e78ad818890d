"""One environment released by the reconciler, and by a script with `az` and `databricks` as teams write it.

Both release the sample's template, factory definitions, secrets and notebooks, in turn: first from nothing,
then with nothing to do. The sample's libraries, jobs and its test on Spark are left out on both sides; the
script would run the test each time, the reconciler only after a change. Each call of both is answered 150 ms
later than the sandbox would. With nothing to do the hosted app is timed as it runs: a tick in a process that
has ticked before. A process of its own, as `reconciler tick` from a terminal, is told beside it.

Both sides' live states are compared twice. Our plan of what the script made has nothing to change; a secret
of a Databricks scope, whose value nobody can read, it can only tell. What `az` shows of both is equal but for
times, for addresses and ids that Azure makes up, and for our mark, the tag `reconciler`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from support.project import SUBSCRIPTION, Project, empty
from support.sandbox import ROOT, Sandbox

from benchmarks.figure import Figure
from benchmarks.parts.sandboxed import sandboxed
from benchmarks.parts.seen_by_az import seen

LATENCY = 0.15
TIMES = 20.0
"""With nothing to do, at least so many times as fast."""
ROUNDS, TICKS = 2, 5
"""Releases of each side, from nothing; ticks of the hosted app in each."""
TOOLS = ROOT / ".venv-az" / "bin"
SCRIPT = Path(__file__).with_name("shell") / "release.sh"
FACTORIES = "Microsoft.DataFactory/factories"
ME = "00000000-0000-0000-0000-0000000000f1"
NAMES = {
    "GROUP": "bikeshare-test", "ACCOUNT": "bikesharetest", "VAULT": "bikeshare-test-kv",
    "FACTORY": "bikeshare-test-adf", "ME": ME, "SUBSCRIPTION": SUBSCRIPTION,
}  # fmt: skip
PER_ENVIRONMENT: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("linkedService", "AzureKeyVault"): {"typeProperties.baseUrl": "keyVaultUri"},
    ("linkedService", "AzureDatabricks"): {
        "typeProperties.domain": "databricksUrl", "typeProperties.workspaceResourceId": "databricksId",
    },
    ("linkedService", "DataLake"): {"typeProperties.url": "storageUrl"},
    ("pipeline", "Apply ML model pipeline"): {"parameters.account.defaultValue": "account"},
}  # fmt: skip
"""What differs per environment, by the parameter of the exported template: as `dataFactory.set` says it."""


@dataclass(frozen=True)
class Took:
    seconds: float
    calls: int


def project(folder: Path, sandbox: Sandbox) -> Project:
    """The sample's test environment, without what is left out on both sides."""
    made = empty(folder, sandbox)
    for name in ("arm", "datafactory", "notebooks"):
        shutil.copytree(ROOT / name, made.repository.path / name)
    text = (ROOT / "environments/test.yaml").read_text("utf-8")
    blocks = [block for block in text.split("\n\n") if not block.startswith("checks:")]
    base = (ROOT / "environments/base.yaml").read_text("utf-8").partition("  libraries:")[0]
    made.write("environments/base.yaml", base)
    made.write("environments/test.yaml", "\n\n".join(blocks).replace("after: [dev]\n", "") + "\n")
    made.repository.commit()
    return made


def exported(folder: Path, to: Path) -> None:
    """The template that Studio exports of the factory's folder, and the names of triggers that are to run."""
    bodies = {
        (path.parent.name, path.stem): json.loads(path.read_text("utf-8"))
        for path in sorted(folder.glob("*/*.json"))
    }
    resources, running, used = [], [], {"factoryName"}
    for (kind, name), body in bodies.items():
        properties = body["properties"]
        for path, parameter in PER_ENVIRONMENT.get((kind, name), {}).items():
            *above, last = path.split(".")
            holder = properties
            for step in above:
                holder = holder[step]
            holder[last] = f"[parameters('{parameter}')]"
            used.add(parameter)
        if properties.pop("runtimeState", "") == "Started":
            running.append(name)
        needs = {
            other
            for other in bodies
            if other != (kind, name) and json.dumps(other[1]) in json.dumps(properties)
        }
        resources.append({
            "name": f"[concat(parameters('factoryName'), '/{name}')]",
            "type": f"{FACTORIES}/{kind}s", "apiVersion": "2018-06-01", "properties": properties,
            "dependsOn": [
                f"[resourceId('{FACTORIES}/{other}s', parameters('factoryName'), '{needed}')]"
                for other, needed in sorted(needs)
            ],
        })  # fmt: skip
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"type": "string"} for name in sorted(used)},
        "resources": resources,
    }
    to.mkdir(parents=True)
    (to / "ARMTemplateForFactory.json").write_text(json.dumps(template, indent=2), "utf-8")
    (to / "triggers").write_text("".join(f"{name}\n" for name in running), "utf-8")


@contextmanager
def slow(sandbox: Sandbox) -> Iterator[None]:
    sandbox.fault("latency", times=0, seconds=LATENCY)
    yield
    sandbox.control("DELETE", "faults")


def timed(sandbox: Sandbox, work: Callable[[], object]) -> Took:
    sandbox.control("DELETE", "journal")
    with slow(sandbox):
        started = time.monotonic()
        work()
        seconds = time.monotonic() - started
    return Took(seconds, len(sandbox.journal()))


def _called(words: list[str], made: Project, **more: str) -> str:
    env = {**made.sandbox.env, **more, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    done = subprocess.run(
        words, cwd=made.repository.path, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stdout[-2000:]} {done.stderr[-4000:]}")
    return done.stdout


def shell(made: Project, folder: Path) -> Callable[[], object]:
    export = folder / "export"
    exported(made.repository.path / "datafactory", export)
    return lambda: _called([str(SCRIPT), str(export)], made, **NAMES, HOME=str(folder / "home"))


def cold(made: Project) -> Callable[[], object]:
    """`reconciler tick` as a process of its own."""
    place = ["--repo", str(made.repository.path), "--state", str(made.state), "--json"]
    return lambda: _called(
        [sys.executable, "-m", "reconciler", "tick", "test", *place], made, PYTHONPATH=str(ROOT)
    )


def warm(made: Project) -> Callable[[], object]:
    """A tick of an engine that has ticked before, as an instance of the app has."""
    from reconciler import settings

    settings.credential.cache_clear()
    said = replace(settings.read(), repository=str(made.repository.path), state=str(made.state))
    engine = settings.engine(said)

    def tick() -> None:
        ticked = engine.tick("test")
        if (ticked.result, ticked.outcomes) != ("done", ()):
            raise RuntimeError(f"{ticked.result} {ticked.reason} {ticked.outcomes[:3]}")

    return tick


WRITE_ONLY = "databricks.secret/"
"""What our plan leaves where somebody else made it: its value cannot be compared."""


def by_az(made: Project) -> dict[str, Any]:
    def az(*words: str) -> Any:
        return json.loads(_called([str(TOOLS / "az"), *words, "--output", "json"], made))

    return seen(az, NAMES)


def warmed(made: Project) -> None:
    """Start each tool once: the first start of `az` makes an index of its commands."""
    for words in (["az", "login", "--identity"], ["az", "group", "list"], ["databricks", "--version"]):
        _called([str(TOOLS / words[0]), *words[1:]], made)
    _called([sys.executable, "-m", "reconciler", "tick", "--help"], made, PYTHONPATH=str(ROOT))


@dataclass
class Found:
    """What all rounds took."""

    first_shell: list[Took] = field(default_factory=list)
    again_shell: list[Took] = field(default_factory=list)
    first: list[Took] = field(default_factory=list)
    again: list[Took] = field(default_factory=list)
    hosted: list[Took] = field(default_factory=list)


def run() -> Iterator[Figure]:
    found = Found()
    with sandboxed() as (folder, sandbox):
        made = project(folder, sandbox)
        script, tick = shell(made, folder), cold(made)
        warmed(made)
        for number in range(1, ROUNDS + 1):
            sandbox.reset()
            found.first_shell.append(timed(sandbox, script))
            found.again_shell.append(timed(sandbox, script))
            planned = made.run("plan", "test").json
            by_shell = by_az(made) if number == ROUNDS else {}
            sandbox.reset()
            shutil.rmtree(made.state, ignore_errors=True)
            found.first.append(timed(sandbox, tick))
            found.again.append(timed(sandbox, tick))
            hosted = warm(made)
            hosted()
            found.hosted += [timed(sandbox, hosted) for _ in range(TICKS)]
        ours = by_az(made)
    yield from _figures(found)
    yield from _compared(planned, by_shell, ours)


def _figures(found: Found) -> Iterator[Figure]:
    process, app = "a process of its own", "the hosted app"
    for when, shells, sides in (
        ("first run", found.first_shell, {process: found.first}),
        ("nothing to do", found.again_shell, {process: found.again, app: found.hosted}),
    ):
        yield Figure.of(f"{when}: shell", [each.seconds for each in shells], "s")
        yield Figure(f"{when}: shell, calls", shells[-1].calls, "calls")
        least = min(each.seconds for each in shells)
        for side, took in sides.items():
            seconds = [each.seconds for each in took]
            at_most = {"first run": 1.0}.get(when, 1 / TIMES if side == app else None)
            yield Figure.of(f"{when}: reconciler, {side}", seconds, "s")
            yield Figure(f"{when}: reconciler, {side}, calls", took[-1].calls, "calls")
            of_shell = [each / least for each in seconds]
            yield Figure.of(f"{when}: {side}, to the quickest run of the shell", of_shell, "times", at_most)


def _compared(planned: Any, by_shell: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Figure]:
    changes, held = planned["changes"], [one["key"] for one in planned["blocked"]]
    unread = sum(key.startswith(WRITE_ONLY) for key in held)
    differing = sum(change["action"] != "adopt" for change in changes) + len(held) - unread
    unlike = [name for name, value in ours.items() if value != by_shell[name]]
    assert changes, "the plan sees what the script made"
    yield Figure("our plan of what the shell made: found as Git says", len(changes) - differing, "resources")
    yield Figure("our plan of what the shell made: differing", differing, "resources", 0)
    yield Figure("our plan of what the shell made: secrets that nobody can read", unread, "secrets")
    yield Figure("compared by az: kinds", len(ours), "kinds")
    yield Figure(f"compared by az: differing ({', '.join(unlike) or 'none'})", len(unlike), "kinds", 0)
