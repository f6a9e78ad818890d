"""A sandbox with environments in it, and the repository that they follow, as the Function app has them.

The repository is a bare one on this disk, and the state a folder: neither is part of what is compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from support import hosted
from support.hosted import Hosted
from support.project import Azure, group
from support.sandbox import Sandbox

from benchmarks.parts import byhand
from benchmarks.parts.estate import Estate
from benchmarks.parts.floor import chains
from benchmarks.parts.rounds import Workers
from benchmarks.parts.sandboxed import sandboxed
from reconciler.engine import Reconciler

FILLING = 2
"""Processes that make the first ticks of many environments."""
PAGE = 50
"""Objects that Data Factory lists in one call."""
SECRETS_PAGE = 25
"""Secrets that a vault lists in one call."""
KINDS = 8
"""Lists of a factory: pipelines, datasets, linked services, triggers, and four that are empty here."""


@dataclass(frozen=True)
class Place:
    """Environments that are as Git says.

    hosts: environments by the hosts of their workspaces. workers: processes that tick all of them."""

    estates: Sequence[Estate]
    sandbox: Sandbox
    repository: Hosted
    hosts: Mapping[str, str]
    workers: Workers

    @cached_property
    def engine(self) -> Reconciler:
        """One in this process, which has seen nothing yet."""
        return self.repository.engine()

    def calls(self) -> dict[str, list[Mapping[str, Any]]]:
        """The calls of a tick without changes, by environment, as the sandbox wrote them down."""
        since = self.last()
        self.workers.round()
        found: dict[str, list[Mapping[str, Any]]] = {estate.name: [] for estate in self.estates}
        for call in self.sandbox.journal(since):
            found[self._whose(call)].append(call)
        return found

    def _whose(self, call: Mapping[str, Any]) -> str:
        """The environment that a call is for: they share no group, vault or workspace."""
        host = str(call["host"])
        if host.endswith(".vault.azure.net"):
            return host.partition("-kv.")[0]
        if host in self.hosts:
            return self.hosts[host]
        return str(call["path"]).lower().partition("/resourcegroups/")[2].partition("/")[0]

    def ticking(self, at_once: int, names: Sequence[str] = ()) -> dict[str, Any]:
        """What a worker needs to tick these environments, by default all."""
        return _ticking(self.repository, list(names) or [estate.name for estate in self.estates], at_once)

    def bare(self, at_once: int) -> dict[str, Any]:
        """What a worker needs to make the same calls bare, those of all environments."""
        return {
            **self.ticking(at_once),
            "chains": {name: chains(calls) for name, calls in self.calls().items()},
        }

    def last(self) -> int:
        """The number of the last call. The journal is emptied: it would grow with each."""
        self.sandbox.control("DELETE", "journal")
        Azure().there(group("none"), "2024-11-01")
        return int(self.sandbox.journal()[-1]["n"])


def _ticking(repository: Hosted, names: Sequence[str], at_once: int) -> dict[str, Any]:
    return {
        "repository": str(repository.bare), "state": str(repository.state),
        "environments": list(names), "atOnce": at_once,
    }  # fmt: skip


def expected(estate: Estate) -> int:
    """Calls of a tick without changes: one for each ARM resource (the group is one of them), and the pages of
    all lists: of the group, the factory, the vault, the workspace's folders, its scopes and the scope."""
    kinds = (estate.pipelines, estate.datasets, estate.linked, estate.triggers)
    factory = sum(max(1, math.ceil(count / PAGE)) for count in kinds) + KINDS - len(kinds)
    return estate.arm + 1 + factory + math.ceil(estate.secrets / SECRETS_PAGE) + estate.folders + 2


@contextmanager
def place(*estates: Estate, folder: Path | None = None) -> Iterator[Place]:
    """A sandbox of its own with these environments: put there by hand, and adopted by the product."""
    with sandboxed(folder) as (root, sandbox):
        files = {path: text for estate in estates for path, text in estate.files().items()}
        repository = hosted.hosted(root, files)
        hosts = byhand.put(estates)
        processes = min(FILLING, len(estates))
        workers = Workers(_ticking(repository, list(hosts), 2), processes)
        try:
            workers.round("fill")
            yield Place(estates, sandbox, repository, {host: name for name, host in hosts.items()}, workers)
        finally:
            workers.end()
