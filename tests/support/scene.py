"""The sample's environments as people meet them on a working day: dev healthy, test edited by hand and with a check
that fails, prod waiting for an approval. Their own checks train models for minutes; two short ones stand here."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from support.hosted import Hosted
from support.project import Azure, group, sample
from support.sandbox import Sandbox

from reconciler.engine import Reconciler

PASSES = """
checks:
  - {{name: storage answers, http: "https://bikeshare{name}.blob.core.windows.net/", expect: 401, timeout: 5s}}
"""
FAILS = """  - name: predictions of today
    http: "https://bikeshare{name}.blob.core.windows.net/data/predictions.json"
    timeout: 1s
"""
STORAGE = group("bikeshare-test", "Microsoft.Storage/storageAccounts/bikesharetest")
PIPELINE = group(
    "bikeshare-test", "Microsoft.DataFactory/factories/bikeshare-test-adf/pipelines/Apply ML model pipeline"
)


def scene(folder: Path, sandbox: Sandbox, *, whole: bool = False) -> tuple[Hosted, Reconciler]:
    """Ticks on the sandbox; without `whole` the platform and the factory alone, which takes seconds."""
    project = sample(folder, sandbox, whole=whole)
    for file in sorted((project.repository.path / "environments").glob("[!b]*.yaml")):
        text = re.sub(r"(?ms)^checks:.*?(?=^\S|\Z)", "", file.read_text("utf-8"))
        if file.stem == "test":
            text = text.replace("after: [dev]\n", "after: [dev]\npolicy: {heal: false, resets: block}\n", 1)
        if file.stem == "prod":
            text = text.replace("after: [test]\n", "after: [dev]\n", 1)
        checks = PASSES + (FAILS if file.stem == "test" else "")
        file.write_text(text.rstrip() + "\n" + checks.format(name=file.stem), "utf-8")
    project.repository.commit(message="The sample, with short checks")
    bare = folder / "bare.git"
    project.repository.git("clone", "--quiet", "--bare", ".", str(bare))
    host = Hosted(project.repository, bare, folder / "state")
    engine = host.engine()
    for name in ("dev", "test"):
        engine.tick(name)
    engine.tick("prod")
    people()
    engine.tick("test")
    return host, engine


def people() -> None:
    """Somebody weakens the account and edits the pipeline, in the portal and in Studio."""
    azure = Azure()
    azure.call("PATCH", STORAGE, "2024-01-01", {"properties": {"minimumTlsVersion": "TLS1_0"}})
    definition = azure.get(PIPELINE, "2018-06-01")["properties"]
    definition["activities"][0]["policy"] = {
        **definition["activities"][0].get("policy", {}),
        "timeout": "0.02:00:00",
    }
    definition["description"] = "edited in Studio"
    azure.call("PUT", PIPELINE, "2018-06-01", {"properties": definition})


def unlike(engine: Reconciler, name: str, **fields: object) -> None:
    """Put another thing in the state of an environment."""
    state = engine.store.load(name)
    assert state is not None
    engine.store.save(replace(state, **fields))  # type: ignore[arg-type]
