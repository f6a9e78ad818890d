"""Our own settings: the only reader of os.environ. Wires an engine.

The app reads them while it is indexed, so what is heavy is imported where an engine is made."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import SettingsError
from reconciler.redaction import remember
from reconciler.secret_forms import UNRESOLVED

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from reconciler.cloud import Cloud, Identity, Material
    from reconciler.engine import Reconciler

_log = logging.getLogger(__name__)
KEYS, EASY_AUTH = "keys", "easyauth"
"""Who lets callers in to the app's HTTP routes: Functions by its keys, or App Service by a sign-in."""
FEEDBACK, NO_FEEDBACK = ("comments", "statuses"), "none"
"""What pull requests and commits may be told."""


@dataclass(frozen=True)
class Storage:
    """The storage account of the app's queue: a connection string, or its address and who signs in there."""

    connection: str = field(default="", repr=False)
    queues: str = ""
    client_id: str | None = None

    def __bool__(self) -> bool:
        return bool(self.connection or self.queues)


@dataclass(frozen=True)
class Settings:
    """What this installation is told by its app settings.

    state: "" for `.reconciler` in the checkout, which stays the same wherever in it a command is run.
    easy_auth: App Service signs the callers of HTTP routes in; else Functions asks them for its keys.
    feedback: what is told to the host of the repository; url: the public address of the app.
    seconds: None for the engine's own. secrets: names of app settings that `${env:…}` may read."""

    repository: str = "."
    branch: str = "main"
    state: str = ""
    key: str = ""
    token: str = field(default="", repr=False)
    git: str = ""
    github_app: str = ""
    github_key: str = field(default="", repr=False)
    seconds: float | None = None
    secrets: frozenset[str] = frozenset()
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    mail: str = field(default="", repr=False)
    easy_auth: bool = False
    feedback: frozenset[str] = frozenset()
    url: str = ""
    storage: Storage = Storage()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


NAMES: Mapping[str, str] = {
    "RECONCILER_REPO": "The Git repository: a path, or an https URL. Default: the current checkout.",
    "RECONCILER_BRANCH": "The branch from which the list of environments is read. Default: `main`; "
    "of a checkout, what is checked out is read.",
    "RECONCILER_STATE": "Where the state is kept: a folder, or "
    "`https://ACCOUNT.blob.core.windows.net/CONTAINER`. Default: `.reconciler/` at the top of the checkout.",
    "RECONCILER_KEY": "With a state in a container: the Key Vault secret for keyed hashes, "
    "`https://VAULT.vault.azure.net/secrets/NAME`. It is made where it is missing.",
    "RECONCILER_GIT": "`git` or `dulwich`; by default the git command where there is one.",
    "RECONCILER_GIT_TOKEN": "A token for the repository, if it needs one. Azure Repos are read by the app's "
    "own identity where there is none.",
    "RECONCILER_GITHUB_APP": "In place of a token: the id of a GitHub App that is installed there.",
    "RECONCILER_GITHUB_KEY": "Its private key, as PEM or as the address of a Key Vault secret.",
    "RECONCILER_FEEDBACK": "What GitHub or Azure DevOps is told, where there is a sign-in: `comments`, "
    "`statuses` (both by default), or `none`.",
    "RECONCILER_URL": "The app's public address, `https://NAME.azurewebsites.net`, for links to the "
    "dashboard.",
    "RECONCILER_TICK_SECONDS": "How long one tick may take, in seconds. Default: 480.",
    "RECONCILER_SECRETS": "Names of app settings that `${env:…}` may read, and `VAULT/NAME` of secrets that "
    "`${secret:…}` may read, separated by commas.",
    "RECONCILER_WEBHOOK_SECRETS": "Secrets of the webhooks, separated by commas; each of them holds, so that "
    "one can be replaced.",
    "RECONCILER_MAIL": "Through what alerts to `mailto:` are sent, as Apprise writes it: "
    "`mailtos://USER:PASSWORD@HOST?from=ADDRESS`.",
    "RECONCILER_AUTH": "Who lets callers in to the app's routes: `keys` of Functions (default), or "
    "`easyauth` with the roles `reader` and `operator`.",
    "AzureWebJobsStorage": "The connection string of the storage account with the app's queue.",
    "AzureWebJobsStorage__accountName": "In its place: the account's name, where an identity is let in.",
    "AzureWebJobsStorage__queueServiceUri": "In place of the name: the address of the account's queues.",
    "AzureWebJobsStorage__clientId": "The client id of that identity; absent = the app's own.",
}
"""Every app setting that is read, and what it says."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings. Raises SettingsError naming the one that is wrong."""
    environ = os.environ if environ is None else environ
    # Such a reference is anybody's to guess: as the secret of a webhook it would let everybody in.
    unresolved = sorted(name for name in NAMES if environ.get(name, "").startswith(UNRESOLVED))
    if unresolved:
        _log.warning("not set: the Key Vault references of %s were not resolved", ", ".join(unresolved))
    said = {name: value for name, value in environ.items() if name not in unresolved}
    seconds = said.get("RECONCILER_TICK_SECONDS", "")
    try:
        limit = float(seconds) if seconds else None
    except ValueError:
        raise SettingsError(
            f"{seconds!r} is no number of seconds. For example 480.", where="RECONCILER_TICK_SECONDS"
        ) from None
    auth = said.get("RECONCILER_AUTH") or KEYS
    if auth not in (KEYS, EASY_AUTH):
        raise SettingsError(f"{auth!r} is neither {KEYS} nor {EASY_AUTH}.", where="RECONCILER_AUTH")
    feedback = frozenset((said.get("RECONCILER_FEEDBACK") or ",".join(FEEDBACK)).replace(",", " ").split())
    if wrong := sorted(feedback - {*FEEDBACK, NO_FEEDBACK}):
        raise SettingsError(
            f"{wrong[0]!r} is none of {', '.join(FEEDBACK)} and {NO_FEEDBACK}.", where="RECONCILER_FEEDBACK"
        )
    secrets = (secret.strip() for secret in said.get("RECONCILER_WEBHOOK_SECRETS", "").split(","))
    return Settings(
        repository=said.get("RECONCILER_REPO") or ".",
        branch=said.get("RECONCILER_BRANCH") or "main",
        state=said.get("RECONCILER_STATE", ""),
        key=said.get("RECONCILER_KEY", ""),
        token=remember(said.get("RECONCILER_GIT_TOKEN", "")),
        git=said.get("RECONCILER_GIT", ""),
        github_app=said.get("RECONCILER_GITHUB_APP", ""),
        github_key=_kept(said.get("RECONCILER_GITHUB_KEY", "")),
        seconds=limit,
        secrets=frozenset(said.get("RECONCILER_SECRETS", "").replace(",", " ").split()),
        webhook_secrets=tuple(remember(secret) for secret in secrets if secret),
        mail=remember(said.get("RECONCILER_MAIL", "")),
        # Where the platform does not say that it signs callers in, its header would be anybody's to write.
        # https://learn.microsoft.com/azure/app-service/reference-app-settings#authentication--authorization
        easy_auth=auth == EASY_AUTH and said.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
        feedback=feedback - {NO_FEEDBACK},
        url=said.get("RECONCILER_URL", ""),
        storage=_storage(said),
        environ=environ,
    )


def _kept(key: str) -> str:
    """A private key is a secret; the address of one is none."""
    return key if key.startswith("https://") else remember(key)


def _storage(said: Mapping[str, str]) -> Storage:
    """As Functions reads its own connection.
    https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity"""
    name = said.get("AzureWebJobsStorage__accountName", "")
    return Storage(
        remember(said.get("AzureWebJobsStorage", "")),
        said.get("AzureWebJobsStorage__queueServiceUri")
        or (f"https://{name}.queue.core.windows.net" if name else ""),
        said.get("AzureWebJobsStorage__clientId") or None,
    )


def engine(settings: Settings) -> Reconciler:
    """An engine for these settings. Raises SettingsError, and SourceError where there is no repository.

    A checkout is read at what is checked out; a bare repository or a URL where an environment follows it."""
    from reconciler import githost
    from reconciler.alerts import Post, addresses
    from reconciler.checkout import Checkout
    from reconciler.cloud import Cloud, identity_of
    from reconciler.engine import TICK_SECONDS, Reconciler
    from reconciler.environment.permission import settings_reader
    from reconciler.planner import Planner
    from reconciler.report import Reader
    from reconciler.source import Source
    from reconciler.source.signin import Means, credentials
    from reconciler.state import FileStore, open_store

    checkout = not settings.repository.startswith("https://") and not _is_bare(Path(settings.repository))
    state = state_of(settings)
    store = open_store(state, lambda: credential(None), settings.key)
    beside = isinstance(store, FileStore)
    cache_ = Path(state).expanduser() / "cache" if beside else Path(tempfile.gettempdir()) / "reconciler"
    setting = settings_reader(settings.environ, settings.secrets)
    means = Means(settings.token, settings.github_app, settings.github_key, lambda: credential(None))
    git = Checkout(
        source=Source(settings.repository, cache_, credentials(settings.repository, means), settings.git),
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

    def post(read: Reader | None) -> Post:
        return Post(addresses(setting, read), settings.mail, settings.repository)

    install = githost.Install(
        comments="comments" in settings.feedback,
        statuses="statuses" in settings.feedback,
        url=settings.url,
        mark=githost.Install.marked(settings.repository, state),
    )
    host = githost.opened(settings.repository, means, install)
    seconds = TICK_SECONDS if settings.seconds is None else settings.seconds
    return Reconciler(git, store, Planner(git, sign_in), seconds, post, host)


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
