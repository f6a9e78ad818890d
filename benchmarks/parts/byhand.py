"""Puts environments into Azure without the product, which then adopts what is there: that is quicker.

What the product alone can put, because nobody could compare it, is left to it: secrets and their scope."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from support.arm import ME
from support.project import group
from support.workspaces import RESOURCE

from benchmarks.parts.bare import MANAGEMENT, Bare
from benchmarks.parts.estate import Estate

AZURE = "https://management.azure.com"
KINDS = {
    "linkedService": "linkedservices",
    "dataset": "datasets",
    "pipeline": "pipelines",
    "trigger": "triggers",
}
"""Kinds of a factory's objects, each after what it needs, with their names in a path."""
AT_ONCE = 4


def put(estates: Sequence[Estate]) -> dict[str, str]:
    """Gives the host of each environment's workspace."""
    bare = Bare(AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hosts = dict(zip((e.name for e in estates), pool.map(partial(_platform, bare), estates), strict=True))
        for estate in estates:
            for batch in (*_objects(bare, estate), *_notebooks(bare, estate, hosts[estate.name])):
                list(pool.map(lambda work: work(), batch))
    return hosts


def _platform(bare: Bare, estate: Estate) -> str:
    """The group and its template; gives the workspace's host."""
    bare.call("PUT", _url(group(estate.name), "2024-11-01"), {"location": "westeurope"})
    url = _url(group(estate.name, "Microsoft.Resources/deployments/by-hand"), "2024-03-01")
    properties = {
        "mode": "Incremental", "template": estate.template(), "parameters": {"me": {"value": ME}},
    }  # fmt: skip
    deployed = bare.call("PUT", url, {"properties": properties})
    while (state := deployed["properties"]["provisioningState"]) != "Succeeded":
        assert state in ("Accepted", "Running"), deployed["properties"]
        time.sleep(0.05)
        deployed = bare.call("GET", url)
    return str(deployed["properties"]["outputs"]["url"]["value"])


Batch = Sequence[partial[Any]]


def _objects(bare: Bare, estate: Estate) -> Iterator[Batch]:
    """Kind by kind, since one needs the other; triggers are started last."""
    factory = group(estate.name, f"Microsoft.DataFactory/factories/{estate.name}-adf")
    objects = list(estate.objects())
    for kind, path in KINDS.items():
        mine = [(f"{factory}/{path}/{name}", body) for each, name, body in objects if each == kind]
        yield [
            partial(bare.call, "PUT", _url(where, "2018-06-01"), {"properties": _sent(body)})
            for where, body in mine
        ]
        if kind == "trigger":
            yield [partial(bare.call, "POST", _url(f"{where}/start", "2018-06-01")) for where, _ in mine]


def _sent(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "runtimeState"}


def _notebooks(bare: Bare, estate: Estate, host: str) -> Iterator[Batch]:
    """Folders, then what is in them. The workspace lets in who may administer it in Azure."""
    about = {
        "X-Databricks-Azure-SP-Management-Token": bare.token(MANAGEMENT),
        "X-Databricks-Azure-Workspace-Resource-Id": group(estate.name, f"{RESOURCE}/{estate.name}-dbw"),
    }
    call = partial(bare.call, "POST", more=about)
    texts = {f"/Shared/{estate.name}/{path.removesuffix('.py')}": text for path, text in estate.sources()}
    api = f"https://{host}/api/2.0/workspace"
    folders = sorted({path.rpartition("/")[0] for path in texts})
    yield [partial(call, f"{api}/mkdirs", {"path": path}) for path in folders]
    yield [
        partial(call, f"{api}/import", {
            "path": path, "format": "SOURCE", "language": "PYTHON",
            "content": base64.b64encode(text.encode()).decode(),
        })
        for path, text in texts.items()
    ]  # fmt: skip


def _url(path: str, version: str) -> str:
    return f"{AZURE}{path}?api-version={version}"
