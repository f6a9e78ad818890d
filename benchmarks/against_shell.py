"""One environment released by the reconciler, and by a script with `az` and `databricks` as teams write it.

Both release the sample's template, factory definitions, secrets and notebooks (no libraries and jobs; the
test on Spark is left out on both sides), first from nothing and then with nothing to do. Each call of both is
answered 150 ms later than the sandbox would. At the end both sides' live states are compared, by our own plan
and by `az`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.project import SUBSCRIPTION, Project, empty, group
from support.sandbox import ROOT, Sandbox

from benchmarks.figure import Figure
from benchmarks.parts.sandboxed import sandboxed

LATENCY = 0.15
TIMES = 20.0
"""With nothing to do, at least so many times as fast."""
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
VOLATILE = frozenset({
    "etag", "eTag", "creationTime", "createdTime", "changedTime", "systemData", "principalId", "version",
    "lastGeneratedRunTime", "keyCreationTime", "managedResourceGroupId", "workspaceId", "workspaceUrl",
    "lastUpdateTime", "createdBy", "updatedBy", "createdDateTime", "domain",
})  # fmt: skip
"""Fields that differ between two environments that were made alike."""


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(item) for name, item in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return sorted((_lasting(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def seen_by_az(made: Project) -> Any:
    """What `az` shows of the environment, without what differs from run to run."""

    def az(*words: str) -> Any:
        return json.loads(_called([str(TOOLS / "az"), *words, "--output", "json"], made))

    az("login", "--identity")
    factory = group(NAMES["GROUP"], f"{FACTORIES}/{NAMES['FACTORY']}")
    kinds = ("linkedservices", "datasets", "pipelines", "triggers")
    shown = {
        "resources": az("resource", "list", "--resource-group", NAMES["GROUP"]),
        "account": az("storage", "account", "show", "-g", NAMES["GROUP"], "-n", NAMES["ACCOUNT"]),
        "vault": az("keyvault", "show", "-g", NAMES["GROUP"], "-n", NAMES["VAULT"]),
        **{
            kind: az("rest", "--url", f"https://management.azure.com{factory}/{kind}?api-version=2018-06-01")[
                "value"
            ]
            for kind in kinds
        },
    }
    key = az("storage", "account", "keys", "list", "-g", NAMES["GROUP"], "-n", NAMES["ACCOUNT"])[0]["value"]
    secret = az("keyvault", "secret", "show", "--vault-name", NAMES["VAULT"], "-n", "storagekey")["value"]
    return {**_lasting(shown), "secretIsTheKey": secret == key}


def run() -> Iterator[Figure]:
    with sandboxed() as (folder, sandbox):
        made = project(folder, sandbox)
        script = shell(made, folder)
        first_shell, again_shell = timed(sandbox, script), timed(sandbox, script)
        by_shell = seen_by_az(made)
        planned = made.run("plan", "test").json
        actions = {change["action"] for change in planned["changes"]}
        held = [one for one in planned["blocked"] if not one["key"].startswith(WRITE_ONLY)]
        unread = len(planned["blocked"]) - len(held)
        differing = sum(change["action"] != "adopt" for change in planned["changes"]) + len(held)
        assert actions, "the plan sees what the script made"
        sandbox.reset()
        tick = cold(made)
        first, again = timed(sandbox, tick), timed(sandbox, tick)
        hosted = warm(made)
        hosted()
        rounds = [timed(sandbox, hosted) for _ in range(3)]
        unlike = [name for name, value in seen_by_az(made).items() if value != by_shell[name]]
    warmed = Figure.of("nothing to do: reconciler, hosted app", [each.seconds for each in rounds], "s")
    yield Figure("first run: shell", first_shell.seconds, "s")
    yield Figure("first run: shell, calls", first_shell.calls, "calls")
    yield Figure("first run: reconciler, a process of its own", first.seconds, "s", first_shell.seconds)
    yield Figure("first run: reconciler, calls", first.calls, "calls")
    yield Figure("nothing to do: shell", again_shell.seconds, "s")
    yield Figure("nothing to do: shell, calls", again_shell.calls, "calls")
    yield Figure("nothing to do: reconciler, a process of its own", again.seconds, "s")
    yield warmed
    yield Figure("nothing to do: reconciler, calls", rounds[-1].calls, "calls")
    yield Figure(
        "nothing to do: shell to reconciler, a process of its own",
        again_shell.seconds / again.seconds,
        "times",
    )
    yield Figure(
        "nothing to do: hosted app to shell (0.05 is 20 times as fast)",
        warmed.value / again_shell.seconds,
        "times",
        1 / TIMES,
    )
    yield Figure("live states that differ: by our plan of what the shell made", differing, "changes", 0)
    yield Figure("live states: secrets of a scope, which nobody can read to compare", unread, "secrets")
    yield Figure(f"live states that differ: by az ({', '.join(unlike) or 'none'})", len(unlike), "kinds", 0)
