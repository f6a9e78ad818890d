"""Our own settings: the only reader of os.environ. Wires an engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.checkout import Checkout
from reconciler.cloud import Cloud, Identity, Material, identity_of
from reconciler.engine import TICK_SECONDS, Reconciler
from reconciler.environment.permission import settings_reader
from reconciler.errors import SettingsError
from reconciler.planner import Planner
from reconciler.source import Source
from reconciler.state import open_store

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True)
class Settings:
    """What this installation is told by its app settings.

    state: "" for `.reconciler` in the checkout, which stays the same wherever in it a command is run.
    secrets: names of app settings that `${env:…}` may read."""

    repository: str = "."
    branch: str = "main"
    state: str = ""
    token: str = ""
    seconds: float = TICK_SECONDS
    secrets: frozenset[str] = frozenset()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


NAMES: Mapping[str, str] = {
    "RECONCILER_REPO": "The Git repository: a path, or an https URL.",
    "RECONCILER_BRANCH": "The branch from which the list of environments is read.",
    "RECONCILER_STATE": "Where the state is kept: a folder.",
    "RECONCILER_GIT_TOKEN": "A token for the repository, if it needs one.",
    "RECONCILER_TICK_SECONDS": "How long one tick may take, in seconds.",
    "RECONCILER_SECRETS": "Names of app settings that ${env:…} may read, separated by commas.",
}
"""Every app setting that is read, and what it says."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings. Raises SettingsError naming the one that is wrong."""
    said = os.environ if environ is None else environ
    seconds = said.get("RECONCILER_TICK_SECONDS", "")
    try:
        limit = float(seconds) if seconds else TICK_SECONDS
    except ValueError:
        raise SettingsError(
            f"{seconds!r} is no number of seconds.", where="RECONCILER_TICK_SECONDS"
        ) from None
    return Settings(
        repository=said.get("RECONCILER_REPO") or ".",
        branch=said.get("RECONCILER_BRANCH") or "main",
        state=said.get("RECONCILER_STATE", ""),
        token=said.get("RECONCILER_GIT_TOKEN", ""),
        seconds=limit,
        secrets=frozenset(said.get("RECONCILER_SECRETS", "").replace(",", " ").split()),
        environ=said,
    )


def engine(settings: Settings) -> Reconciler:
    """An engine for these settings. Raises SettingsError, and SourceError where there is no repository.

    A checkout is read at what is checked out; a bare repository or a URL where an environment follows it."""
    checkout = not settings.repository.startswith("https://") and not _is_bare(Path(settings.repository))
    state = state_of(settings)
    store = open_store(state)
    cache_ = Path(state).expanduser() / "cache"
    setting = settings_reader(settings.environ, settings.secrets)
    git = Checkout(
        source=Source(settings.repository, cache_, settings.token),
        key=store.key,
        secret=setting,
        ref="HEAD" if checkout else settings.branch,
        follow=not checkout,
    )

    def sign_in(
        subscription: str, client_id: str | None, environment: str, material: Material
    ) -> tuple[Cloud, Identity]:
        signed_in = credential(client_id)
        identity = identity_of(signed_in)
        return Cloud.of(signed_in, subscription, environment, material, setting, store.key()), identity

    return Reconciler(git, store, Planner(git, sign_in), settings.seconds)


def state_of(settings: Settings) -> str:
    """Where the state is kept: what is said, else `.reconciler` at the top of the checkout."""
    elsewhere = "://" in settings.repository or _is_bare(Path(settings.repository))
    path = None if elsewhere else Path(settings.repository).expanduser()
    return settings.state or str(_top(path) / ".reconciler")


def _top(path: Path | None) -> Path:
    """The top folder of the checkout that a folder is in; else the current folder."""
    above = (path.absolute(), *path.absolute().parents) if path else ()
    return next((folder for folder in above if (folder / ".git").exists()), Path())


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()


@cache
def credential(client_id: str | None) -> TokenCredential:
    """The sign-in of this machine: managed identity in Azure, `az login` on a laptop."""
    from azure.identity import DefaultAzureCredential

    options = {"managed_identity_client_id": client_id} if client_id else {}
    return DefaultAzureCredential(**options)
