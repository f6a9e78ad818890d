"""The first deployment of 1,000 objects of a data factory, within Resource Manager's token buckets.

A bucket holds 200 writes and gets ten back each second, so that 1,000 writes take 80 s at least. What is
measured is one tick of an environment of which nothing exists: from reading Git to the last record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.project import Project, empty, environment, template
from support.sandbox import Sandbox

from benchmarks.figure import Figure
from benchmarks.parts.estate import dataset, pipeline, trigger
from benchmarks.parts.sandboxed import sandboxed

COUNT = 1000
BUCKET, REFILL = 200, 10
RATIO = 1.1
"""At most so many times as long as the writes of the objects alone take by the buckets' arithmetic."""
FACTORY: Mapping[str, Any] = {
    "type": "Microsoft.DataFactory/factories", "apiVersion": "2018-06-01", "name": "large-adf",
    "location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {},
}  # fmt: skip


@dataclass(frozen=True)
class Deployed:
    """outcomes: how many objects ended how. refused: answers of status 429. writes: those taken."""

    seconds: float
    outcomes: Mapping[str, int]
    refused: int
    writes: int


def objects(count: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, name and properties: of 100 a linked service, 25 datasets, a started trigger, else pipelines."""
    linked, datasets = max(1, count // 100), count // 4
    for n in range(linked):
        place = {"url": "https://large.dfs.core.windows.net"}
        yield "linkedService", f"Store{n}", {"type": "AzureBlobFS", "typeProperties": place}
    for n in range(datasets):
        yield "dataset", f"d{n}", dataset(f"Store{n % linked}", f"raw/{n}")
    for n in range(count - 2 * linked - datasets):
        yield "pipeline", f"p{n}", pipeline(f"d{n % datasets}", f"d{(n + 1) % datasets}")
    for n in range(linked):
        yield "trigger", f"t{n}", trigger(f"p{n}")


def project(folder: Path, sandbox: Sandbox, count: int) -> Project:
    made = empty(folder, sandbox)
    made.write("arm/main.json", template(dict(FACTORY)))
    for kind, name, properties in objects(count):
        made.write(f"datafactory/{kind}/{name}.json", {"name": name, "properties": properties})
    section = "dataFactory: {factory: large-adf, definitions: datafactory}\n"
    made.repository.commit({"environments/one.yaml": environment("one", more=section)})
    return made


def deployed(made: Project, sandbox: Sandbox) -> Deployed:
    """One tick in this process, with the buckets on."""
    from reconciler import settings

    said = replace(settings.read(), repository=str(made.repository.path), state=str(made.state))
    engine = settings.engine(said)
    sandbox.control("POST", "limits", {"enabled": True})
    started = time.monotonic()
    ticked = engine.tick("one")
    seconds = time.monotonic() - started
    calls = sandbox.journal()
    return Deployed(
        seconds,
        Counter(outcome.result.value for outcome in ticked.outcomes),
        sum(call["status"] == 429 for call in calls),
        sum(call["write"] and call["status"] < 400 for call in calls),
    )


def run() -> Iterator[Figure]:
    with sandboxed() as (folder, sandbox):
        found = deployed(project(folder, sandbox, COUNT), sandbox)
    floor = (COUNT - BUCKET) / REFILL
    yield Figure(f"{COUNT} objects: seconds", found.seconds, "s")
    yield Figure(
        f"{COUNT} objects: seconds to the arithmetic floor of {floor:g} s",
        found.seconds / floor,
        "times",
        RATIO,
    )
    yield Figure(
        "writes, with those of the group, the factory and the starts of triggers", found.writes, "calls"
    )
    yield Figure(
        "objects that failed or are pending",
        sum(found.outcomes.values()) - found.outcomes.get("done", 0),
        "objects",
        0,
    )
    yield Figure("calls that were refused (429)", found.refused, "calls")
