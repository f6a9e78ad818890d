"""A sandbox with environments in it, and the repository that they follow, as the Function app has them.

The repository is a bare one on this disk, and the state a folder: neither is part of what is compared."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import hosted
from support.hosted import Hosted
from support.project import Azure, group
from support.sandbox import Sandbox, foreign_names

from benchmarks.parts.estate import Estate
from benchmarks.parts.floor import chains
from reconciler.engine import Reconciler

ROOT = Path(__file__).resolve().parents[2]
PAGE = 50
"""Objects that Data Factory lists in one call."""
SECRETS_PAGE = 25
"""Secrets that a vault lists in one call."""
KINDS = 8
"""Lists of a factory: pipelines, datasets, linked services, triggers, and four that are empty here."""


@dataclass(frozen=True)
class Place:
    """Environments that are as Git says."""

    estates: Sequence[Estate]
    sandbox: Sandbox
    repository: Hosted
    engine: Reconciler

    def ticking(self, at_once: int, names: Sequence[str] = ()) -> dict[str, Any]:
        """What a worker needs to tick these environments, by default all."""
        return {
            "repository": str(self.repository.bare),
            "state": str(self.repository.state),
            "environments": list(names) or [estate.name for estate in self.estates],
            "atOnce": at_once,
        }

    def bare(self, at_once: int, names: Sequence[str] = ()) -> dict[str, Any]:
        """What a worker needs to make the same calls bare."""
        asked = self.ticking(at_once, names)
        return {**asked, "chains": {name: chains(self.calls(name)) for name in asked["environments"]}}

    def calls(self, name: str) -> list[dict[str, Any]]:
        """The calls of one tick without changes, as the sandbox wrote them down."""
        since = self.last()
        ticked = self.engine.tick(name)
        assert (ticked.result, ticked.outcomes) == ("done", ()), f"{name}: {ticked.reason} {ticked.outcomes}"
        return self.sandbox.journal(since)

    def last(self) -> int:
        """The number of the last call. The journal is emptied: it would grow with each."""
        self.sandbox.control("DELETE", "journal")
        Azure().there(group("none"), "2024-11-01")
        return int(self.sandbox.journal()[-1]["n"])


def expected(estate: Estate) -> int:
    """Calls of a tick without changes: one for each ARM resource (the group is one of them), and the pages of
    all lists: of the group, the factory, the vault, the workspace's folders, its scopes and the scope."""
    kinds = (estate.pipelines, estate.datasets, estate.linked, estate.triggers)
    factory = sum(max(1, math.ceil(count / PAGE)) for count in kinds) + KINDS - len(kinds)
    return estate.arm + 1 + factory + math.ceil(estate.secrets / SECRETS_PAGE) + estate.folders + 2


@contextmanager
def place(*estates: Estate, folder: Path | None = None) -> Iterator[Place]:
    """A sandbox of its own with these environments, brought there by the product itself.

    What a factory holds is put there bare and then adopted, which is quicker; triggers are started by us."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as made:
        root = folder or Path(made)
        sandbox = Sandbox.start(root / "sandbox")
        before = dict(os.environ)
        try:
            for name in foreign_names(os.environ):
                del os.environ[name]
            os.environ.update({**sandbox.variables, "XDG_CONFIG_HOME": str(root / "settings")})
            yield _filled(estates, sandbox, root)
        finally:
            os.environ.clear()
            os.environ.update(before)
            sandbox.stop()


def _filled(estates: Sequence[Estate], sandbox: Sandbox, root: Path) -> Place:
    from reconciler import settings

    settings.credential.cache_clear()
    files = {path: text for estate in estates for path, text in estate.files().items()}
    first = {path: text for path, text in files.items() if not path.startswith("datafactory/")}
    empty = {f"datafactory/{estate.name}/pipeline/.keep": "" for estate in estates}
    repository = hosted.hosted(root, {**first, **empty})
    engine = repository.engine()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda estate: _ticked(engine, estate.name), estates))
        list(pool.map(_put, estates))
    repository.push(files)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda estate: _ticked(engine, estate.name), estates))
    return Place(estates, sandbox, repository, engine)


def _ticked(engine: Reconciler, name: str) -> None:
    """Tick until it is as Git says."""
    for _ in range(5):
        done = engine.tick(name)
        if done.result == "done" and not (done.planned and done.planned.plan.blocked):
            return
    raise RuntimeError(f"{name}: {done.result} {done.reason} {done.outcomes[:3]}")


def _put(estate: Estate) -> None:
    """Put what the factory is to hold, kind by kind, since one needs the other."""
    azure = Azure()
    factory = group(estate.name, f"Microsoft.DataFactory/factories/{estate.name}-adf")
    paths = {"linkedService": "linkedservices", "dataset": "datasets", "pipeline": "pipelines"}
    objects = list(estate.objects())
    with ThreadPoolExecutor(8) as pool:
        for kind, path in paths.items():
            mine = [(name, json.loads(json.dumps(body))) for each, name, body in objects if each == kind]
            list(
                pool.map(
                    lambda one, path=path: azure.call(
                        "PUT", f"{factory}/{path}/{one[0]}", "2018-06-01", {"properties": one[1]}
                    ),
                    mine,
                )
            )
