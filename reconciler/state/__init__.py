"""Where states are kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import SettingsError
from reconciler.state.folder import FileStore
from reconciler.state.store import Lease, Store

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["FileStore", "Lease", "Store", "open_store"]

CONTAINER = re.compile(r"https://[a-z0-9]{3,24}\.blob\.core\.windows\.net/([a-z0-9](?:-?[a-z0-9]){2,62})/?")


def open_store(
    location: str, credential: Callable[[], TokenCredential] | None = None, key: str = ""
) -> Store:
    """The store at a place: a folder, https://ACCOUNT.blob.core.windows.net/CONTAINER, or the connection
    string of an Azurite. Makes no call.

    credential: signs in to Azure; key: the address of the Key Vault secret that a container needs for hashes.
    Raises SettingsError for what is no such place, and for a container without a key."""
    if CONTAINER.fullmatch(location) or _is_connection(location):
        from reconciler.state import container  # azure-storage-blob is imported where it is used

        if credential is None:
            from azure.identity import DefaultAzureCredential

            credential = DefaultAzureCredential
        return container.opened(location, credential, key)
    if ".blob.core.windows.net" in location:
        message = "a container is named https://ACCOUNT.blob.core.windows.net/CONTAINER."
        raise SettingsError(message, where="--state")
    if not location or re.match(r"[A-Za-z][\w+.-]*://", location):
        message = f"{location!r} is no place for a state. Name a folder, or a container by its https address."
        raise SettingsError(message, where="--state")
    return FileStore(Path(location).expanduser())


def _is_connection(location: str) -> bool:
    """Whether this is what a connection string of Azure Storage looks like."""
    return bool(
        re.match(r"(UseDevelopmentStorage|DefaultEndpointsProtocol|AccountName|BlobEndpoint)=", location)
    )
